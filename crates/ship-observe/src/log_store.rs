//! What programs print, kept in capped segments and merged again when somebody asks.
//!
//! The story: a keeper reads a pipe, a [`LineCutter`] makes lines (or pieces of endless ones) of
//! the bytes, and a [`Writer`] appends each to the keeper's own segment in
//! `apps/<app>/logs/<process>/`. A segment belongs to one run of one keeper, so that nobody ever
//! shares a file and no lock is needed; its name says whose it is. When a segment is full the next
//! one begins, and the segments of that folder that were silent longest go until the folder fits
//! its cap, whoever wrote them. [`query`] merges segments by time, a [`Follower`] goes on from there.

mod cut;
mod follow;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod merge;
mod newest;
mod query;
mod reader;
mod segment;
mod writer;

use std::borrow::Cow;

use ship_base::clock::Moment;
use ship_base::name::{InstanceId, ReleaseId};

pub use cut::{LONGEST_LINE, LineCutter, PIECE};
pub use follow::Follower;
pub use query::{Lines, Query, query};
pub use writer::Writer;

/// Which of a program's outputs a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// The keeper's own remarks: started, ended, waiting.
    Ship,
}

impl Stream {
    /// As it is written: `out`, `err` or `ship`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
            Self::Ship => "ship",
        }
    }
}

/// Which part of a line an entry holds. Lines longer than [`PIECE`] come in pieces, so that a
/// keeper never holds more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Part {
    /// All of it.
    #[default]
    Whole,
    /// The first piece; more follow.
    First,
    /// One in between.
    Middle,
    /// The last piece.
    Last,
}

/// One line, or a piece of one, on its way to the disk.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// When it was read from the program.
    pub at: Moment,
    /// Which instance wrote it.
    pub instance: &'a InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// Through which of its outputs.
    pub stream: Stream,
    /// Whole, unless a [`LineCutter`] says otherwise.
    pub part: Part,
    /// The bytes as they came, without the line's end. Text of several lines, such as a remark of
    /// ours, becomes as many lines.
    pub text: &'a [u8],
}

/// One line as it is read back; pieces are joined again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was read from the program (its last piece, where it had several).
    pub at: Moment,
    /// Which instance wrote it.
    pub instance: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// Through which of its outputs.
    pub stream: Stream,
    /// The bytes as they came, without the line's end.
    pub text: Vec<u8>,
}

impl Line {
    /// The text for people: bytes that are not UTF-8 become U+FFFD.
    pub fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }
}
