//! `cargo xtask generate [--check]`: the pages of `docs/reference`, made from the code.
//!
//! The pages are written by an example of the crate `ship`, which has everything at hand that they
//! are made from; so this program stays small and builds in a second.
#![expect(
    clippy::disallowed_methods,
    reason = "a chore of the project's own, which writes files under version control"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Where the pages are, from the root of the repository.
const PAGES: &str = "docs/reference";

/// Writes the pages; with `check`, only tells which of them are stale.
pub(crate) fn run(root: &Path, check: bool) -> Result<(), String> {
    let pages = root.join(PAGES);
    if !check {
        fs::create_dir_all(&pages).map_err(|error| said("create", &pages, &error))?;
        return write(root, &pages);
    }
    let fresh = root.join("target/xtask/reference");
    fs::create_dir_all(&fresh).map_err(|error| said("create", &fresh, &error))?;
    write(root, &fresh)?;
    let stale = stale(&pages, &fresh)?;
    if stale.is_empty() {
        return Ok(());
    }
    let stale = stale.join(", ");
    Err(format!(
        "stale in {PAGES}: {stale}\n  hint: `cargo xtask generate`, and commit what changed"
    ))
}

fn write(root: &Path, folder: &Path) -> Result<(), String> {
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .args([
            "run",
            "--quiet",
            "--package",
            "ship",
            "--example",
            "reference",
            "--",
        ])
        .arg(folder)
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the pages were not written: {status}"))
    }
}

/// The names of the pages in `fresh` that differ from those in `pages`, or are not there.
fn stale(pages: &Path, fresh: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(fresh).map_err(|error| said("list", fresh, &error))?;
    let mut stale = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| said("list", fresh, &error))?;
        let name = entry.file_name();
        let wanted = fs::read(entry.path()).map_err(|error| said("read", fresh, &error))?;
        if fs::read(pages.join(&name)).ok() != Some(wanted) {
            stale.push(name.to_string_lossy().into_owned());
        }
    }
    stale.sort();
    Ok(stale)
}

fn said(verb: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {verb} {}: {error}", path.display())
}
