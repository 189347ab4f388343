//! Files written whole or not at all, and I/O errors that name their path.
//!
//! The rest of the workspace does not touch `std::fs`: `clippy.toml` steers here.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place that wraps std::fs"
)]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::hint::Hints;

/// An I/O error with what was tried and where.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} `{}`", path.display())]
pub struct FileError {
    /// What was tried: `read`, `write`, …
    pub verb: &'static str,
    /// Where.
    pub path: PathBuf,
    /// What the system answered.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// Whether the file or folder is simply not there.
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

impl Hints for FileError {
    fn hints(&self) -> Vec<String> {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => vec![
                "the disk is full: free some space, or see `ship doctor` for what Shipsmith holds"
                    .to_owned(),
            ],
            io::ErrorKind::ReadOnlyFilesystem => {
                vec!["the file system is mounted read-only".to_owned()]
            }
            io::ErrorKind::PermissionDenied => {
                vec![format!("see who owns it: `ls -ld {}`", self.path.display())]
            }
            _ => Vec::new(),
        }
    }
}

/// Result of every function here.
pub type Result<T> = std::result::Result<T, FileError>;

/// Gives an [`io::Result`] its verb and path.
pub trait WithPath<T> {
    /// Turns an error into a [`FileError`].
    fn with_path(self, verb: &'static str, path: &Path) -> Result<T>;
}

impl<T> WithPath<T> for io::Result<T> {
    fn with_path(self, verb: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| FileError {
            verb,
            path: path.to_owned(),
            source,
        })
    }
}

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_path("read", path)
}

/// Reads a whole file as UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_path("read", path)
}

/// Reads a whole file as UTF-8; `None` when it is not there.
pub fn read_text_if_there(path: &Path) -> Result<Option<String>> {
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a file for reading.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).with_path("open", path)
}

/// Opens a file for appending, creating it with `mode` where it is not there.
pub fn append(path: &Path, mode: u32) -> Result<File> {
    let mut options = File::options();
    options
        .create(true)
        .append(true)
        .mode(mode)
        .open(path)
        .with_path("open", path)
}

/// Creates a file for appending with `mode`; fails where something has that name.
pub fn create_new(path: &Path, mode: u32) -> Result<File> {
    let mut options = File::options();
    options
        .create_new(true)
        .append(true)
        .mode(mode)
        .open(path)
        .with_path("create", path)
}

/// Sets a file's time of change to now, creating it empty where it is not there. Mode 0600.
pub fn touch(path: &Path) -> Result<()> {
    let file = append(path, 0o600)?;
    file.set_modified(std::time::SystemTime::now())
        .with_path("touch", path)
}

/// Creates a folder and its parents; no error when it is there.
pub fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_path("create", path)
}

/// Creates a folder and its parents and makes it the owner's alone (0700).
pub fn create_private_folder(path: &Path) -> Result<()> {
    create_folder(path)?;
    set_mode(path, 0o700)
}

/// Changes the permission bits.
pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_path("change the mode of", path)
}

/// Makes one file, folder or link somebody's own; a link itself, not what it leads to.
pub fn give(path: &Path, owner: u32) -> Result<()> {
    std::os::unix::fs::lchown(path, Some(owner), Some(owner)).with_path("change the owner of", path)
}

/// Makes a folder and everything in it somebody's own. No link is followed, not even one that is
/// put in a folder's place meanwhile: what is below may belong to a program that runs.
pub fn give_tree(path: &Path, owner: u32) -> Result<()> {
    use rustix::fs::{CWD, Mode, OFlags, openat};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty())
        .and_then(|folder| give_below(folder, owner))
        .map_err(io::Error::from)
        .with_path("change the owner of", path)
}

fn give_below(folder: std::os::fd::OwnedFd, owner: u32) -> rustix::io::Result<()> {
    use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Uid, chownat, fchown, openat};
    let (uid, gid) = (Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)));
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if entry.file_type() == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            give_below(openat(&folder, name, flags, Mode::empty())?, owner)?;
        } else {
            chownat(&folder, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
    }
    fchown(&folder, uid, gid)
}

/// Removes a file; no error when it is not there.
pub fn remove(path: &Path) -> Result<()> {
    missing_is_fine(fs::remove_file(path)).with_path("remove", path)
}

/// Removes a folder with everything in it, also read-only sub-folders; no error when it is not there.
pub fn remove_folder(path: &Path) -> Result<()> {
    match missing_is_fine(fs::remove_dir_all(path)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_folders_writable(path)?;
            missing_is_fine(fs::remove_dir_all(path)).with_path("remove", path)
        }
        other => other.with_path("remove", path),
    }
}

/// Removes a folder that nothing is in; one that holds something is left alone.
pub fn remove_folder_if_empty(path: &Path) -> Result<()> {
    match missing_is_fine(fs::remove_dir(path)) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        other => other.with_path("remove", path),
    }
}

fn make_folders_writable(path: &Path) -> Result<()> {
    set_mode(path, 0o700)?;
    for entry in entries(path)? {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_folders_writable(&entry.path())?;
        }
    }
    Ok(())
}

/// The entries of a folder, sorted by name.
pub fn entries(path: &Path) -> Result<Vec<fs::DirEntry>> {
    let listing = fs::read_dir(path).with_path("list", path)?;
    let mut entries = listing
        .collect::<io::Result<Vec<_>>>()
        .with_path("list", path)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

/// The entries of a folder, sorted by name; none when it is not there.
pub fn entries_if_there(path: &Path) -> Result<Vec<fs::DirEntry>> {
    match entries(path) {
        Err(error) if error.is_missing() => Ok(Vec::new()),
        other => other,
    }
}

/// Copies one file with its permission bits.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).with_path("copy", from)
}

/// Gives a file a second name, which is not there yet.
pub fn link(from: &Path, to: &Path) -> Result<()> {
    fs::hard_link(from, to).with_path("create", to)
}

/// Makes `link` point to `target`, replacing a link that is there.
pub fn symlink(target: &Path, link: &Path) -> Result<()> {
    let temporary = temporary_beside(link);
    std::os::unix::fs::symlink(target, &temporary).with_path("create", &temporary)?;
    fs::rename(&temporary, link).with_path("create", link)
}

/// Writes `content` to `path` whole: temporary file in the same folder, sync, rename, sync of the
/// folder. A power cut at any moment leaves the old content or the new. Mode 0600.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    write_whole_with_mode(path, content, 0o600)
}

/// [`write_whole`] with other permission bits.
pub fn write_whole_with_mode(path: &Path, content: &[u8], mode: u32) -> Result<()> {
    write_whole_for(path, content, mode, None)
}

/// [`write_whole_with_mode`], the file being another user's and group's from the moment in which it
/// has its name.
pub fn write_whole_for(
    path: &Path,
    content: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> Result<()> {
    let temporary = temporary_beside(path);
    let written = write_synced(&temporary, content, mode, owner).with_path("write", path);
    if let Err(error) = written {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    rename_synced(&temporary, path)
}

/// Replaces a file so that readers see the old content or the new, but without syncing: for state
/// that means nothing after a power cut. Mode 0600.
pub fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = temporary_beside(path);
    let written = write_new(&temporary, content, 0o600).with_path("write", path);
    let replaced =
        written.and_then(|_| fs::rename(&temporary, path).with_path("rename into place", path));
    if replaced.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    replaced
}

fn write_synced(
    path: &Path,
    content: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> io::Result<()> {
    let file = write_new(path, content, mode)?;
    if let Some((user, group)) = owner {
        std::os::unix::fs::fchown(&file, Some(user), Some(group))?;
    }
    file.sync_all()
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<File> {
    let mut options = File::options();
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    Ok(file)
}

/// Renames and syncs the folder that holds the new name. What is renamed must be synced before.
pub fn rename_synced(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).with_path("rename into place", to)?;
    sync_folder(to.parent().unwrap_or(Path::new("/")))
}

/// Syncs a folder's list of names to the disk.
pub fn sync_folder(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .with_path("sync", path)
}

/// Syncs the file system that holds `path`: one call instead of one per file, for a whole tree. It
/// waits for whatever else was written there, by anybody: see [`sync_tree`].
pub fn sync_file_system(path: &Path) -> Result<()> {
    let folder = open(path)?;
    rustix::fs::syncfs(&folder)
        .map_err(io::Error::from)
        .with_path("sync", path)
}

/// Up to how many files and folders [`sync_tree`] syncs one by one: at a third of a millisecond each
/// that is less than a machine takes that has a lot to write.
const FEW: usize = 256;

/// Syncs everything at and below `path`. A small tree is synced file by file, because syncfs(2) writes
/// out what all other programs have written as well: on a machine where a gigabyte waits for a slow
/// disk, a deploy of ten files would wait for the gigabyte. A large one is synced with its file
/// system.
pub fn sync_tree(path: &Path) -> Result<()> {
    let mut few = Vec::new();
    if gather(path, &mut few).is_none() {
        return sync_file_system(path);
    }
    // Folders after what they hold.
    for (path, file) in few.iter().rev() {
        file.sync_all().with_path("sync", path)?;
    }
    Ok(())
}

/// The files and folders at and below `path`, opened, each folder before what is in it; nothing where
/// they are more than [`FEW`] or one of them cannot be opened. A link lies in its folder.
fn gather(path: &Path, few: &mut Vec<(PathBuf, File)>) -> Option<()> {
    let kind = path.symlink_metadata().ok()?.file_type();
    if !kind.is_dir() && !kind.is_file() {
        return Some(());
    }
    if few.len() == FEW {
        return None;
    }
    few.push((path.to_owned(), File::open(path).ok()?));
    if kind.is_dir() {
        for entry in fs::read_dir(path).ok()? {
            gather(&entry.ok()?.path(), few)?;
        }
    }
    Some(())
}

/// What every temporary name begins with; the number of the process that uses it follows.
const TEMPORARY: &str = ".tmp-";

/// A name in the same folder that no other process or thread uses: `.tmp-<process>-<number>`.
pub fn temporary_beside(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    path.with_file_name(format!("{TEMPORARY}{process}-{number}"))
}

/// Removes the temporary files in `folder` that killed processes left: those whose process number
/// `is_dead` says so of.
pub fn remove_temporaries(folder: &Path, is_dead: impl Fn(i32) -> bool) -> Result<()> {
    for entry in entries_if_there(folder)? {
        if writer_of(&entry.file_name()).is_some_and(&is_dead) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// The process that a temporary name belongs to.
fn writer_of(name: &OsStr) -> Option<i32> {
    let (process, _) = name.to_str()?.strip_prefix(TEMPORARY)?.split_once('-')?;
    process.parse().ok()
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_write_replaces_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        write_whole(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap(), b"new");
        assert_eq!(entries(folder.path()).unwrap().len(), 1);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_small_tree_is_synced_file_by_file_and_a_large_one_at_once() {
        let folder = tempfile::tempdir().unwrap();
        create_folder(&folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/c"), "c").unwrap();
        std::os::unix::fs::symlink("/nowhere", folder.path().join("a/link")).unwrap();
        let names = || {
            let mut few = Vec::new();
            gather(&folder.path().join("a"), &mut few).map(|()| {
                let names = few.into_iter().map(|(path, _)| path);
                names
                    .map(|path| path.strip_prefix(&folder).unwrap().to_owned())
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(names().unwrap(), ["a", "a/b", "a/b/c"].map(PathBuf::from));
        sync_tree(folder.path()).unwrap();
        for number in 0..FEW {
            fs::write(folder.path().join(format!("a/{number}")), "").unwrap();
        }
        assert_eq!(names(), None);
        sync_tree(folder.path()).unwrap();
        let missing = sync_tree(&folder.path().join("missing"));
        assert!(missing.unwrap_err().is_missing());
    }

    #[test]
    fn errors_name_what_was_tried_and_where() {
        let error = read_text(Path::new("/no/such/file")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read `/no/such/file`");
        assert!(error.is_missing());
    }

    #[test]
    fn only_temporaries_of_dead_processes_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".tmp-7-0", ".tmp-77-1", ".tmp-x-1", "state.json"] {
            fs::write(folder.path().join(name), "half").unwrap();
        }
        remove_temporaries(folder.path(), |process| process == 7).unwrap();
        let left = entries(folder.path()).unwrap();
        let left = left.iter().map(fs::DirEntry::file_name);
        assert_eq!(
            left.collect::<Vec<_>>(),
            [".tmp-77-1", ".tmp-x-1", "state.json"]
        );
    }

    #[test]
    fn a_tree_changes_hands_and_what_its_links_lead_to_does_not() {
        use std::os::unix::fs::MetadataExt as _;
        if !rustix::process::getuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (tree, outside) = (folder.path().join("tree"), folder.path().join("outside"));
        create_folder(&tree.join("a")).unwrap();
        create_folder(&outside).unwrap();
        for file in [tree.join("a/b"), outside.join("secret")] {
            fs::write(file, "").unwrap();
        }
        symlink(&outside, &tree.join("link")).unwrap();
        give_tree(&tree, 70_000).unwrap();
        let owner = |path: &Path| fs::symlink_metadata(path).unwrap().uid();
        for path in ["", "a", "a/b", "link"] {
            assert_eq!(owner(&tree.join(path)), 70_000, "{path}");
        }
        assert_eq!((owner(&outside), owner(&outside.join("secret"))), (0, 0));
    }

    #[test]
    fn a_file_of_somebody_else_is_theirs_from_its_first_moment() {
        use std::os::unix::fs::MetadataExt as _;
        if !rustix::process::getuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        write_whole_for(&path, b"line", 0o600, Some((70_000, 70_001))).unwrap();
        let facts = fs::metadata(&path).unwrap();
        assert_eq!((facts.uid(), facts.gid()), (70_000, 70_001));
        assert_eq!(facts.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder-in-the-way");
        fs::create_dir(&path).unwrap();
        assert!(write_whole(&path, b"new").is_err());
        assert!(path.is_dir());
    }
}
