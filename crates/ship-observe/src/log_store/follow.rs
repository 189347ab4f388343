//! Following: what comes, across full segments, new instances and new releases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::query::{self, Query};
use super::reader::Reader;
use super::{Line, segment::Segment};
use crate::Error;

/// Goes on with a log. The first [`Follower::poll`] gives what is there already, each later one
/// what has come since.
#[derive(Debug)]
pub struct Follower {
    folder: PathBuf,
    query: Query,
    /// By path.
    readers: BTreeMap<PathBuf, Followed>,
    started: bool,
}

#[derive(Debug)]
struct Followed {
    reader: Reader,
    read: u64,
}

impl Follower {
    /// Follows the app whose logs are in `folder`. [`Query::tail`] holds for the first poll only.
    pub fn new(folder: &Path, query: Query) -> Self {
        Self {
            folder: folder.to_owned(),
            query,
            readers: BTreeMap::new(),
            started: false,
        }
    }

    /// The lines that have come since the last poll, in the order of time. A look at a folder
    /// where nothing happened reads the names and sizes of its segments, and no segment.
    pub fn poll(&mut self) -> Result<Vec<Line>, Error> {
        let segments = query::segments(&self.folder, &self.query)?;
        self.readers
            .retain(|path, _| segments.iter().any(|segment| &segment.path == path));
        let mut lines = Vec::new();
        for segment in segments {
            self.read(segment, &mut lines)?;
        }
        lines.sort_by_key(|line| line.at);
        if !self.started {
            let count = self.query.tail.unwrap_or(usize::MAX);
            lines.drain(..lines.len().saturating_sub(count));
            self.started = true;
        }
        Ok(lines)
    }

    fn read(&mut self, segment: Segment, lines: &mut Vec<Line>) -> Result<(), Error> {
        let (path, size) = (segment.path.clone(), segment.size);
        if !self.readers.contains_key(&path) {
            let Some(reader) = Reader::open(segment)? else {
                return Ok(());
            };
            self.readers
                .insert(path.clone(), Followed { reader, read: 0 });
        }
        let Some(followed) = self.readers.get_mut(&path) else {
            return Ok(());
        };
        if followed.read == size {
            return Ok(());
        }
        while let Some(line) = followed.reader.next()? {
            if self.query.wants(&line) {
                lines.push(line);
            }
        }
        followed.read = followed.reader.position()?;
        Ok(())
    }
}
