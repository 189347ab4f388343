//! `.env`, which holds secrets and belongs to one machine.

use std::path::Path;

use super::edit::{Edit, Fix};
use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::Place;

pub(super) const CHECK: Check = Check {
    id: "env-in-git",
    severity: Severity::Error,
    title: "`.env` is not in the repository",
    why: "`.env` holds the secrets of one machine. In git everybody who can read the repository has them, and they stay in its history. Shipsmith never takes `.env` into a release; its values reach the app as settings. `.env.example` and the like are meant to be shared.",
    remedy: "`git rm --cached .env && echo .env >> .gitignore`, and new secrets for those that were in it.",
    fix: Some(
        "Adds a line `.env` to `.gitignore`. What git already knows it keeps until `git rm --cached .env`.",
    ),
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let named = subject.files.iter().filter(|file| is_settings(&file.path));
    let mut findings: Vec<Finding> = named.map(|file| open(subject, &file.path)).collect();
    let ignored_too_late =
        subject.tracked.iter().flatten().filter(|path| {
            is_settings(path) && subject.files.iter().all(|file| file.path != **path)
        });
    findings.extend(ignored_too_late.map(|path| in_git(path)));
    findings
}

/// `.env`, `config/.env.production`; not `.env.example`.
fn is_settings(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let shared = [
        "example", "sample", "template", "dist", "default", "defaults", "test", "schema",
    ];
    let last = name.rsplit('.').next().unwrap_or_default();
    (name == ".env" || name.starts_with(".env.")) && !shared.contains(&last)
}

/// A file that no ignore file names.
fn open(subject: &Subject<'_>, path: &Path) -> Finding {
    let finding = match &subject.tracked {
        Some(tracked) if tracked.contains(path) => in_git(path),
        _ => {
            let what = format!("nothing keeps `{}` out of git", path.display());
            let remedy = format!("`echo {} >> .gitignore`", path.display());
            Finding::new(&CHECK, Place::file(path), what, remedy).severity(Severity::Warning)
        }
    };
    finding.fixed_by(ignore(subject, path))
}

fn in_git(path: &Path) -> Finding {
    let path_shown = path.display();
    let what =
        format!("`{path_shown}` is in the repository: everybody who can read that has its secrets");
    let remedy = format!(
        "`git rm --cached {path_shown} && echo {path_shown} >> .gitignore`, then new secrets"
    );
    Finding::new(&CHECK, Place::file(path), what, remedy)
}

fn ignore(subject: &Subject<'_>, path: &Path) -> Option<Fix> {
    let file = Path::new(".gitignore");
    let line = path.to_str().filter(|text| text.chars().all(is_plain))?;
    let edit = if subject.project().root.join(file).exists() {
        Edit::append(file, &subject.exact(file)?, line)
    } else {
        Edit::create(file, &format!("{line}\n"))
    };
    Some(Fix { edits: vec![edit] })
}

/// What means itself in an ignore file.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-/".contains(c)
}
