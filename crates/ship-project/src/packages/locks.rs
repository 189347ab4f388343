//! Packages from locks.

use std::path::Path;

use super::{Folder, Packages};
use crate::error::Result;
use crate::files::{pylock as pylock_file, pyproject, uv_lock};
use crate::locked::{self, Beside};
use crate::plan::{Dependencies, LockTool, Place};

/// `uv.lock` beside `pyproject.toml`.
pub(super) fn uv(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    let Some((file, text)) = folder.file("uv.lock")? else {
        return Ok(false);
    };
    if folder.pyproject.is_none() {
        return Ok(false);
    }
    let unreadable = |e| pyproject::toml_error(&file, &text, &e);
    let members = uv_lock::members(&text).map_err(unreadable)?;
    // The application's own folder, or the nearest above it, is the member that is run.
    let below = folder.all.iter().rev();
    let own = below.filter_map(|path| path.strip_prefix(folder.path).ok());
    let member = own
        .filter(|path| path.iter().next().is_some())
        .find_map(|path| members.get(path).cloned());
    let lock = uv_lock::parse(&text, member.as_deref()).map_err(unreadable)?;
    let value = Dependencies::UvLock {
        lock: file.clone(),
        member,
        packages: lock.packages.len(),
    };
    packages.named(value, Place::file(&file));
    packages.requires(lock.requires_python, &file);
    let versions = lock.packages.into_iter();
    packages.versions = versions
        .map(|(name, version)| (name, Some(version)))
        .collect();
    Ok(true)
}

/// Names of a lock beside `pylock.toml` that is not for where the project runs; `ship` is the one
/// that a build writes.
const ELSEWHERE: [&str; 10] = [
    "ci",
    "dev",
    "develop",
    "development",
    "doc",
    "docs",
    "lint",
    "ship",
    "test",
    "tests",
];

/// `pylock.toml`; else `pylock.prod.toml`, or another where it is the only one (PEP 751).
pub(super) fn pylock(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    let own = folder.file("pylock.toml")?;
    let found = match own {
        Some(found) => Some(found),
        None => named_pylock(folder).map_or(Ok(None), |name| folder.file(&name))?,
    };
    let Some((file, text)) = found else {
        return Ok(false);
    };
    let lock = pylock_file::parse(&text).map_err(|e| pyproject::toml_error(&file, &text, &e))?;
    let value = Dependencies::Pylock {
        lock: file.clone(),
        packages: lock.packages.len(),
    };
    packages.named(value, Place::file(&file));
    packages.requires(lock.requires_python, &file);
    let versions = lock.packages.into_iter();
    packages.versions = versions
        .map(|(name, version)| (name, Some(version)))
        .collect();
    Ok(true)
}

fn named_pylock(folder: &Folder<'_>) -> Option<String> {
    let file = |name: &str| format!("pylock.{name}.toml");
    let names = folder.tree.beginning(folder.path, "pylock.");
    let names = names.filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix("pylock.")?.strip_suffix(".toml")
    });
    let fits = |name: &&str| !name.contains('.') && !ELSEWHERE.contains(name);
    let names: Vec<&str> = names.filter(fits).collect();
    let production = ["prod", "production", "deploy", "deployment"];
    let best = production.into_iter().find(|name| names.contains(name));
    let only = match names[..] {
        [only] => Some(only),
        _ => None,
    };
    best.or(only).map(file)
}

/// `poetry.lock` beside `pyproject.toml`.
pub(super) fn poetry(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    other(packages, folder, LockTool::Poetry)
}

/// `pdm.lock` beside `pyproject.toml`.
pub(super) fn pdm(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    other(packages, folder, LockTool::Pdm)
}

/// `Pipfile.lock` beside `Pipfile`.
pub(super) fn pipenv(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    other(packages, folder, LockTool::Pipenv)
}

fn other(packages: &mut Packages, folder: &Folder<'_>, tool: LockTool) -> Result<bool> {
    let file = locked::path(folder.path, tool);
    let text_of = |path: &Path| folder.tree.text(path);
    let Some(beside) = Beside::read(&text_of, tool, &file)? else {
        return Ok(false);
    };
    let needed = beside.lock.needed(&beside.roots);
    let value = Dependencies::Locked {
        tool,
        lock: file.clone(),
        packages: needed.len(),
    };
    packages.named(value, Place::file(&file));
    packages.python = beside.python;
    packages.requires(beside.lock.requires_python, &file);
    packages.versions = needed
        .into_iter()
        .map(|(name, version)| (name, Some(version).filter(|v| !v.is_empty())))
        .collect();
    Ok(true)
}

impl Packages {
    /// What a lock says of Python counts where its list says nothing.
    fn requires(&mut self, python: Option<String>, file: &Path) {
        if let Some(python) = python {
            let specifier = crate::files::poetry_range::hull(&python).unwrap_or(python);
            self.requires_python
                .get_or_insert((specifier, Place::file(file)));
        }
    }
}
