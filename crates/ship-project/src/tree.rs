//! The files of a project that count as its source.

use std::cmp::Ordering;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{self, AtomicUsize};
use std::sync::mpsc::{self, Sender};

use ignore::{DirEntry, WalkBuilder, WalkParallel, WalkState};
use ship_base::file;

use crate::error::Result;

/// More files than this are not looked at, those that lie deepest first: a project with a data set
/// in its tree must not make planning slow.
const MOST: usize = 50_000;

/// The byte order mark.
const MARK: char = '\u{feff}';

/// Where listing ends, whatever else there is.
const ENOUGH: usize = 500_000;

/// Relative paths of the files, sorted, so that a plan does not depend on the order in which a
/// file system lists them.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl Tree {
    /// Lists `root` by `.gitignore` and `.shipignore`; environments, caches and hidden folders are
    /// skipped. Folders that cannot be listed are not part of it.
    pub(crate) fn read(root: &Path) -> Self {
        let walk = WalkBuilder::new(root)
            .require_git(false)
            .git_global(false)
            // What stands above the project must not change its plan.
            .parents(false)
            .add_custom_ignore_filename(".shipignore")
            .filter_entry(|entry| !is_foreign(entry))
            .build_parallel();
        let files = list(root, walk, ENOUGH, |_, path| path);
        Self {
            root: root.to_owned(),
            files: shallowest(files, MOST),
        }
    }

    pub(crate) fn has(&self, file: impl AsRef<Path>) -> bool {
        let file = file.as_ref();
        let found = self.files.binary_search_by(|own| own.as_path().cmp(file));
        found.is_ok()
    }

    /// Whether there is any file below `folder`.
    pub(crate) fn has_below(&self, folder: &Path) -> bool {
        let next = self.files_from(folder).first();
        next.is_some_and(|file| file.starts_with(folder))
    }

    /// `first`, if it is there, and what stands behind it.
    fn files_from(&self, first: &Path) -> &[PathBuf] {
        let at = self.files.partition_point(|file| file.as_path() < first);
        &self.files[at..]
    }

    /// The files right in `folder` whose names begin with `prefix`.
    pub(crate) fn beginning(&self, folder: &Path, prefix: &str) -> impl Iterator<Item = &Path> {
        let own = self.files_from(&folder.join(prefix));
        let own = own.iter().map(PathBuf::as_path);
        let begins = move |file: &&Path| {
            let below = file.strip_prefix(folder).ok();
            let name = below.and_then(|below| below.iter().next()?.to_str());
            name.is_some_and(|name| name.starts_with(prefix))
        };
        own.take_while(begins)
            .filter(move |file| file.parent() == Some(folder))
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// A file's text, also of one that is ignored (`.env`); `None` when it is not there. Bytes that
    /// are not UTF-8 become U+FFFD, a byte order mark is dropped, line ends become `\n`.
    pub(crate) fn text(&self, file: impl AsRef<Path>) -> Result<Option<String>> {
        let file = file.as_ref();
        if !self.root.join(file).is_file() {
            return Ok(None);
        }
        self.listed_text(file)
    }

    /// [`Tree::text`] of one of [`Tree::files`]: those are files, and need no look whether they are.
    pub(crate) fn listed_text(&self, file: &Path) -> Result<Option<String>> {
        match file::read(&self.root.join(file)) {
            Ok(bytes) => Ok(Some(plain_text(bytes))),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Appends [`Tree::listed_text`] to `all`, or nothing where it is longer than `most` bytes;
    /// whether the file is there. Most files need no room of their own for this.
    pub(crate) fn append_text(&self, file: &Path, most: usize, all: &mut String) -> Result<bool> {
        let start = all.len();
        let opened = file::open(&self.root.join(file)).ok();
        let read = opened.and_then(|file| file.take(most as u64 + 1).read_to_string(all).ok());
        let text = &all[start..];
        if read.is_some() && text.len() <= most && is_plain(text) {
            return Ok(true);
        }
        all.truncate(start);
        let text = self.listed_text(file)?;
        if let Some(text) = text.as_ref().filter(|text| text.len() <= most) {
            all.push_str(text);
        }
        Ok(text.is_some())
    }
}

/// What one thread of a walk came by, which it hands in, sorted, when it ends.
struct Part<T: AsRef<Path>> {
    files: Vec<T>,
    all: Sender<Vec<T>>,
}

impl<T: AsRef<Path>> Drop for Part<T> {
    fn drop(&mut self) {
        let mut files = std::mem::take(&mut self.files);
        files.sort_unstable_by(|a, b| by_bytes(a.as_ref(), b.as_ref()));
        // The other end lives as long as the walk.
        let _ = self.all.send(files);
    }
}

/// What `read` makes of each file that a walk of `root` comes by and of its path from there, by
/// path; of more than `most` files, some.
pub(crate) fn list<T: AsRef<Path> + Send>(
    root: &Path,
    walk: WalkParallel,
    most: usize,
    read: impl Fn(&DirEntry, PathBuf) -> T + Sync,
) -> Vec<T> {
    let (all, parts) = mpsc::channel();
    let count = AtomicUsize::new(0);
    walk.run(|| {
        let (count, read) = (&count, &read);
        let mut part = Part {
            files: Vec::new(),
            all: all.clone(),
        };
        Box::new(move |entry| {
            let is_file = |entry: &DirEntry| entry.file_type().is_some_and(|kind| kind.is_file());
            let Ok(entry) = entry else {
                return WalkState::Continue;
            };
            if is_file(&entry)
                && let Ok(path) = entry.path().strip_prefix(root)
            {
                part.files.push(read(&entry, path.to_owned()));
                if count.fetch_add(1, atomic::Ordering::Relaxed) >= most {
                    return WalkState::Quit;
                }
            }
            WalkState::Continue
        })
    });
    drop(all);
    let mut files: Vec<T> = parts.into_iter().flatten().collect();
    // The stable sort sees that they come in a few parts, each of which is sorted.
    files.sort_by(|a, b| by_bytes(a.as_ref(), b.as_ref()));
    files
}

/// At most so many of `files`, sorted: which ones does not depend on the order in which they come.
fn shallowest(mut files: Vec<PathBuf>, most: usize) -> Vec<PathBuf> {
    if files.len() > most {
        files.sort_by_cached_key(|file| (file.components().count(), file.clone()));
        files.truncate(most);
        files.sort_unstable_by(|a, b| by_bytes(a, b));
    }
    files
}

/// The order of paths, without taking them apart: a folder's files stand where its name does.
fn by_bytes(a: &Path, b: &Path) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    let (a, b) = (
        a.as_os_str().as_encoded_bytes(),
        b.as_os_str().as_encoded_bytes(),
    );
    // Most have long folders in common, which are passed eight bytes at a time.
    let eights = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let same = 8 * eights.take_while(|(a, b)| a == b).count();
    match a[same..].iter().zip(&b[same..]).find(|(a, b)| a != b) {
        Some((a, b)) => rank(*a).cmp(&rank(*b)),
        None => a.len().cmp(&b.len()),
    }
}

/// Whether [`plain_text`] leaves it as it is.
fn is_plain(text: &str) -> bool {
    !text.starts_with(MARK) && !text.contains('\r')
}

fn plain_text(bytes: Vec<u8>) -> String {
    // PowerShell's `pip freeze > requirements.txt` writes UTF-16 with a mark.
    let mut text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    };
    if text.starts_with(MARK) {
        text = text.trim_start_matches(MARK).to_owned();
    }
    if text.contains('\r') {
        text = text.replace("\r\n", "\n").replace('\r', "\n");
    }
    text
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|&pair| unit(pair)).collect();
    String::from_utf16_lossy(&units)
}

/// Folders in a project that are not its source.
fn is_foreign(entry: &DirEntry) -> bool {
    const FOLDERS: [&str; 6] = [
        "node_modules",
        "__pycache__",
        "site-packages",
        "__pypackages__",
        "bower_components",
        "htmlcov",
    ];
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    let name = entry.file_name().to_str().unwrap_or_default();
    is_folder
        && entry.depth() > 0
        && (FOLDERS.contains(&name) || entry.path().join("pyvenv.cfg").exists())
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "tests lay out files as they like"
    )]
    use super::*;
    use proptest::prelude::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let tree = Tree::read(folder.path());
        (folder, tree)
    }

    #[test]
    fn ignored_files_and_environments_are_no_source() {
        let (_folder, tree) = tree(&[
            ("app.py", ""),
            ("secret/x.py", ""),
            ("old/y.py", ""),
            ("myenv/pyvenv.cfg", ""),
            ("myenv/lib/z.py", ""),
            ("node_modules/a/b.py", ""),
            (".gitignore", "secret/\n"),
            (".shipignore", "old\n"),
        ]);
        let files: Vec<&Path> = tree.files().collect();
        assert_eq!(files, [Path::new("app.py")]);
    }

    #[test]
    fn of_too_many_files_those_that_lie_deepest_are_left_out() {
        let paths = ["a/b/c.csv", "manage.py", "a/z.py", "a/b/d.csv", "a/a.py"];
        let kept = shallowest(paths.iter().map(PathBuf::from).collect(), 3);
        assert_eq!(kept, ["a/a.py", "a/z.py", "manage.py"].map(Path::new));
    }

    proptest! {
        #[test]
        fn bytes_order_paths_as_their_names_do(
            folder in "[ab]{0,9}", a in "[a/.-]{1,8}", b in "[a/.-]{1,8}"
        ) {
            let plain = |text: &str| text.split('/').all(|part| !matches!(part, "" | "." | ".."));
            prop_assume!(plain(&a) && plain(&b));
            let (a, b) = (format!("{folder}{a}"), format!("{folder}{b}"));
            let (a, b) = (Path::new(&a), Path::new(&b));
            prop_assert_eq!(by_bytes(a, b), a.cmp(b));
        }
    }

    #[test]
    fn a_text_is_appended_as_it_is_read_alone() {
        let (folder, tree) = tree(&[
            ("a.py", "import os"),
            ("long.py", "x = 1"),
            ("empty.py", ""),
        ]);
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        };
        write("windows.py", b"\xef\xbb\xbfa\r\nb");
        write("latin.py", b"caf\xe9");
        let mut all = "before ".to_owned();
        for (name, text) in [
            ("a.py", Some("import os")),
            ("windows.py", Some("a\nb")),
            ("latin.py", Some("caf\u{fffd}")),
            ("empty.py", Some("")),
            ("missing.py", None),
        ] {
            let before = all.clone();
            let is_there = tree.append_text(Path::new(name), 9, &mut all).unwrap();
            assert_eq!(is_there.then(|| &all[before.len()..]), text, "{name}");
            assert!(all.starts_with(&before));
        }
        let before = all.clone();
        assert!(tree.append_text(Path::new("long.py"), 4, &mut all).unwrap());
        assert_eq!(all, before);
    }

    #[test]
    fn files_of_windows_are_read_as_text() {
        let utf16: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain("Flask==3.0\r\n".encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(plain_text(utf16), "Flask==3.0\n");
        assert_eq!(plain_text(b"\xef\xbb\xbfa\r\nb".to_vec()), "a\nb");
        assert_eq!(plain_text(b"caf\xe9".to_vec()), "caf\u{fffd}");
    }
}
