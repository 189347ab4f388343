//! What a program needs before it can start, as its ELF file says ("System V ABI", chapters 4 and 5;
//! "LSB Core", symbol versioning).

use std::fmt;

use crate::Result;

/// `GLIBC_2.31` is `("GLIBC", Version(2, 31, 0))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32, pub(super) u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(major, minor, 0) => write!(f, "{major}.{minor}"),
            Self(major, minor, patch) => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

/// What it needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Elf {
    /// The machine it is for.
    pub(super) is_x86_64: bool,
    /// `libc.so.6`
    pub(super) libraries: Vec<String>,
    /// The versions of symbols, in no order.
    pub(super) versions: Vec<(String, Version)>,
}

/// `e_machine` of x86-64.
const X86_64: u16 = 62;
/// Kinds of sections.
const DYNAMIC: u32 = 6;
const VERSIONS_NEEDED: u32 = 0x6fff_fffe;
/// The tag of a library in the dynamic section.
const NEEDED: u64 = 1;

impl Elf {
    /// Reads a 64-bit, little-endian ELF file.
    pub(super) fn read(content: &[u8]) -> Result<Self> {
        if !content.starts_with(b"\x7fELF\x02\x01") {
            return Err("not a 64-bit program of Linux".into());
        }
        let sections = sections(content)?;
        let mut libraries = Vec::new();
        let mut versions = Vec::new();
        for section in &sections {
            let names = sections.get(section.link as usize).map(|names| names.at);
            match (section.kind, names) {
                (DYNAMIC, Some(names)) => libraries.extend(needed(content, section, names)?),
                (VERSIONS_NEEDED, Some(names)) => {
                    versions.extend(versions_needed(content, section, names)?);
                }
                _ => {}
            }
        }
        Ok(Self {
            is_x86_64: number::<2>(content, 18)? == u64::from(X86_64),
            libraries,
            versions,
        })
    }

    /// The newest version of a set: what the system must have at least.
    pub(super) fn newest(&self, set: &str) -> Option<Version> {
        let of_set = self.versions.iter().filter(|(name, _)| name == set);
        of_set.map(|(_, version)| *version).max()
    }
}

struct Section {
    kind: u32,
    at: usize,
    size: usize,
    link: u32,
    /// `sh_info`: how many entries, where the kind counts them there.
    info: u32,
}

fn sections(content: &[u8]) -> Result<Vec<Section>> {
    let first = number::<8>(content, 0x28)? as usize;
    let size = number::<2>(content, 0x3a)? as usize;
    let count = number::<2>(content, 0x3c)? as usize;
    (0..count)
        .map(|index| {
            let at = first + index * size;
            Ok(Section {
                kind: number::<4>(content, at + 4)? as u32,
                at: number::<8>(content, at + 24)? as usize,
                size: number::<8>(content, at + 32)? as usize,
                link: number::<4>(content, at + 40)? as u32,
                info: number::<4>(content, at + 44)? as u32,
            })
        })
        .collect()
}

fn needed(content: &[u8], section: &Section, names: usize) -> Result<Vec<String>> {
    let mut libraries = Vec::new();
    for at in (section.at..section.at + section.size).step_by(16) {
        if number::<8>(content, at)? == NEEDED {
            libraries.push(text(
                content,
                names + number::<8>(content, at + 8)? as usize,
            )?);
        }
    }
    Ok(libraries)
}

/// A list of libraries, each with a list of versions; both are linked by distances.
fn versions_needed(
    content: &[u8],
    section: &Section,
    names: usize,
) -> Result<Vec<(String, Version)>> {
    let mut versions = Vec::new();
    let mut library = section.at;
    for _ in 0..section.info {
        let mut version = library + number::<4>(content, library + 8)? as usize;
        for _ in 0..number::<2>(content, library + 2)? {
            let name = text(content, names + number::<4>(content, version + 8)? as usize)?;
            versions.extend(parse(&name));
            version += number::<4>(content, version + 12)? as usize;
        }
        library += number::<4>(content, library + 12)? as usize;
    }
    Ok(versions)
}

/// `GLIBC_2.31`; `None` for a name that is no version, such as `GLIBC_PRIVATE`.
fn parse(name: &str) -> Option<(String, Version)> {
    let (set, version) = name.rsplit_once('_')?;
    let mut numbers = version.split('.').map(str::parse);
    let major = numbers.next()?.ok()?;
    let mut next = || numbers.next().map_or(Some(0), std::result::Result::ok);
    Some((set.to_owned(), Version(major, next()?, next()?)))
}

fn number<const BYTES: usize>(content: &[u8], at: usize) -> Result<u64> {
    let bytes = content.get(at..at + BYTES).ok_or("the file is cut")?;
    Ok(bytes
        .iter()
        .rev()
        .fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

fn text(content: &[u8], at: usize) -> Result<String> {
    let rest = content.get(at..).ok_or("the file is cut")?;
    let end = rest.iter().position(|byte| *byte == 0);
    Ok(String::from_utf8_lossy(&rest[..end.unwrap_or(rest.len())]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What this test program needs is not guessed: the loader found it, so it is here.
    #[test]
    fn what_a_program_needs_is_read_from_it() {
        let own = std::env::current_exe().unwrap();
        let elf = Elf::read(&ship_base::file::read(&own).unwrap()).unwrap();
        assert_eq!(elf.is_x86_64, cfg!(target_arch = "x86_64"));
        assert!(elf.libraries.contains(&"libc.so.6".to_owned()), "{elf:?}");
        assert!(elf.newest("GLIBC") > Some(Version(2, 2, 0)), "{elf:?}");
        assert_eq!(elf.newest("NONE"), None);
    }

    #[test]
    fn what_is_no_program_or_cut_is_refused() {
        assert!(Elf::read(b"#!/bin/sh\n").is_err());
        let own = ship_base::file::read(&std::env::current_exe().unwrap()).unwrap();
        assert!(Elf::read(&own[..100]).is_err());
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let version = |name: &str| parse(name).map(|(_, version)| version);
        assert!(version("GLIBC_2.9") < version("GLIBC_2.31"));
        assert!(version("GLIBC_2.2.5") > version("GLIBC_2.2"));
        assert_eq!(version("GLIBC_PRIVATE"), None);
        assert_eq!(Version(2, 2, 5).to_string(), "2.2.5");
    }
}
