//! Databases that are files of the source.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::Place;

pub(super) const CHECK: Check = Check {
    id: "stored-in-source",
    severity: Severity::Warning,
    title: "no database file is part of the source",
    why: "An SQLite file of the source holds what you typed in while developing, accounts and passwords of administrators included, and becomes the app's first database: visitors could sign in with them. Shipsmith keeps the file in the app's data folder, where it outlives releases; a later one of the source is not used any more. Uploads that the plan lists under `data` are kept in the same way.",
    remedy: "`git rm --cached db.sqlite3 && echo db.sqlite3 >> .gitignore`: migrations make a new one at the first deploy.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let files = subject.files.iter().filter(|file| {
        let name = file
            .path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let is_database = [".sqlite3", ".sqlite", ".db"]
            .iter()
            .any(|ending| name.ends_with(ending));
        // Where git knows of the project's files, it says which of them are source.
        let is_source = subject
            .tracked
            .as_ref()
            .is_none_or(|tracked| tracked.contains(&file.path));
        is_database && is_source && is_sqlite(subject, &file.path)
    });
    files
        .map(|file| {
            let name = file.path.display();
            let what = format!("`{name}` is part of the source: what you typed in while developing becomes the first data");
            let remedy = format!("`git rm --cached {name} && echo {name} >> .gitignore`");
            Finding::new(&CHECK, Place::file(&file.path), what, remedy)
        })
        .collect()
}

/// Begins as every database of SQLite 3 does (<https://www.sqlite.org/fileformat.html>).
fn is_sqlite(subject: &Subject<'_>, path: &std::path::Path) -> bool {
    let head = super::subject::head(&subject.project().root.join(path), 16);
    head.starts_with(b"SQLite format 3\0")
}
