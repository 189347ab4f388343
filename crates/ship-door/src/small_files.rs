//! Answers from small files, kept as long as the disk says that they are what they were.
//!
//! A page asks for many small files, and most of what one costs is to open, read and close it, and to
//! say in its head what never changes. Here the kernel is asked one thing: whether what has the name
//! is the file that it was. Device, inode, length and both times have to be the same; nobody can set
//! the time of change (ctime), so an answer is never older than its file.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::{self, HeaderName};
use hyper::{HeaderMap, Method, Request, Response};
use rustix::fs::{AtFlags, Stat};

use crate::body::Body;
use crate::file_body;

/// The longest file that is kept.
const LONGEST: u64 = 16 << 10;

/// The most files of one folder: together 1 MiB at most.
const MOST: usize = 64;

/// A file that changed a moment ago could change again with the same time: the kernel's clock for
/// files ticks every few milliseconds, on old file systems every second.
const SETTLED: Duration = Duration::from_secs(2);

/// Fields by which a visitor asks for less than the whole, or only under a condition.
const FOR_LESS: [HeaderName; 6] = [
    header::RANGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
];

/// The small files of one folder, shared by all cores. Nobody waits for it: who finds it taken opens
/// the file.
#[derive(Debug, Default)]
pub(crate) struct SmallFiles(Mutex<HashMap<Box<[u8]>, Small>>);

/// A file, and the answer with all of it.
#[derive(Debug, Clone)]
struct Small {
    version: Version,
    headers: HeaderMap,
    content: Bytes,
}

/// What tells a file from any other, and from itself before a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    device: u64,
    inode: u64,
    length: i64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl SmallFiles {
    /// The answer with the whole file that has a name below `folder`, if that is what is asked for, and
    /// it is kept.
    pub(crate) fn find<B>(
        &self,
        folder: impl AsFd,
        name: &Path,
        request: &Request<B>,
    ) -> Option<Response<Body>> {
        if !asks_for_all(request) {
            return None;
        }
        let small = {
            let files = self.0.try_lock().ok()?;
            files.get(name.as_os_str().as_bytes())?.clone()
        };
        // Links are followed, as they were when the file was opened within the folder. What they lead
        // to now has to be that file.
        let stat = rustix::fs::statat(folder, name, AtFlags::empty()).ok()?;
        if small.version != Version::of(&stat) {
            return None;
        }
        let mut response = Response::new(Body::Whole(small.content));
        *response.headers_mut() = small.headers;
        Some(response)
    }

    /// Keeps the answer with a whole file, if that is small and lies in memory; gives its content.
    pub(crate) fn keep<B>(
        &self,
        name: &Path,
        file: &OwnedFd,
        stat: &Stat,
        request: &Request<B>,
        headers: &HeaderMap,
    ) -> Option<Bytes> {
        let version = Version::of(stat);
        let length = u64::try_from(version.length).ok()?;
        if !(1..=LONGEST).contains(&length) || !asks_for_all(request) || !version.is_settled() {
            return None;
        }
        let content = file_body::read_now(file, length as usize)?;
        let small = Small {
            version,
            headers: headers.clone(),
            content: content.clone(),
        };
        if let Ok(mut files) = self.0.try_lock() {
            if files.len() >= MOST {
                // Any: their order is none.
                let any = files.keys().next().cloned();
                any.and_then(|any| files.remove(&any));
            }
            files.insert(name.as_os_str().as_bytes().into(), small);
        }
        Some(content)
    }
}

fn asks_for_all<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    *request.method() == Method::GET && !FOR_LESS.iter().any(|name| headers.contains_key(name))
}

impl Version {
    #[expect(
        clippy::useless_conversion,
        reason = "the kernel's types differ between platforms"
    )]
    fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev.into(),
            inode: stat.st_ino.into(),
            length: stat.st_size.into(),
            modified: (stat.st_mtime.into(), stat.st_mtime_nsec.into()),
            changed: (stat.st_ctime.into(), stat.st_ctime_nsec.into()),
        }
    }

    fn is_settled(&self) -> bool {
        let changed = u64::try_from(self.changed.0).unwrap_or(0);
        let changed = UNIX_EPOCH + Duration::from_secs(changed);
        // A time that is still to come is none that can be relied on.
        let age = SystemTime::now().duration_since(changed);
        age.is_ok_and(|age| age >= SETTLED)
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "files to be served are made the short way"
    )]

    use super::*;
    use std::fs;

    /// What a door finds of the file `a` below a folder, which is kept as having changed long ago.
    struct Kept {
        files: SmallFiles,
        folder: tempfile::TempDir,
    }

    impl Kept {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("a"), "one").unwrap();
            let files = SmallFiles::default();
            let stat = rustix::fs::stat(folder.path().join("a")).unwrap();
            let small = Small {
                version: Version::of(&stat),
                headers: HeaderMap::new(),
                content: Bytes::from_static(b"one"),
            };
            let name: Box<[u8]> = b"a"[..].into();
            files.0.lock().unwrap().insert(name, small);
            Self { files, folder }
        }

        fn finds(&self, request: hyper::http::request::Builder) -> bool {
            let folder = fs::File::open(self.folder.path()).unwrap();
            let request = request.body(()).unwrap();
            let found = self.files.find(folder, Path::new("a"), &request);
            found.is_some()
        }

        fn path(&self) -> std::path::PathBuf {
            self.folder.path().join("a")
        }
    }

    #[test]
    fn a_file_that_is_what_it_was_is_found() {
        let kept = Kept::new();
        assert!(kept.finds(Request::get("/a")));
        assert!(!kept.finds(Request::head("/a")));
        for field in FOR_LESS {
            assert!(!kept.finds(Request::get("/a").header(field, "x")));
        }
    }

    #[test]
    fn a_file_that_changed_in_any_way_is_not() {
        let written = Kept::new();
        fs::write(written.path(), "two").unwrap();
        assert!(!written.finds(Request::get("/a")));

        // Another file with the same length and the same time of modification.
        let replaced = Kept::new();
        let modified = fs::metadata(replaced.path()).unwrap().modified().unwrap();
        let other = replaced.folder.path().join("b");
        fs::write(&other, "two").unwrap();
        let times = fs::FileTimes::new().set_modified(modified);
        let file = fs::File::options().write(true).open(&other).unwrap();
        file.set_times(times).unwrap();
        fs::rename(&other, replaced.path()).unwrap();
        assert!(!replaced.finds(Request::get("/a")));

        let removed = Kept::new();
        fs::remove_file(removed.path()).unwrap();
        assert!(!removed.finds(Request::get("/a")));
    }

    #[test]
    fn what_may_still_change_within_a_tick_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "one").unwrap();
        let file = OwnedFd::from(fs::File::open(&path).unwrap());
        let mut stat = rustix::fs::fstat(&file).unwrap();
        let files = SmallFiles::default();
        let keep = |stat: &Stat| {
            let request = Request::get("/a").body(()).unwrap();
            files.keep(Path::new("a"), &file, stat, &request, &HeaderMap::new())
        };
        assert_eq!(keep(&stat), None);
        stat.st_ctime -= 60;
        assert_eq!(keep(&stat).unwrap(), "one");
        stat.st_ctime += 3600;
        assert_eq!(keep(&stat), None);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "one").unwrap();
        let file = OwnedFd::from(fs::File::open(&path).unwrap());
        let mut stat = rustix::fs::fstat(&file).unwrap();
        stat.st_ctime -= 60;
        let files = SmallFiles::default();
        let request = Request::get("/a").body(()).unwrap();
        for number in 0..2 * MOST {
            let name = format!("{number}");
            let kept = files.keep(Path::new(&name), &file, &stat, &request, &HeaderMap::new());
            assert!(kept.is_some());
        }
        assert_eq!(files.0.lock().unwrap().len(), MOST);
    }
}
