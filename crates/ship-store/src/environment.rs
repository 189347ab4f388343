//! Environments by content address: each made once, shared by releases and apps, never changed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ship_base::file::{self, WithPath as _};
use ship_base::hash::ContentHash;
use ship_base::lock::Lock;
use ship_base::paths::Folders;

use crate::{Result, crash};

/// The folder of the locks, beside the environments.
pub(crate) const LOCKS: &str = ".locks";

/// What an environment's folder is called while it is made, before its address.
pub(crate) const MAKING: &str = ".make-";

/// A file in what no release names and a build finds again, such as installed JavaScript packages.
const KEPT: &str = ".kept";

/// Marks what is being made: it stays for some time without any release that names it.
pub fn keep_longer(making: &Path) -> Result<()> {
    Ok(file::write_whole(&making.join(KEPT), b"")?)
}

pub(crate) fn is_kept_longer(environment: &Path) -> bool {
    environment.join(KEPT).is_file()
}

/// An environment that is asked for.
#[derive(Debug)]
pub enum Begin {
    /// It is there.
    Ready(PathBuf),
    /// It is to be made, by the caller alone.
    Make(Making),
}

/// An environment while it is made; others that ask for it wait. Dropping it removes what was made.
#[derive(Debug)]
pub struct Making {
    folder: PathBuf,
    path: PathBuf,
    published: bool,
    _lock: Lock,
    _building: Lock,
}

impl Making {
    /// Where it is made: beside where it will stand.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it will stand.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it known, whole, after everything in it is on the disk. Its folders become read-only:
    /// `pip install` in one app must not change another's. Its files stay as they are, because
    /// they may be hard links into uv's cache, which share their mode.
    pub fn publish(mut self) -> Result<PathBuf> {
        close_folders(&self.folder)?;
        crash::point();
        file::sync_tree(&self.folder)?;
        file::rename_synced(&self.folder, &self.path)?;
        self.published = true;
        crash::point();
        Ok(self.path.clone())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if !self.published && !crash::struck() {
            let _ = file::remove_folder(&self.folder);
        }
    }
}

/// The environment with this address, if it is there. Asking for it protects it from
/// [`Store::collect`](crate::Store::collect) for a while.
pub fn ready(folders: &Folders, hash: &ContentHash) -> Result<Option<PathBuf>> {
    let held = hold(folders, hash)?;
    Ok(held.map(|_lock| folders.environment(hash)))
}

/// Holds the environment with this address, if it is there, against being collected; and for a
/// while after, because it was asked for.
pub(crate) fn hold(folders: &Folders, hash: &ContentHash) -> Result<Option<Lock>> {
    let path = folders.environment(hash);
    // First without the lock: who makes it holds that for as long as the making takes.
    if !path.is_dir() {
        return Ok(None);
    }
    let lock_path = lock_path(folders, hash)?;
    let lock = Lock::wait(&lock_path)?;
    file::touch(&lock_path)?;
    Ok(path.is_dir().then_some(lock))
}

/// The environment with this address, or the right to make it. Waits while another makes it.
pub fn begin(folders: &Folders, hash: &ContentHash) -> Result<Begin> {
    if let Some(path) = ready(folders, hash)? {
        return Ok(Begin::Ready(path));
    }
    let lock = Lock::wait(&lock_path(folders, hash)?)?;
    let path = folders.environment(hash);
    if path.is_dir() {
        drop(lock);
        return begin(folders, hash);
    }
    let building = Lock::share(&building_path(folders)?)?;
    let folder = path.with_file_name(format!("{MAKING}{}", hash.short()));
    // A build that was killed has left it; its lock is free, so nobody works there.
    file::remove_folder(&folder)?;
    file::create_folder(&folder)?;
    crash::point();
    Ok(Begin::Make(Making {
        folder,
        path,
        published: false,
        _lock: lock,
        _building: building,
    }))
}

/// The lock of an environment; its time of change is when it was asked for last. The file is
/// never removed: it is empty, and a removed lock could be held twice.
fn lock_path(folders: &Folders, hash: &ContentHash) -> Result<PathBuf> {
    Ok(locks(folders)?.join(hash.short()))
}

/// The lock that everyone who makes an environment shares: while it is held, byte code may be
/// linked that nobody else links.
pub(crate) fn building_path(folders: &Folders) -> Result<PathBuf> {
    Ok(locks(folders)?.join("building"))
}

/// Where the locks are.
pub(crate) fn locks(folders: &Folders) -> Result<PathBuf> {
    let folder = folders.environments().join(LOCKS);
    file::create_folder(&folder)?;
    Ok(folder)
}

/// Takes the write bits off a folder and those in it, links left alone.
fn close_folders(folder: &Path) -> Result<()> {
    for entry in file::entries(folder)? {
        let path = entry.path();
        if entry.file_type().with_path("look at", &path)?.is_dir() {
            close_folders(&path)?;
        }
    }
    let metadata = folder.symlink_metadata().with_path("look at", folder)?;
    let mode = metadata.permissions().mode();
    Ok(file::set_mode(folder, mode & 0o555)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> (tempfile::TempDir, Folders, ContentHash) {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::under(home.path().to_owned());
        file::create_folder(&folders.environments()).unwrap();
        (home, folders, ContentHash::of(b"lock"))
    }

    #[test]
    fn an_environment_is_made_once() {
        let (_home, folders, hash) = folders();
        let Begin::Make(making) = begin(&folders, &hash).unwrap() else {
            panic!("it is new")
        };
        file::write_whole(&making.folder().join("pyvenv.cfg"), b"home = /usr").unwrap();
        let path = making.publish().unwrap();
        assert!(path.join("pyvenv.cfg").is_file());
        assert!(matches!(begin(&folders, &hash).unwrap(), Begin::Ready(ready) if ready == path));
    }

    #[test]
    fn a_failed_build_leaves_nothing_and_can_begin_again() {
        let (_home, folders, hash) = folders();
        let Begin::Make(making) = begin(&folders, &hash).unwrap() else {
            panic!("it is new")
        };
        let folder = making.folder().to_owned();
        drop(making);
        assert!(!folder.exists());
        assert!(ready(&folders, &hash).unwrap().is_none());
        assert!(matches!(begin(&folders, &hash).unwrap(), Begin::Make(_)));
    }

    #[test]
    fn what_a_killed_build_left_is_cleared_by_the_next() {
        let (_home, folders, hash) = folders();
        let left = folders
            .environment(&hash)
            .with_file_name(format!("{MAKING}{}", hash.short()));
        file::create_folder(&left.join("half")).unwrap();
        let Begin::Make(making) = begin(&folders, &hash).unwrap() else {
            panic!("it is new")
        };
        assert!(!making.folder().join("half").exists());
    }

    #[test]
    fn two_builds_of_one_environment_make_one() {
        let (_home, folders, hash) = folders();
        let Begin::Make(making) = begin(&folders, &hash).unwrap() else {
            panic!("it is new")
        };
        let other = {
            let folders = folders.clone();
            std::thread::spawn(move || matches!(begin(&folders, &hash).unwrap(), Begin::Ready(_)))
        };
        making.publish().unwrap();
        assert!(other.join().unwrap());
    }
}
