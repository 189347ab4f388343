//! What git could not merge, left in a list of packages.

use std::path::Path;

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::Place;

pub(super) const CHECK: Check = Check {
    id: "conflict",
    severity: Severity::Error,
    title: "no list of packages holds a conflict of git",
    why: "Between `<<<<<<<` and `>>>>>>>` stand both sides of what git could not merge: no build takes such a line, and which side counts nobody has said. What is seen: `requirements*.txt`, `constraints*.txt`, and what lies in a folder `requirements`; in Python, TOML and a `Procfile` such a line is a mistake that is told anyway.",
    remedy: "Keep one side, take the three lines with marks out, and commit that; `git status` names the files that are not merged.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let files = subject.files.iter().map(|file| file.path.as_path());
    files
        .filter(|file| is_list(file))
        .filter_map(|file| {
            let line = marked(&subject.text(file)?)?;
            let what = format!(
                "git could not merge `{}`, and both sides still stand in it",
                file.display()
            );
            let remedy = "keep one side, and take the lines `<<<<<<<`, `=======` and `>>>>>>>` out";
            Some(Finding::new(&CHECK, Place::line(file, line), what, remedy))
        })
        .collect()
}

fn is_list(file: &Path) -> bool {
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let is_text = file
        .extension()
        .is_some_and(|extension| extension == "txt" || extension == "in");
    let folder = file.parent().and_then(Path::file_name);
    let is_of_packages = name.starts_with("requirements")
        || name.starts_with("constraints")
        || folder.is_some_and(|folder| folder == "requirements");
    is_text && is_of_packages
}

/// The line of the first mark, where the last one is there as well.
fn marked(text: &str) -> Option<u32> {
    let begins = |mark: &'static str| {
        move |line: &str| {
            let rest = line.strip_prefix(mark);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        }
    };
    let first = text.lines().position(begins("<<<<<<<"))?;
    let has_end = text.lines().skip(first).any(begins(">>>>>>>"));
    has_end.then_some(u32::try_from(first + 1).ok()?)
}
