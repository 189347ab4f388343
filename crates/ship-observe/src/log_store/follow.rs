//! Going on with what comes, across rotations, new instances and new releases.

use std::collections::HashMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use ship_base::file::{self, FileError, WithPath as _};

use super::frame::{self, Joiner};
use super::query::{Lines, Query, segments};
use super::segment::Segment;
use super::{Line, PIECE};
use crate::Error;

/// More than an entry can take, header included.
const LONGEST_ENTRY: u64 = PIECE as u64 + 256;

/// How many lines of what was there already one poll gives: history is as long as the cap allows,
/// and need not be in memory at once.
const BATCH: usize = 10_000;

/// Follows the logs of an app: the first polls give what is there already, each later one what
/// came since. Every line comes once.
///
/// It has no thread and no watch of its own: whoever holds it polls, a few times a second. A poll
/// where nothing happened costs a listing of the folders and opens no file.
#[derive(Debug)]
pub struct Follower {
    logs: PathBuf,
    query: Query,
    history: History,
    places: HashMap<PathBuf, Place>,
}

#[derive(Debug)]
enum History {
    NotBegun,
    Left(Box<Lines>),
    Over,
}

/// How far a segment was read.
#[derive(Debug, Default)]
struct Place {
    offset: u64,
    joiner: Joiner,
}

impl Follower {
    /// Follows `logs` (`apps/<app>/logs`); it need not be there yet. [`Query::tail`] holds for what
    /// is there at the first poll.
    pub fn new(logs: &Path, query: Query) -> Self {
        Self {
            logs: logs.to_owned(),
            query,
            history: History::NotBegun,
            places: HashMap::new(),
        }
    }

    /// The wanted lines that came since the last call, oldest first.
    pub fn poll(&mut self) -> Result<Vec<Line>, Error> {
        if matches!(self.history, History::NotBegun) {
            self.begin()?;
        }
        let mut lines = self.old()?;
        if matches!(self.history, History::Over) {
            lines.extend(self.new_ones()?);
        }
        Ok(lines)
    }

    /// Draws the line between what is history and what is new: after the last whole entry of each
    /// segment.
    fn begin(&mut self) -> Result<(), FileError> {
        let mut segments = segments(&self.logs, &self.query)?;
        for segment in &mut segments {
            segment.size = end_of_whole_entries(segment)?;
            let place = Place {
                offset: segment.size,
                joiner: Joiner::default(),
            };
            self.places.insert(segment.path.clone(), place);
        }
        self.history = History::Left(Box::new(Lines::of(segments, &self.query)?));
        Ok(())
    }

    fn old(&mut self) -> Result<Vec<Line>, Error> {
        let History::Left(history) = &mut self.history else {
            return Ok(Vec::new());
        };
        let lines: Vec<Line> = history.by_ref().take(BATCH).collect::<Result<_, _>>()?;
        if lines.len() < BATCH {
            self.history = History::Over;
        }
        Ok(lines)
    }

    fn new_ones(&mut self) -> Result<Vec<Line>, FileError> {
        let segments = segments(&self.logs, &self.query)?;
        let mut lines = Vec::new();
        for segment in &segments {
            let place = self.places.entry(segment.path.clone()).or_default();
            place.read_on(segment, |line| lines.push(line))?;
        }
        if self.places.len() > segments.len() {
            let is_left = |path: &PathBuf| segments.iter().any(|segment| segment.path == *path);
            self.places.retain(|path, _| is_left(path));
        }
        lines.retain(|line| self.query.wants(line));
        lines.sort_by_key(|line| line.at);
        Ok(lines)
    }
}

impl Place {
    /// Reads the entries that were added.
    fn read_on(&mut self, segment: &Segment, mut sink: impl FnMut(Line)) -> Result<(), FileError> {
        if self.offset >= segment.size {
            return Ok(());
        }
        let added = read_between(segment, self.offset, segment.size)?;
        let whole = after_last_line_end(&added);
        for entry in added[..whole].split_inclusive(|byte| *byte == b'\n') {
            if let Some(frame) = frame::parse(&entry[..entry.len() - 1]) {
                self.joiner.take(&frame, |line| sink(segment.line(line)));
            }
        }
        self.offset += whole as u64;
        Ok(())
    }
}

/// The size of a segment without an entry that is being written, or was torn by a crash.
fn end_of_whole_entries(segment: &Segment) -> Result<u64, FileError> {
    let from = segment.size.saturating_sub(LONGEST_ENTRY);
    let end = read_between(segment, from, segment.size)?;
    Ok(from + after_last_line_end(&end) as u64)
}

fn after_last_line_end(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1)
}

/// Some bytes of a segment; none when it was rotated away.
fn read_between(segment: &Segment, from: u64, to: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    let mut file = match file::open(&segment.path) {
        Err(error) if error.is_missing() => return Ok(bytes),
        other => other?,
    };
    file.seek(SeekFrom::Start(from))
        .and_then(|_| file.take(to - from).read_to_end(&mut bytes))
        .with_path("read", &segment.path)?;
    Ok(bytes)
}
