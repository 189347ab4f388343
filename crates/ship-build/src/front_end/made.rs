//! What a front end's build made: the files in which its copy differs from the source.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ship_base::file::{self, WithPath as _};
use ship_project::plan::FrontEnd;

use crate::error::Error;

/// Folders that tools keep for themselves.
const CACHES: [&str; 8] = [
    "node_modules",
    ".cache",
    ".parcel-cache",
    ".turbo",
    ".angular",
    ".yarn",
    ".pnpm-store",
    "__pycache__",
];

/// Locks that an installation without one leaves.
const LOCKS: [&str; 5] = [
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    "bun.lockb",
];

/// The difference, in paths relative to the source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// New files, and those with another content.
    pub(crate) files: Vec<PathBuf>,
    /// Files of the source that the build removed: bundles that were committed.
    pub(crate) gone: Vec<PathBuf>,
}

impl Made {
    /// Compares, and brings the source of the release to what the copy is.
    pub(super) fn bring_into(
        scratch: &Path,
        source: &Path,
        wanted: &[&FrontEnd],
    ) -> Result<Self, Error> {
        let mut made = Self::default();
        made.compare(scratch, source, Path::new(""))?;
        for path in &made.gone {
            file::remove(&source.join(path))?;
        }
        for path in &made.files {
            put(&scratch.join(path), &source.join(path))?;
        }
        // A build that cleans its folder and writes the same again has made it, too.
        let outputs = wanted
            .iter()
            .filter_map(|front_end| front_end.output.as_ref());
        for output in outputs {
            if !source.join(output).is_dir() {
                return Err(Error::NothingMade {
                    folder: output.clone(),
                });
            }
        }
        Ok(made)
    }

    fn compare(&mut self, scratch: &Path, source: &Path, below: &Path) -> Result<(), Error> {
        for entry in file::entries(&scratch.join(below))? {
            let name = entry.file_name();
            let path = below.join(&name);
            let kind = entry.file_type().with_path("look at", &entry.path())?;
            if kind.is_dir() {
                if !CACHES.iter().any(|cache| name == *cache) {
                    self.compare(scratch, source, &path)?;
                }
            } else if kind.is_file() && !is_trace(&path) && differs(scratch, source, &path)? {
                self.files.push(path);
            }
        }
        for entry in file::entries_if_there(&source.join(below))? {
            let path = below.join(entry.file_name());
            if !exists(&scratch.join(&path)) {
                self.add_gone(source, path)?;
            }
        }
        self.files.sort();
        self.gone.sort();
        Ok(())
    }

    fn add_gone(&mut self, source: &Path, path: PathBuf) -> Result<(), Error> {
        let whole = source.join(&path);
        if !whole.is_dir() || whole.is_symlink() {
            self.gone.push(path);
            return Ok(());
        }
        for entry in file::entries(&whole)? {
            self.add_gone(source, path.join(entry.file_name()))?;
        }
        Ok(())
    }

    /// The same difference, with the files of an earlier release; false where that has not got
    /// them all.
    pub(super) fn take_over(&self, from: &Path, source: &Path) -> Result<bool, Error> {
        if !self.files.iter().all(|path| from.join(path).is_file()) {
            return Ok(false);
        }
        for path in &self.gone {
            file::remove(&source.join(path))?;
        }
        for path in &self.files {
            put(&from.join(path), &source.join(path))?;
        }
        Ok(true)
    }
}

/// Files that tell of the build and belong to nobody.
fn is_trace(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    LOCKS.contains(&&*name) || name.ends_with(".tsbuildinfo") || name.ends_with("-debug.log")
}

fn differs(scratch: &Path, source: &Path, path: &Path) -> Result<bool, Error> {
    let (new, old) = (scratch.join(path), source.join(path));
    let Ok(before) = old.symlink_metadata() else {
        return Ok(true);
    };
    let after = new.metadata().with_path("look at", &new)?;
    let unlike = before.len() != after.len() || !before.is_file();
    let same_time = before.modified().ok() == after.modified().ok();
    Ok(unlike || !same_time && file::read(&old)? != file::read(&new)?)
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The same file once more, under a name of its own.
fn put(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(folder) = to.parent() {
        file::create_folder(folder)?;
    }
    file::remove(to)?;
    if std::fs::hard_link(from, to).is_err() {
        file::copy(from, to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = folder.join(path);
            file::create_folder(path.parent().unwrap()).unwrap();
            file::write_whole(&path, text.as_bytes()).unwrap();
        }
    }

    #[test]
    fn what_is_new_changed_or_gone_reaches_the_source_and_packages_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let source = [
            ("app.py", "1"),
            ("static/old.js", "1"),
            ("static/same.js", "1"),
        ];
        write(&place("source"), &source);
        write(&place("next"), &source);
        write(
            &place("scratch"),
            &[
                ("app.py", "1"),
                ("static/same.js", "2"),
                ("static/.vite/manifest.json", "{}"),
                ("ui/node_modules/x/index.js", "x"),
                ("ui/package-lock.json", "{}"),
            ],
        );
        let made = Made::bring_into(&place("scratch"), &place("source"), &[]).unwrap();
        let files: Vec<_> = made
            .files
            .iter()
            .map(|path| path.to_str().unwrap())
            .collect();
        assert_eq!(files, ["static/.vite/manifest.json", "static/same.js"]);
        assert_eq!(made.gone, [Path::new("static/old.js")]);
        assert!(made.take_over(&place("source"), &place("next")).unwrap());
        for release in ["source", "next"] {
            let read = |path: &str| file::read_text(&place(release).join(path));
            assert_eq!(read("static/same.js").unwrap(), "2");
            assert!(read("static/old.js").is_err());
            assert!(!place(release).join("ui").exists());
        }
    }

    #[test]
    fn an_earlier_release_that_has_not_got_it_all_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let made = Made {
            files: vec!["static/app.js".into()],
            gone: Vec::new(),
        };
        assert!(!made.take_over(folder.path(), folder.path()).unwrap());
    }
}
