//! Packages whose version is decided by the day of the build.

use std::path::Path;

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::files::requirements::Requirements;
use crate::plan::{Dependencies, Place};

pub(super) const CHECK: Check = Check {
    id: "unpinned",
    severity: Severity::Warning,
    title: "the versions of all packages are written down",
    why: "Without a lock, two builds of the same commit may hold different packages, and what worked on your machine is not what runs. Shipsmith locks at the first build and keeps that lock with the release, but only a lock in the repository holds for everybody.",
    remedy: "`uv lock` beside a `pyproject.toml`; for requirements, name what you need in `requirements.in`, and `uv pip compile requirements.in -o requirements.txt` writes every version into the file that is read; or take the lock of the first build.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let dependencies = subject
        .plan
        .ok()
        .and_then(|plan| plan.dependencies.as_ref());
    let finding = dependencies.and_then(|named| {
        if let Dependencies::Requirements {
            files,
            pinned: false,
            ..
        } = &named.value
        {
            return requirements(subject, files.first()?);
        }
        if let Dependencies::Pyproject { file } = &named.value {
            let what = "packages are named without a lock: each build may get others";
            let remedy = "`uv lock`, and commit `uv.lock`";
            return Some(Finding::new(&CHECK, Place::file(file), what, remedy));
        }
        if let Dependencies::Unnamed { add } = &named.value
            && !add.is_empty()
            && named.places.is_empty()
        {
            let what = "no file names the packages: only what the framework needs is installed";
            let remedy = "`uv init --bare && uv add …`, or list them in `requirements.txt`";
            return Some(Finding::new(&CHECK, None, what, remedy));
        }
        None
    });
    finding.into_iter().collect()
}

fn requirements(subject: &Subject<'_>, file: &Path) -> Option<Finding> {
    let read = Requirements::read(file, &|path| subject.text(path));
    let loose: Vec<_> = read
        .entries
        .iter()
        .filter(|entry| entry.version.is_none())
        .collect();
    let first = loose.first()?;
    let name = match first.name.as_str() {
        "" => "a path".to_owned(),
        name => format!("`{name}`"),
    };
    let (count, all) = (loose.len(), read.entries.len());
    let what = match (count, all) {
        (_, 1) => format!("{name} has no exact version: each build may get another"),
        (1, _) => format!(
            "1 of {all} requirements, {name}, names no exact version: each build may get another"
        ),
        _ => format!(
            "{count} of {all} requirements name no exact version, {name} first: each build may get others"
        ),
    };
    let remedy = remedy(subject, file);
    Some(Finding::new(&CHECK, first.place.clone(), what, remedy))
}

/// What is read afterwards: versions in the file itself, or a lock beside it.
fn remedy(subject: &Subject<'_>, file: &Path) -> String {
    let (shown, tree) = (file.display(), &subject.project().tree);
    let list = file.with_extension("in");
    let compile = format!("uv pip compile {} -o {shown}", list.display());
    if tree.has(&list) {
        return format!("`{compile}`, and commit what it writes");
    }
    let beside = file.with_file_name("pyproject.toml");
    let add = if tree.has(&beside) {
        format!("`uv add -r {shown}`")
    } else {
        format!("`uv init --bare && uv add -r {shown}`")
    };
    format!(
        "`mv {shown} {} && {compile}`, and commit both; or {add}, which writes `uv.lock`",
        list.display()
    )
}
