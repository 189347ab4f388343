//! The source snapshot: what of the project belongs to a release.
//!
//! `.gitignore` decides, also where there is no repository; `.shipignore` comes after it and may
//! leave out more (`*.psd`) or take something back in (`!dist/`). Never taken: version control,
//! virtual environments, caches, installed JavaScript packages, and `.env`, whose values reach the
//! app as settings and have no business on the disk of a release.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{FileTimes, Metadata};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};
use ship_base::clock::Moment;
use ship_base::file::{self, FileError, WithPath as _};
use ship_base::hash::{ContentHash, Hasher};

use crate::cancel::Cancel;
use crate::error::Error;

/// Folders that are never part of a release.
const NEVER: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    "__pycache__",
    "node_modules",
];

/// How much of a file is read at once; also the piece that is hashed as one field.
const PIECE: usize = 1 << 20;

/// What is in a snapshot, by path relative to it.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    entries: BTreeMap<PathBuf, Entry>,
}

#[derive(Debug)]
struct Entry {
    mode: u32,
    hash: ContentHash,
}

/// What a snapshot leaves out or takes in beside the ignore files.
#[derive(Debug, Default)]
pub(crate) struct Choice<'a> {
    /// Not taken, with all below: it lives in the data folder.
    pub(crate) without: Vec<&'a Path>,
    /// Taken even where an ignore file names it: the lock and the files it was made from.
    pub(crate) with: Vec<&'a Path>,
}

impl Snapshot {
    /// Copies what belongs to a release from `project` into the new folder `into`.
    pub(crate) fn take(
        project: &Path,
        into: &Path,
        choice: &Choice<'_>,
        cancel: &Cancel,
    ) -> Result<Self, Error> {
        let mut snapshot = Self::default();
        file::create_folder(into)?;
        for entry in walk(project, choice) {
            cancel.check()?;
            let entry = entry.map_err(|error| listing_failed(project, error))?;
            let path = below(project, entry.path());
            snapshot.add(project, into, &path)?;
        }
        for path in &choice.with {
            if !snapshot.entries.contains_key(*path) && project.join(path).is_file() {
                snapshot.add(project, into, path)?;
            }
        }
        Ok(snapshot)
    }

    fn add(&mut self, project: &Path, into: &Path, path: &Path) -> Result<(), Error> {
        let (from, to) = (project.join(path), into.join(path));
        let metadata = match from.symlink_metadata() {
            // It went while we looked: editors write through temporary files.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.with_path("look at", &from)?,
        };
        if metadata.is_dir() {
            return Ok(file::create_folder(&to)?);
        }
        if let Some(folder) = to.parent() {
            file::create_folder(folder)?;
        }
        let entry = if metadata.is_symlink() {
            copy_link(project, path, &to)?
        } else if metadata.is_file() {
            copy_file(&from, &to, &metadata)?
        } else {
            // A socket, pipe or device is somebody's running program, not source.
            return Ok(());
        };
        self.entries.insert(path.to_owned(), entry);
        Ok(())
    }

    /// How many files and links it holds.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// When the newest of its files in `project` was changed.
    pub(crate) fn changed(&self, project: &Path) -> Option<Moment> {
        let files = self.entries.keys().map(|path| project.join(path));
        let changes = files.filter_map(|file| file.symlink_metadata().ok()?.modified().ok());
        changes.max().map(Moment::from)
    }

    /// The address of everything in it that is not below one of `without`.
    pub(crate) fn content(&self, without: &[PathBuf]) -> ContentHash {
        let mut hasher = Hasher::new();
        for (path, entry) in &self.entries {
            if !without.iter().any(|left_out| path.starts_with(left_out)) {
                hasher
                    .field(path.as_os_str().as_encoded_bytes())
                    .field(entry.mode.to_le_bytes())
                    .field(entry.hash.to_string());
            }
        }
        hasher.finish()
    }

    /// The address of the files that `choose` chooses.
    pub(crate) fn hash_of(&self, hasher: &mut Hasher, choose: impl Fn(&Path) -> bool) {
        for (path, entry) in self.entries.iter().filter(|(path, _)| choose(path)) {
            hasher
                .field(path.as_os_str().as_encoded_bytes())
                .field(entry.hash.to_string());
        }
    }
}

/// Everything in `project` that belongs to its source, folders before what is in them; what cannot
/// be listed is left out. `ship up --watch` looks at it, so that it sees what a build sees.
pub fn source_of(project: &Path) -> impl Iterator<Item = DirEntry> {
    walk(project, &Choice::default()).filter_map(Result::ok)
}

pub(crate) fn walk<'a>(
    project: &'a Path,
    choice: &Choice<'_>,
) -> impl Iterator<Item = Result<DirEntry, ignore::Error>> + use<'a> {
    let left_out: Vec<PathBuf> = choice
        .without
        .iter()
        .map(|path| project.join(path))
        .collect();
    let dotenv = project.join(".env");
    WalkBuilder::new(project)
        .standard_filters(false)
        .git_ignore(true)
        .git_exclude(true)
        .parents(true)
        .require_git(false)
        .add_custom_ignore_filename(".shipignore")
        .filter_entry(move |entry| {
            let path = entry.path();
            !is_never(entry) && path != dotenv && !left_out.iter().any(|left_out| left_out == path)
        })
        .build()
        .filter(|entry| !entry.as_ref().is_ok_and(|entry| entry.depth() == 0))
}

fn is_never(entry: &DirEntry) -> bool {
    entry.depth() > 0
        && entry.file_type().is_some_and(|kind| kind.is_dir())
        && (NEVER
            .iter()
            .any(|name| entry.file_name() == OsStr::new(name))
            || entry.path().join("pyvenv.cfg").is_file())
}

pub(crate) fn below(project: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(project).unwrap_or(path).to_owned()
}

pub(crate) fn listing_failed(project: &Path, error: ignore::Error) -> FileError {
    let source = match error.into_io_error() {
        Some(error) => error,
        None => std::io::Error::other("the folder cannot be walked"),
    };
    FileError {
        verb: "list",
        path: project.to_owned(),
        source,
    }
}

/// Copies content, permission bits and time of change; reads the file once.
fn copy_file(from: &Path, to: &Path, metadata: &Metadata) -> Result<Entry, FileError> {
    let mode = metadata.permissions().mode() & 0o777;
    let mut source = file::open(from)?;
    let mut target = file::create_new(to, mode | 0o600)?;
    let mut hasher = Hasher::new();
    let mut piece = vec![0; PIECE.min(metadata.len() as usize + 1)];
    loop {
        let count = read_piece(&mut source, &mut piece).with_path("read", from)?;
        if count == 0 {
            break;
        }
        hasher.field(&piece[..count]);
        target.write_all(&piece[..count]).with_path("write", to)?;
    }
    let changed = metadata.modified().with_path("look at", from)?;
    target
        .set_times(FileTimes::new().set_modified(changed))
        .with_path("change the time of", to)?;
    Ok(Entry {
        mode,
        hash: hasher.finish(),
    })
}

/// Fills the piece unless the file ends, so that equal content is cut into equal fields.
fn read_piece(file: &mut std::fs::File, piece: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match file.read(&mut piece[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// Copies a link that stays inside the project, relative so that it holds in every copy.
fn copy_link(project: &Path, link: &Path, to: &Path) -> Result<Entry, Error> {
    let relative = link_target(project, link)?;
    file::symlink(&relative, to)?;
    Ok(Entry {
        mode: 0o777,
        hash: ContentHash::of(relative.as_os_str().as_encoded_bytes()),
    })
}

/// Where a link of the project leads, relative to its folder; refused where that is outside.
pub(crate) fn link_target(project: &Path, link: &Path) -> Result<PathBuf, Error> {
    let path = project.join(link);
    let target = path.read_link().with_path("read", &path)?;
    let relative = match target.strip_prefix(project) {
        Ok(inside) => from_folder_of(link, inside),
        Err(_) => target.clone(),
    };
    if relative.is_absolute() || leaves(link, &relative) {
        let link = link.to_owned();
        return Err(Error::LinkOutside { link, target });
    }
    Ok(relative)
}

/// `target`, relative to the project, as seen from the folder of `link`.
fn from_folder_of(link: &Path, target: &Path) -> PathBuf {
    let depth = link.components().count().saturating_sub(1);
    let up: PathBuf = std::iter::repeat_n("..", depth).collect();
    up.join(target)
}

/// Whether following `target` from the folder of `link` climbs out of the project.
fn leaves(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count().cast_signed() - 1;
    target.components().any(|part| {
        match part {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
        depth < 0
    })
}

/// Copies a whole tree, everything writable by its owner, times of change kept.
pub(crate) fn copy_tree(from: &Path, to: &Path, cancel: &Cancel) -> Result<(), Error> {
    cancel.check()?;
    file::create_folder(to)?;
    for entry in file::entries(from)? {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let metadata = path.symlink_metadata().with_path("look at", &path)?;
        if metadata.is_dir() {
            copy_tree(&path, &target, cancel)?;
        } else if metadata.is_symlink() {
            let points_to = path.read_link().with_path("read", &path)?;
            file::symlink(&points_to, &target)?;
        } else if metadata.is_file() {
            copy_writable(&path, &target, &metadata)?;
        }
    }
    Ok(())
}

/// Copies one file; the system copies without our reading it where it can.
pub(crate) fn copy_writable(from: &Path, to: &Path, metadata: &Metadata) -> Result<(), FileError> {
    let mut source = file::open(from)?;
    let mode = metadata.permissions().mode() & 0o777 | 0o600;
    let mut target = file::create_new(to, mode)?;
    std::io::copy(&mut source, &mut target).with_path("write", to)?;
    let changed = metadata.modified().with_path("look at", from)?;
    target
        .set_times(FileTimes::new().set_modified(changed))
        .with_path("change the time of", to)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests lay out projects")]
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join("p").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn take(folder: &tempfile::TempDir, choice: &Choice<'_>) -> Result<Vec<String>, Error> {
        let into = folder.path().join("snapshot");
        let _ = fs::remove_dir_all(&into);
        let snapshot = Snapshot::take(&folder.path().join("p"), &into, choice, &Cancel::new())?;
        let names = snapshot.entries.keys();
        Ok(names.map(|path| path.display().to_string()).collect())
    }

    #[test]
    fn gitignore_and_shipignore_decide_without_a_repository() {
        let folder = project(&[
            ("app.py", ""),
            (".gitignore", "dist/\n*.log\n"),
            (".shipignore", "!dist/\n*.psd\n"),
            ("dist/app.js", ""),
            ("debug.log", ""),
            ("design.psd", ""),
            (".well-known/x", ""),
        ]);
        let taken = take(&folder, &Choice::default()).unwrap();
        assert_eq!(
            taken,
            [
                ".gitignore",
                ".shipignore",
                ".well-known/x",
                "app.py",
                "dist/app.js"
            ]
        );
    }

    #[test]
    fn environments_caches_and_dotenv_are_never_taken() {
        let folder = project(&[
            ("app.py", ""),
            (".env", "SECRET=1"),
            ("conf/.env", "A=1"),
            (".git/config", ""),
            ("myenv/pyvenv.cfg", ""),
            ("myenv/lib/x.py", ""),
            ("pkg/__pycache__/x.pyc", ""),
            ("node_modules/x/index.js", ""),
        ]);
        assert_eq!(
            take(&folder, &Choice::default()).unwrap(),
            ["app.py", "conf/.env"]
        );
    }

    #[test]
    fn data_stays_out_and_a_lock_that_is_ignored_comes_in() {
        let folder = project(&[
            (".gitignore", "uv.lock\n"),
            ("uv.lock", "x"),
            ("db.sqlite3", "x"),
            ("media/a.png", "x"),
        ]);
        let choice = Choice {
            without: vec![Path::new("db.sqlite3"), Path::new("media")],
            with: vec![Path::new("uv.lock"), Path::new("absent.txt")],
        };
        assert_eq!(take(&folder, &choice).unwrap(), [".gitignore", "uv.lock"]);
    }

    #[test]
    fn links_inside_are_kept_and_links_outside_are_refused_by_name() {
        let folder = project(&[("a/b/real.txt", "x")]);
        let root = folder.path().join("p");
        symlink("b/real.txt", root.join("a/relative")).unwrap();
        symlink(root.join("a/b/real.txt"), root.join("a/b/absolute")).unwrap();
        assert_eq!(take(&folder, &Choice::default()).unwrap().len(), 3);
        let link = folder.path().join("snapshot/a/b/absolute");
        assert_eq!(link.read_link().unwrap(), Path::new("../../a/b/real.txt"));
        assert_eq!(fs::read_to_string(link).unwrap(), "x");

        symlink("../../etc/passwd", root.join("a/out")).unwrap();
        let error = take(&folder, &Choice::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a/out` is a link to `../../etc/passwd`, outside of the project"
        );
    }

    #[test]
    fn the_address_knows_path_mode_and_content_and_nothing_else() {
        let folder = project(&[("a", "1"), ("b", "2")]);
        let root = folder.path().join("p");
        let address = |name: &str| {
            let into = folder.path().join(name);
            let taken = Snapshot::take(&root, &into, &Choice::default(), &Cancel::new());
            taken.unwrap().content(&[])
        };
        let first = address("1");
        let touched = fs::File::options()
            .append(true)
            .open(root.join("a"))
            .unwrap();
        touched
            .set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(address("2"), first);
        fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_ne!(address("3"), first);
        fs::write(root.join("b"), "3").unwrap();
        fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_ne!(address("4"), first);
    }

    #[test]
    fn modes_and_times_of_change_are_kept() {
        let folder = project(&[("run.sh", "#!/bin/sh")]);
        let from = folder.path().join("p/run.sh");
        fs::set_permissions(&from, fs::Permissions::from_mode(0o555)).unwrap();
        take(&folder, &Choice::default()).unwrap();
        let (from, to) = (
            from.metadata(),
            folder.path().join("snapshot/run.sh").metadata(),
        );
        let (from, to) = (from.unwrap(), to.unwrap());
        assert_eq!(from.modified().unwrap(), to.modified().unwrap());
        assert_eq!(to.permissions().mode() & 0o777, 0o755);
    }
}
