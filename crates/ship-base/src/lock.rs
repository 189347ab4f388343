//! Locks between processes, held by an open file: the kernel frees them when the holder dies.
#![expect(
    clippy::disallowed_methods,
    reason = "a lock needs the file itself, not its content"
)]

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::file::{FileError, WithPath as _};

/// A lock that is held until this value is dropped.
///
/// The file stays when the lock is freed: removing it would let two others each lock a file of the
/// same name, one removed and one new.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting for another process that holds it.
    pub fn wait(path: &Path) -> Result<Self, FileError> {
        let file = open(path)?;
        file.lock().with_path("lock", path)?;
        Ok(Self { _file: file })
    }

    /// Takes the lock together with others that share it, waiting for one that holds it alone.
    pub fn share(path: &Path) -> Result<Self, FileError> {
        let file = open(path)?;
        file.lock_shared().with_path("lock", path)?;
        Ok(Self { _file: file })
    }

    /// Takes the lock, or gives `None` when another process holds it.
    pub fn try_now(path: &Path) -> Result<Option<Self>, FileError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_path("lock", path),
        }
    }
}

fn open(path: &Path) -> Result<File, FileError> {
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .with_path("open the lock", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_seen_and_freed_by_drop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::try_now(&path).unwrap();
        assert!(held.is_some());
        assert!(Lock::try_now(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_now(&path).unwrap().is_some());
    }

    #[test]
    fn a_shared_lock_keeps_out_only_who_wants_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let shared = [Lock::share(&path).unwrap(), Lock::share(&path).unwrap()];
        assert!(Lock::try_now(&path).unwrap().is_none());
        drop(shared);
        assert!(Lock::try_now(&path).unwrap().is_some());
    }
}
