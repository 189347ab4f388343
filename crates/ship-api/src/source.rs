//! A project's source as it travels: a list of names and content addresses, and the content.
//!
//! Files are cut into pieces of [`PIECE`] bytes, each known by its SHA-256. The command sends the
//! list, the server answers which pieces it does not have, and only those follow, in batches. A
//! batch that arrived stays: a deploy that was interrupted goes on where it was.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ship_base::hash::ContentHash;

/// The most bytes of one piece.
pub const PIECE: usize = 4 << 20;
/// The most bytes of content in one batch.
pub const BATCH: usize = 8 << 20;
/// The most entries of a source.
pub const MOST_ENTRIES: usize = 100_000;
/// The most bytes of a source.
pub const MOST_BYTES: u64 = 4 << 30;
/// The longest path of an entry, in bytes: `PATH_MAX` of Linux without room to spare for where it
/// will lie.
const LONGEST_PATH: usize = 2048;

/// Everything that a release's source holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// By path relative to the project, with `/` between its parts.
    pub entries: BTreeMap<String, Entry>,
}

/// What stands at one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// A folder.
    Folder,
    /// A file.
    File {
        /// Its permission bits; what is beyond 0777 is refused.
        mode: u32,
        /// When it was changed, in milliseconds since 1970.
        modified: i64,
        /// Its content, in order.
        pieces: Vec<Piece>,
    },
    /// A link.
    Link {
        /// Where it leads, relative to its own folder; it stays inside the project.
        target: String,
    },
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Piece {
    /// The SHA-256 of its bytes.
    pub hash: ContentHash,
    /// How many bytes.
    pub len: u32,
}

/// A list that no honest command sends: nothing of it is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Too much.
    #[error("the source is beyond what a deploy may hold: {0}")]
    TooMuch(String),
    /// A path that leaves the project, or is none.
    #[error("`{0}` is not a path inside the project")]
    Path(String),
    /// Something below what is no folder.
    #[error("`{0}` lies below something that is no folder")]
    Below(String),
    /// A link that leads out.
    #[error("the link `{0}` leads out of the project")]
    Link(String),
    /// Bits or sizes that are not possible.
    #[error("`{0}` cannot be such a file")]
    File(String),
}

impl Source {
    /// Every piece, each once.
    pub fn pieces(&self) -> BTreeMap<ContentHash, u32> {
        let files = self.entries.values().filter_map(|entry| match entry {
            Entry::File { pieces, .. } => Some(pieces),
            Entry::Folder | Entry::Link { .. } => None,
        });
        files
            .flatten()
            .map(|piece| (piece.hash, piece.len))
            .collect()
    }

    /// How many bytes all files hold.
    pub fn bytes(&self) -> u64 {
        let of = |entry: &Entry| match entry {
            Entry::File { pieces, .. } => pieces.iter().map(|piece| u64::from(piece.len)).sum(),
            Entry::Folder | Entry::Link { .. } => 0,
        };
        self.entries.values().map(of).sum()
    }

    /// How many files and links there are.
    pub fn files(&self) -> usize {
        let entries = self.entries.values();
        entries.filter(|entry| **entry != Entry::Folder).count()
    }

    /// Whether it can be laid out in a folder without touching anything outside it.
    pub fn check(&self) -> Result<(), SourceError> {
        if self.entries.len() > MOST_ENTRIES {
            let count = self.entries.len();
            return Err(SourceError::TooMuch(format!("{count} files and folders")));
        }
        if self.bytes() > MOST_BYTES {
            let size = ship_base::count::bytes(self.bytes());
            return Err(SourceError::TooMuch(size));
        }
        for (path, entry) in &self.entries {
            self.check_path(path)?;
            match entry {
                Entry::Folder => {}
                Entry::File { mode, pieces, .. } => check_file(path, *mode, pieces)?,
                Entry::Link { target } => check_link(path, target)?,
            }
        }
        Ok(())
    }

    /// A plain relative path whose every part above it is a folder, so that nothing is written
    /// through a link.
    fn check_path(&self, path: &str) -> Result<(), SourceError> {
        let plain = !path.is_empty()
            && path.len() <= LONGEST_PATH
            && path
                .split('/')
                .all(|part| !matches!(part, "" | "." | "..") && !part.contains('\0'));
        if !plain {
            return Err(SourceError::Path(path.to_owned()));
        }
        let below = |above: &str| {
            self.entries
                .get(above)
                .is_some_and(|entry| *entry != Entry::Folder)
        };
        if ancestors(path).any(below) {
            return Err(SourceError::Below(path.to_owned()));
        }
        Ok(())
    }
}

/// `..` only at the beginning, where it climbs through real folders; then it cannot lead out
/// through another link.
fn check_link(path: &str, target: &str) -> Result<(), SourceError> {
    let out = || SourceError::Link(path.to_owned());
    if target.is_empty() || target.contains('\0') {
        return Err(out());
    }
    let mut depth = path.split('/').count() - 1;
    let mut climbing = true;
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir if climbing => {
                depth = depth.checked_sub(1).ok_or_else(out)?;
            }
            Component::Normal(_) => climbing = false,
            Component::CurDir => {}
            _ => return Err(out()),
        }
    }
    Ok(())
}

fn check_file(path: &str, mode: u32, pieces: &[Piece]) -> Result<(), SourceError> {
    let sized = pieces
        .iter()
        .all(|piece| piece.len > 0 && piece.len as usize <= PIECE);
    if mode & !0o777 != 0 || !sized {
        return Err(SourceError::File(path.to_owned()));
    }
    Ok(())
}

fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// Where a path of a checked source lies below `folder`.
pub fn place(folder: &Path, path: &str) -> PathBuf {
    path.split('/')
        .fold(folder.to_owned(), |folder, part| folder.join(part))
}

/// Pieces on their way: compressed together, at most [`BATCH`] bytes and one piece.
#[derive(Debug)]
pub struct Batch {
    encoder: ZlibEncoder<Vec<u8>>,
    bytes: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            encoder: ZlibEncoder::new(Vec::new(), Compression::fast()),
            bytes: 0,
        }
    }
}

impl Batch {
    /// Adds a piece: its length in four bytes, little-endian, then its content.
    pub fn add(&mut self, content: &[u8]) -> io::Result<()> {
        let length = u32::try_from(content.len()).map_err(io::Error::other)?;
        self.encoder.write_all(&length.to_le_bytes())?;
        self.bytes += content.len();
        self.encoder.write_all(content)
    }

    /// How many bytes of content it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it should travel before more is added.
    pub fn is_full(&self) -> bool {
        self.bytes >= BATCH
    }

    /// As it travels.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        self.encoder.finish()
    }
}

/// The pieces of a batch, each at most [`PIECE`] bytes. An error where it is no batch, or holds more
/// than a batch may.
pub fn open_batch(travelled: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let most = (BATCH + PIECE + (1 << 20)) as u64;
    let mut decoder = ZlibDecoder::new(travelled).take(most);
    let mut pieces = Vec::new();
    loop {
        let mut length = [0; 4];
        if decoder.read(&mut length[..1])? == 0 {
            break;
        }
        decoder.read_exact(&mut length[1..])?;
        let length = u32::from_le_bytes(length) as usize;
        if length > PIECE {
            return Err(io::Error::other("a piece is too large"));
        }
        let mut piece = vec![0; length];
        decoder.read_exact(&mut piece)?;
        pieces.push(piece);
    }
    if decoder.limit() == 0 {
        return Err(io::Error::other("a batch is too large"));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file() -> Entry {
        Entry::File {
            mode: 0o644,
            modified: 0,
            pieces: Vec::new(),
        }
    }

    fn link(target: &str) -> Entry {
        Entry::Link {
            target: target.to_owned(),
        }
    }

    fn check(entries: &[(&str, Entry)]) -> Result<(), SourceError> {
        let entries = entries.iter();
        let entries = entries.map(|(path, entry)| ((*path).to_owned(), entry.clone()));
        Source {
            entries: entries.collect(),
        }
        .check()
    }

    #[test]
    fn nothing_lies_outside_the_project() {
        for path in [
            "",
            "/etc/passwd",
            "..",
            "a/../../b",
            "a//b",
            "./a",
            "a/",
            "a\0b",
        ] {
            let refused = check(&[(path, file())]);
            assert_eq!(refused, Err(SourceError::Path(path.to_owned())));
        }
        check(&[("a", Entry::Folder), ("a/b", file()), ("c/d/e", file())]).unwrap();
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let through = check(&[("a", link("b")), ("a/b", file())]);
        assert_eq!(through, Err(SourceError::Below("a/b".to_owned())));
    }

    #[test]
    fn no_link_leads_out_not_even_through_another() {
        for target in ["/etc", "..", "../../x", "x/..", "", "x/../../y"] {
            let refused = check(&[("l", link(target))]);
            assert_eq!(refused, Err(SourceError::Link("l".to_owned())), "{target}");
        }
        check(&[("d/l", link("../x")), ("m", link("d/x"))]).unwrap();
    }

    #[test]
    fn bits_beyond_permissions_are_refused() {
        let entry = Entry::File {
            mode: 0o4755,
            modified: 0,
            pieces: Vec::new(),
        };
        assert!(check(&[("su", entry)]).is_err());
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let mut batch = Batch::default();
        for _ in 0..8 {
            batch.add(&vec![0; PIECE]).unwrap();
        }
        assert!(open_batch(&batch.finish().unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn a_batch_gives_back_what_was_added(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..9)
        ) {
            let mut batch = Batch::default();
            for piece in &pieces {
                batch.add(piece).unwrap();
            }
            prop_assert_eq!(open_batch(&batch.finish().unwrap()).unwrap(), pieces);
        }

        #[test]
        fn what_is_no_batch_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = open_batch(&bytes);
        }
    }
}
