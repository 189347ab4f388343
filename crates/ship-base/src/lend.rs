//! Folders that somebody else works in for a while: lent, and taken back.
//!
//! Root lends a folder to a user without rights, whose programs may do in it what they like, and
//! takes it back as a tree that nobody else can change and in which no path leads out. Whoever
//! takes back has ended all processes of the borrower before: what is looked at here is not changed
//! meanwhile.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chmodat, chownat, fchmod, fchown,
    fstat, openat, statat, unlinkat,
};
use serde::{Deserialize, Serialize};

use crate::file::{self, WithPath as _};

/// A user without rights, and the one group it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its group's.
    pub gid: u32,
}

const ROOT: User = User { uid: 0, gid: 0 };

/// How many links may lead from one to the next, as in the kernel (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Makes a folder and what is in it the borrower's. A file with a second name elsewhere stays ours:
/// it belongs to a release or to an environment as well.
pub fn lend(path: &Path, to: User) -> file::Result<()> {
    open(CWD, path)
        .and_then(|folder| lend_below(folder, to))
        .map_err(io::Error::from)
        .with_path("lend", path)
}

fn lend_below(folder: OwnedFd, to: User) -> rustix::io::Result<()> {
    for (name, facts) in entries(&folder)? {
        let name = name.as_c_str();
        match FileType::from_raw_mode(facts.st_mode) {
            FileType::Directory => lend_below(open(&folder, name)?, to)?,
            FileType::RegularFile if facts.st_nlink > 1 => {}
            _ => own(&folder, name, to)?,
        }
    }
    let (uid, gid) = ids(to);
    fchown(&folder, uid, gid)
}

/// Takes a folder back from `from`: everything in it is root's, and nobody else may write to it.
/// Whoever could read it only as its owner can read it as anybody.
///
/// What has no place in such a tree is removed, and its paths are given back: links that lead out of
/// it, unless to one of `out`; pipes, sockets and devices; files of other users.
pub fn take_back(path: &Path, from: User, out: &[&Path]) -> file::Result<Vec<PathBuf>> {
    let mut taking = Taking {
        from,
        links: Vec::new(),
        removed: Vec::new(),
    };
    let taken = open(CWD, path).and_then(|folder| taking.below(folder, Path::new("")));
    taken
        .map_err(io::Error::from)
        .with_path("take back", path)?;
    for link in std::mem::take(&mut taking.links) {
        if !stays_inside(path, &link, out) {
            file::remove(&path.join(&link))?;
            taking.removed.push(link);
        }
    }
    taking.removed.sort();
    Ok(taking.removed)
}

struct Taking {
    from: User,
    /// Looked at when all else is as it will be.
    links: Vec<PathBuf>,
    removed: Vec<PathBuf>,
}

impl Taking {
    fn below(&mut self, folder: OwnedFd, below: &Path) -> rustix::io::Result<()> {
        // First the folder itself: from here on nobody else gives a name in it another meaning.
        let (uid, gid) = ids(ROOT);
        fchown(&folder, uid, gid)?;
        fchmod(&folder, for_all_to_read(fstat(&folder)?.st_mode))?;
        for (name, facts) in entries(&folder)? {
            use std::os::unix::ffi::OsStrExt as _;
            let path = below.join(std::ffi::OsStr::from_bytes(name.to_bytes()));
            self.one(&folder, name.as_c_str(), &facts, path)?;
        }
        Ok(())
    }

    fn one(
        &mut self,
        folder: &OwnedFd,
        name: &CStr,
        facts: &Stat,
        path: PathBuf,
    ) -> rustix::io::Result<()> {
        match FileType::from_raw_mode(facts.st_mode) {
            FileType::Directory => self.below(open(folder, name)?, &path),
            // It never was the borrower's.
            FileType::RegularFile if facts.st_uid == ROOT.uid => Ok(()),
            FileType::RegularFile if facts.st_uid == self.from.uid => {
                own(folder, name, ROOT)?;
                // After the owner: that takes the set-user-id bit, and no link is here to follow.
                chmodat(
                    folder,
                    name,
                    for_all_to_read(facts.st_mode),
                    AtFlags::empty(),
                )
            }
            FileType::Symlink => {
                self.links.push(path);
                own(folder, name, ROOT)
            }
            _ => {
                self.removed.push(path);
                unlinkat(folder, name, AtFlags::empty())
            }
        }
    }
}

/// The owner's bits to read and to execute for everybody, the bit to write for the owner alone.
fn for_all_to_read(mode: u32) -> Mode {
    let readable = mode >> 6 & 0o5;
    Mode::from_raw_mode(mode & 0o200 | readable << 6 | readable << 3 | readable)
}

/// Whether following a link ends below `root` or at one of `out`, also through other links. What is
/// not there leads nowhere yet: the names alone decide.
fn stays_inside(root: &Path, link: &Path, out: &[&Path]) -> bool {
    let mut at = PathBuf::new();
    let mut rest = parts(link);
    let mut links = 0;
    while let Some(part) = rest.pop() {
        match part.components().next() {
            Some(Component::CurDir) => {}
            Some(Component::Normal(name)) => {
                at.push(name);
                if let Ok(target) = root.join(&at).read_link() {
                    if rest.is_empty() && out.contains(&target.as_path()) {
                        return true;
                    }
                    at.pop();
                    let from_root = target.strip_prefix(root).ok();
                    if from_root.is_some() {
                        at.clear();
                    }
                    rest.extend(parts(from_root.unwrap_or(&target)));
                    links += 1;
                }
            }
            Some(Component::ParentDir) if at.pop() => {}
            _ => return false,
        }
        if links > MOST_LINKS {
            return false;
        }
    }
    true
}

/// The parts of a path, the first one last.
fn parts(path: &Path) -> Vec<PathBuf> {
    let parts = path.components().rev();
    parts.map(|part| PathBuf::from(part.as_os_str())).collect()
}

fn entries(folder: &OwnedFd) -> rustix::io::Result<Vec<(std::ffi::CString, Stat)>> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            let facts = statat(folder, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW)?;
            entries.push((name, facts));
        }
    }
    Ok(entries)
}

fn open(
    above: impl std::os::fd::AsFd,
    name: impl rustix::path::Arg,
) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(above, name, flags, Mode::empty())
}

fn own(folder: &OwnedFd, name: &CStr, user: User) -> rustix::io::Result<()> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let (uid, gid) = ids(user);
    chownat(folder.as_fd(), name, uid, gid, flags)
}

fn ids(user: User) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests play the borrower")]
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    const BORROWER: User = User {
        uid: 71_000,
        gid: 70_500,
    };

    /// A folder and a file outside of it; `None` where only root can lend.
    fn room() -> Option<(tempfile::TempDir, PathBuf)> {
        let room = tempfile::tempdir().unwrap();
        let tree = room.path().join("tree");
        fs::create_dir_all(tree.join("lib/deep")).unwrap();
        fs::write(room.path().join("secret"), "ours").unwrap();
        rustix::process::getuid().is_root().then_some((room, tree))
    }

    fn look(path: &Path) -> (u32, u32, u32) {
        let facts = path.symlink_metadata().unwrap();
        (facts.uid(), facts.gid(), facts.mode() & 0o7777)
    }

    #[test]
    fn what_is_taken_back_is_for_all_to_read_and_for_nobody_to_change() {
        let Some((_room, tree)) = room() else { return };
        let program = tree.join("lib/program");
        fs::write(&program, "").unwrap();
        lend(&tree, BORROWER).unwrap();
        assert_eq!(look(&program).0, BORROWER.uid);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o6722)).unwrap();
        fs::set_permissions(tree.join("lib"), fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(take_back(&tree, BORROWER, &[]).unwrap().is_empty());
        assert_eq!(look(&program), (0, 0, 0o755));
        assert_eq!(look(&tree.join("lib")), (0, 0, 0o755));
    }

    #[test]
    fn a_file_that_has_a_second_name_elsewhere_is_not_lent() {
        let Some((room, tree)) = room() else { return };
        fs::hard_link(room.path().join("secret"), tree.join("same")).unwrap();
        lend(&tree, BORROWER).unwrap();
        assert_eq!(look(&room.path().join("secret")).0, 0);
        assert_eq!(
            take_back(&tree, BORROWER, &[]).unwrap(),
            [""; 0].map(PathBuf::from)
        );
    }

    #[test]
    fn what_leads_out_is_removed_and_told_and_nothing_is_followed() {
        let Some((room, tree)) = room() else { return };
        let secret = room.path().join("secret");
        symlink(&secret, tree.join("absolute")).unwrap();
        symlink("../secret", tree.join("up")).unwrap();
        symlink("lib/deep", tree.join("short")).unwrap();
        symlink(tree.join("lib/deep"), tree.join("lib/whole")).unwrap();
        symlink(tree.join("lib/../../secret"), tree.join("lib/around")).unwrap();
        // By its names alone it stays inside.
        symlink("short/../../..", tree.join("chained")).unwrap();
        symlink("loop", tree.join("loop")).unwrap();
        symlink("../lib/not-yet", tree.join("lib/later")).unwrap();
        symlink("/usr/bin/python3", tree.join("lib/python")).unwrap();
        symlink("python", tree.join("lib/python3")).unwrap();
        rustix::fs::mkfifoat(CWD, tree.join("pipe"), Mode::RWXU).unwrap();
        fs::write(tree.join("foreign"), "").unwrap();
        lend(&tree, BORROWER).unwrap();
        std::os::unix::fs::chown(tree.join("foreign"), Some(71_001), None).unwrap();
        let out = take_back(&tree, BORROWER, &[Path::new("/usr/bin/python3")]).unwrap();
        let gone = [
            "absolute",
            "chained",
            "foreign",
            "lib/around",
            "loop",
            "pipe",
            "up",
        ];
        assert_eq!(out, gone.map(PathBuf::from));
        for stays in [
            "short",
            "lib/whole",
            "lib/later",
            "lib/python",
            "lib/python3",
        ] {
            assert!(tree.join(stays).is_symlink(), "{stays}");
        }
        assert_eq!(fs::read_to_string(secret).unwrap(), "ours");
    }

    #[test]
    fn a_link_in_the_place_of_the_folder_is_not_taken_for_it() {
        let Some((room, tree)) = room() else { return };
        let link = room.path().join("link");
        symlink(&tree, &link).unwrap();
        lend(&link, BORROWER).unwrap_err();
        take_back(&link, BORROWER, &[]).unwrap_err();
    }
}
