//! No file says which Python.

use std::path::Path;

use super::edit::{Edit, Fix};
use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::python::index::plain;
use crate::python_wanted::doubts;

pub(super) const CHECK: Check = Check {
    id: "python-unnamed",
    severity: Severity::Advice,
    title: "the project says which Python it runs on",
    why: "Where nothing names a Python, each machine takes its own, and a server's next upgrade may change it. A name that is not understood says no more than none. Of two files that name different ones, `.python-version` counts before `runtime.txt` and those of version managers, and other tools may take the other. A version that `requires-python` does not allow, or that nobody has released, ends the build.",
    remedy: "`echo 3.13 > .python-version` names it for every tool; `python` in `ship.toml` for Shipsmith alone.",
    fix: Some(
        "Writes `.python-version` with the version of the virtual environment in the project (`.venv`, `venv`, `env`), where there is one.",
    ),
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let Ok(plan) = subject.plan else {
        return Vec::new();
    };
    let python = plan.python.as_ref();
    let doubts = python.map(|python| doubts(subject.project(), &plain(&plan.folder), python));
    let doubts = doubts.and_then(Result::ok).unwrap_or_default();
    if !doubts.is_empty() {
        let told = doubts.into_iter().map(|doubt| {
            let remedy = doubt.hint.unwrap_or_default();
            Finding::new(&CHECK, doubt.place, doubt.text, remedy).severity(Severity::Warning)
        });
        return told.collect();
    }
    let open = python.filter(|python| python.value.request.is_empty());
    let finding = open.map(|_| {
        let own = environment(subject);
        let version = own.as_deref().unwrap_or("3.13");
        let what = match &own {
            Some(version) => format!("no file says which Python; your environment has {version}"),
            None => "no file says which Python: each machine takes its own".to_owned(),
        };
        let file = Path::new(".python-version");
        let fix = own.as_ref().map(|version| Fix {
            edits: vec![Edit::create(file, &format!("{version}\n"))],
        });
        Finding::new(
            &CHECK,
            None,
            what,
            format!("`echo {version} > .python-version`"),
        )
        .fixed_by(fix)
    });
    finding.into_iter().collect()
}

/// `3.12` from `version = 3.12.3` of an environment in the project.
fn environment(subject: &Subject<'_>) -> Option<String> {
    let text = [".venv", "venv", "env"]
        .iter()
        .find_map(|folder| subject.text(&Path::new(folder).join("pyvenv.cfg")))?;
    let version = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        // The standard library writes `version`, uv and virtualenv `version_info`.
        ["version", "version_info"]
            .contains(&name.trim())
            .then(|| value.trim())
    })?;
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    (plain(major) && plain(minor)).then(|| format!("{major}.{minor}"))
}
