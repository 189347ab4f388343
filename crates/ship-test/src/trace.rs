//! What a program did to files, as strace(1) saw it, and whether a power cut could halve any of it.
//!
//! A name that is put in place by a rename is safe when two things happen around it: what it names is
//! synced before, and the folder that holds it after (fsync(2), rename(2)). [`Trace::objections`]
//! lists the renames that lack one of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The system calls that it has to be made of: `strace -f -y -e trace=…`.
pub const CALLS: &str = "openat,creat,rename,renameat,renameat2,fsync,fdatasync,syncfs,link,linkat,\
                         unlink,unlinkat,rmdir";

/// One call that worked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    /// A file was opened to be written.
    Write(PathBuf),
    /// A name was given to what had another.
    Rename { from: PathBuf, to: PathBuf },
    /// A name was taken away.
    Remove(PathBuf),
    /// One file or folder is on the disk.
    Sync(PathBuf),
    /// Everything is.
    SyncAll,
}

/// What happened, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Each with the thread that did it.
    calls: Vec<(u32, Call)>,
}

impl Trace {
    /// Reads what strace wrote. Calls that failed, or are none of [`CALLS`], are left out.
    pub fn read(text: &str) -> Self {
        let mut begun: Vec<(u32, String)> = Vec::new();
        let mut calls = Vec::new();
        for line in text.lines() {
            let Some((thread, rest)) = thread(line) else {
                continue;
            };
            // One that another thread came in between of stands in two lines.
            if let Some(start) = rest.strip_suffix("<unfinished ...>") {
                begun.push((thread, start.trim_end().to_owned()));
                continue;
            }
            let whole = match resumed(rest) {
                Some(end) => match begun.iter().position(|(of, _)| *of == thread) {
                    Some(at) => begun.swap_remove(at).1 + end,
                    None => continue,
                },
                None => rest.to_owned(),
            };
            calls.extend(call(&whole).map(|call| (thread, call)));
        }
        Self { calls }
    }

    /// How many names were put in place below `root`.
    pub fn renames(&self, root: &Path) -> usize {
        let renames = self
            .calls
            .iter()
            .filter(|(_, call)| matches!(call, Call::Rename { to, .. } if to.starts_with(root)));
        renames.count()
    }

    /// The same without the sync at each place, one trace for every sync: none of them may be as
    /// good as the whole.
    pub fn with_one_sync_less(&self) -> Vec<(String, Self)> {
        let is_sync = |at: &usize| matches!(self.calls[*at].1, Call::Sync(_) | Call::SyncAll);
        let places = (0..self.calls.len()).filter(is_sync);
        places
            .map(|at| {
                let mut less = self.clone();
                let (_, call) = less.calls.remove(at);
                (format!("{call:?}"), less)
            })
            .collect()
    }

    /// The names below `root` that a power cut could leave empty, half, or unmade although what came
    /// later was done. `excused` are those for which that does not matter.
    pub fn objections(&self, root: &Path, excused: impl Fn(&Path) -> bool) -> Vec<String> {
        let mut judge = Judge::default();
        for (thread, call) in &self.calls {
            match call {
                Call::Write(path) => {
                    judge.dirty.insert(path.clone());
                }
                // What has no name any more cannot be found half.
                Call::Remove(path) => judge.dirty.retain(|dirty| !dirty.starts_with(path)),
                Call::Sync(path) => judge.synced(*thread, path),
                Call::SyncAll => judge.synced_all(),
                Call::Rename { from, to } => {
                    let counts = to.starts_with(root) && !is_draft(to) && !excused(to);
                    judge.renamed(*thread, from, to, counts);
                }
            }
        }
        judge.end()
    }
}

#[derive(Default)]
struct Judge {
    /// Files that were opened to be written, and folders of drafts whose names changed, since they
    /// were last synced.
    dirty: BTreeSet<PathBuf>,
    /// Names in place whose folder is to be synced, by the thread that has to.
    waiting: Vec<(u32, PathBuf)>,
    wrong: Vec<String>,
}

impl Judge {
    fn synced(&mut self, thread: u32, path: &Path) {
        self.dirty.remove(path);
        self.waiting
            .retain(|(of, to)| *of != thread || to.parent() != Some(path));
    }

    fn synced_all(&mut self) {
        self.dirty.clear();
        self.waiting.clear();
    }

    fn renamed(&mut self, thread: u32, from: &Path, to: &Path, counts: bool) {
        self.folder_is_due(Some(thread));
        let below: Vec<PathBuf> = self
            .dirty
            .iter()
            .filter(|path| path.starts_with(from))
            .cloned()
            .collect();
        if counts && let Some(path) = below.first() {
            let (path, to) = (path.display(), to.display());
            self.wrong.push(format!(
                "`{to}` was put in place before `{path}` was synced"
            ));
        }
        for path in below {
            self.dirty.remove(&path);
            if !counts {
                let rest = path.strip_prefix(from).unwrap_or(Path::new(""));
                self.dirty.insert(joined(to, rest));
            }
        }
        if counts {
            self.waiting.push((thread, to.to_owned()));
        } else if let Some(folder) = to.parent().filter(|_| is_draft(to)) {
            self.dirty.insert(folder.to_owned());
        }
    }

    /// A thread that goes on to the next name has left the folder of the one before unsynced.
    fn folder_is_due(&mut self, thread: Option<u32>) {
        let waiting = std::mem::take(&mut self.waiting);
        let (due, later): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|(of, _)| thread.is_none_or(|thread| thread == *of));
        self.waiting = later;
        let told = due.iter().map(|(_, to)| {
            let to = to.display();
            format!("the folder of `{to}` was not synced after it was put in place")
        });
        self.wrong.extend(told);
    }

    fn end(mut self) -> Vec<String> {
        self.folder_is_due(None);
        self.wrong
    }
}

/// Something that will be put in place as a whole: below a folder with a temporary name.
fn is_draft(path: &Path) -> bool {
    let above = path.parent().into_iter().flat_map(Path::components);
    let mut names = above.map(|part| part.as_os_str().as_encoded_bytes());
    names.any(|name| name.starts_with(b".tmp-") || name.starts_with(b".make-"))
}

/// `Path::join` puts a slash behind a path that nothing follows.
fn joined(folder: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() {
        folder.to_owned()
    } else {
        folder.join(rest)
    }
}

/// `4711  fsync(…) = 0`
fn thread(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.split_once(' ')?;
    Some((number.parse().ok()?, rest.trim_start()))
}

/// `<... fsync resumed>) = 0`
fn resumed(rest: &str) -> Option<&str> {
    rest.strip_prefix("<... ")?
        .split_once("resumed>")
        .map(|(_, end)| end)
}

fn call(text: &str) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    if result.starts_with('-') || result.starts_with('?') {
        return None;
    }
    match name {
        "openat"
            if ["O_WRONLY", "O_RDWR"]
                .iter()
                .any(|flag| arguments.contains(flag)) =>
        {
            // The descriptor that came back is named with its path.
            marked(result).map(Call::Write)
        }
        "creat" => marked(result).map(Call::Write),
        "fsync" | "fdatasync" => marked(arguments).map(Call::Sync),
        "syncfs" => Some(Call::SyncAll),
        "unlink" | "unlinkat" | "rmdir" => paths(arguments).pop().map(Call::Remove),
        "rename" | "renameat" | "renameat2" => {
            let mut paths = paths(arguments).into_iter();
            Some(Call::Rename {
                from: paths.next()?,
                to: paths.next()?,
            })
        }
        _ => None,
    }
}

/// `3</var/lib/ship/x>` is `/var/lib/ship/x`.
fn marked(text: &str) -> Option<PathBuf> {
    let (_, rest) = text.split_once('<')?;
    let path = rest.rsplit_once('>')?.0;
    path.starts_with('/').then(|| PathBuf::from(path))
}

/// The quoted paths of a call, those that are not absolute seen from the folder named before them.
fn paths(arguments: &str) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut rest = arguments;
    while let Some((before, after)) = rest.split_once('"') {
        let Some((path, next)) = after.split_once('"') else {
            break;
        };
        let folder = marked(before).unwrap_or_default();
        paths.push(folder.join(path));
        rest = next;
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
7 openat(AT_FDCWD</>, \"/d/.tmp-7-0\", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 3</d/.tmp-7-0>
7 fsync(3</d/.tmp-7-0> <unfinished ...>
8 openat(AT_FDCWD</>, \"/d/other\", O_RDONLY|O_CLOEXEC) = 4</d/other>
7 <... fsync resumed>) = 0
7 rename(\"/d/.tmp-7-0\", \"/d/state\") = 0
7 openat(AT_FDCWD</>, \"/d\", O_RDONLY|O_CLOEXEC) = 3</d>
7 fsync(3</d>) = 0
";

    fn wrong(text: &str) -> Vec<String> {
        Trace::read(text).objections(Path::new("/d"), |_| false)
    }

    const NONE: [String; 0] = [];

    #[test]
    fn a_whole_write_is_fine_and_without_any_of_its_syncs_it_is_not() {
        assert_eq!(wrong(WHOLE), NONE);
        let trace = Trace::read(WHOLE);
        assert_eq!(trace.renames(Path::new("/d")), 1);
        let less = trace.with_one_sync_less();
        let told = less
            .iter()
            .map(|(_, less)| less.objections(Path::new("/d"), |_| false));
        assert_eq!(
            told.flatten().collect::<Vec<_>>(),
            [
                "`/d/state` was put in place before `/d/.tmp-7-0` was synced",
                "the folder of `/d/state` was not synced after it was put in place",
            ]
        );
    }

    #[test]
    fn a_sync_that_failed_or_came_too_late_is_none() {
        let failed = WHOLE.replace("resumed>) = 0", "resumed>) = -1 EIO (Input/output error)");
        assert_eq!(wrong(&failed).len(), 1);
        let late = "7 rename(\"/d/a\", \"/d/b\") = 0\n7 rename(\"/d/c\", \"/d/e\") = 0\n7 fsync(3</d>) = 0\n";
        assert_eq!(wrong(late).len(), 1);
    }

    #[test]
    fn another_threads_sync_of_the_folder_is_not_this_ones() {
        let others = WHOLE.replace("7 fsync(3</d>)", "8 fsync(3</d>)");
        assert_eq!(wrong(&others).len(), 1);
    }

    #[test]
    fn a_tree_is_put_in_place_after_one_sync_of_everything() {
        let tree = "\
7 openat(AT_FDCWD</d/.tmp-7-1>, \"x/file\", O_WRONLY|O_CREAT, 0644) = 3</d/.tmp-7-1/x/file>
7 rename(\"/d/.tmp-7-1/.tmp-7-2\", \"/d/.tmp-7-1/link\") = 0
7 syncfs(3</d/.tmp-7-1>) = 0
7 renameat2(AT_FDCWD</d>, \".tmp-7-1\", AT_FDCWD</d>, \"r1\", RENAME_NOREPLACE) = 0
7 fsync(3</d>) = 0
";
        assert_eq!(wrong(tree), NONE);
        let without = tree.replace("7 syncfs(3</d/.tmp-7-1>) = 0\n", "");
        assert_eq!(
            wrong(&without),
            ["`/d/r1` was put in place before `/d/.tmp-7-1` was synced"]
        );
    }

    #[test]
    fn a_file_of_a_draft_that_is_removed_again_needs_no_sync() {
        let tree = "\
7 openat(AT_FDCWD</d/.tmp-7-1>, \"trial/file\", O_WRONLY|O_CREAT, 0644) = 3</d/.tmp-7-1/trial/file>
7 unlinkat(4</d/.tmp-7-1/trial>, \"file\", 0) = 0
7 rename(\"/d/.tmp-7-1\", \"/d/r1\") = 0
7 fsync(3</d>) = 0
";
        assert_eq!(wrong(tree), NONE);
        let other = tree.replace("\"file\", 0", "\"other\", 0");
        assert_eq!(wrong(&other).len(), 1);
    }

    #[test]
    fn what_lies_elsewhere_failed_or_is_excused_does_not_count() {
        let elsewhere = WHOLE.replace("/d", "/e").replace("fsync", "close");
        assert_eq!(wrong(&elsewhere), NONE);
        let failed = "7 rename(\"/d/a\", \"/d/b\") = -1 ENOENT (No such file or directory)\n";
        assert_eq!(wrong(failed), NONE);
        let excused = Trace::read("7 rename(\"/d/a\", \"/d/run/b\") = 0\n");
        let objections = excused.objections(Path::new("/d"), |path| path.starts_with("/d/run"));
        assert_eq!(objections, NONE);
    }
}
