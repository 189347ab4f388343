//! Which files git knows: its index, read as far as the names.
//!
//! Format: <https://git-scm.com/docs/index-format>, versions 2 to 4.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ship_base::file;

/// Paths that git tracks, relative to `project`; `None` without a repository, or where its index
/// cannot be understood.
pub(super) fn tracked(project: &Path) -> Option<BTreeSet<PathBuf>> {
    let project = project.canonicalize().ok()?;
    let root = project
        .ancestors()
        .find(|path| path.join(".git").exists())?;
    let bytes = file::read(&folder(root)?.join("index")).ok()?;
    let below = project.strip_prefix(root).ok()?;
    let own = names(&bytes)?.into_iter();
    Some(
        own.filter_map(|name| Some(Path::new(&name).strip_prefix(below).ok()?.to_owned()))
            .collect(),
    )
}

/// `.git`, or the folder that a work tree's file of this name leads to.
fn folder(root: &Path) -> Option<PathBuf> {
    let path = root.join(".git");
    if path.is_dir() {
        return Some(path);
    }
    let text = file::read_text(&path).ok()?;
    Some(root.join(text.strip_prefix("gitdir:")?.trim()))
}

/// Fixed part of an entry: ten 32-bit fields, 20 bytes of hash, 16 bits of flags.
const FIXED: usize = 62;

fn names(bytes: &[u8]) -> Option<Vec<String>> {
    let header = bytes.get(..12)?;
    let number = |at: usize| {
        header[at..at + 4]
            .iter()
            .fold(0u32, |n, b| n << 8 | u32::from(*b))
    };
    let (version, count) = (number(4), number(8));
    if &header[..4] != b"DIRC" || !(2..=4).contains(&version) {
        return None;
    }
    let (mut at, mut names, mut last) = (12, Vec::new(), Vec::new());
    for _ in 0..count {
        let flags = bytes.get(at + 60..at + FIXED)?;
        let extended = usize::from(version >= 3 && flags[0] & 0x40 != 0) * 2;
        let mut start = at + FIXED + extended;
        if version == 4 {
            let (cut, after) = varint(bytes, start)?;
            last.truncate(last.len().checked_sub(cut)?);
            start = after;
        } else {
            last.clear();
        }
        let length = bytes.get(start..)?.iter().position(|byte| *byte == 0)?;
        last.extend_from_slice(&bytes[start..start + length]);
        // Up to version 3, entries are padded with 1 to 8 zeros to a multiple of eight.
        at = match version {
            4 => start + length + 1,
            _ => at + (start - at + length + 8) / 8 * 8,
        };
        names.push(String::from_utf8_lossy(&last).into_owned());
    }
    Some(names)
}

/// The number of bytes to take off the last name: base 128, each continuation counts one more.
fn varint(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut value = 0usize;
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        value = value.checked_mul(128)? + usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at));
        }
        value += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An index as git writes it, without what is not read.
    fn index(version: u8, paths: &[&str]) -> Vec<u8> {
        let mut bytes = b"DIRC\0\0\0".to_vec();
        bytes.extend([version, 0, 0, 0, paths.len() as u8]);
        let mut last = "";
        for path in paths {
            let start = bytes.len();
            bytes.extend([0; FIXED]);
            if version == 4 {
                let shared = last
                    .bytes()
                    .zip(path.bytes())
                    .take_while(|(a, b)| a == b)
                    .count();
                bytes.push((last.len() - shared) as u8);
                bytes.extend(&path.as_bytes()[shared..]);
                bytes.push(0);
            } else {
                bytes.extend(path.as_bytes());
                let length = bytes.len() - start;
                bytes.extend(vec![0; 8 - length % 8]);
            }
            last = path;
        }
        bytes
    }

    #[test]
    fn every_version_of_an_index_is_read() {
        let paths = [
            ".env",
            "app.py",
            "app/models.py",
            "app/models_of_a_longer_name.py",
        ];
        for version in 2..=4 {
            assert_eq!(names(&index(version, &paths)).unwrap(), paths, "{version}");
        }
        assert!(names(&index(5, &paths)).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            version in 2u8..5,
            rest in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut bytes = b"DIRC\0\0\0".to_vec();
            bytes.extend([version, 0, 0, 0, 3]);
            bytes.extend(rest);
            let _ = names(&bytes);
        }
    }
}
