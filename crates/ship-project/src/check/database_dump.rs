//! Dumps of databases among the files of a release.

use std::path::Path;

use super::{Check, Finding, Severity};
use crate::check::subject::{Subject, head};
use crate::plan::Place;

pub(super) const CHECK: Check = Check {
    id: "database-dump",
    severity: Severity::Warning,
    title: "no dump of a database is part of the source",
    why: "A dump holds everybody's data: names, addresses, hashes of passwords. In the source it is copied into every clone and every release. What is seen: files that begin as `pg_dump`, `mysqldump` and SQLite's `.dump` begin and hold rows, and Redis snapshots. A schema without rows is none.",
    remedy: "`git rm --cached dump.sql && echo dump.sql >> .gitignore`.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let dumps = subject.files.iter().filter(|file| {
        let name = file
            .path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let may_be = [".sql", ".dump", ".pgdump", ".rdb", ".bak"]
            .iter()
            .any(|ending| name.ends_with(ending));
        may_be && is_dump(&subject.project().root.join(&file.path))
    });
    dumps
        .map(|file| {
            let name = file.path.display();
            let what = format!("`{name}` is a dump of a database, and goes into every release");
            let remedy = format!("`git rm --cached {name} && echo {name} >> .gitignore`");
            Finding::new(&CHECK, Place::file(&file.path), what, remedy)
        })
        .collect()
}

fn is_dump(path: &Path) -> bool {
    // Rows of a dump come after its tables.
    let head = head(path, 1 << 20);
    if head.starts_with(b"PGDMP") || head.starts_with(b"REDIS0") {
        return true;
    }
    let text = String::from_utf8_lossy(&head);
    let start: String = text.chars().take(400).collect();
    let made = [
        "PostgreSQL database dump",
        "MySQL dump",
        "MariaDB dump",
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;",
        "phpMyAdmin SQL Dump",
    ];
    let rows = text.contains("INSERT INTO") || text.contains("\nCOPY ");
    rows && made.iter().any(|words| start.contains(words))
}
