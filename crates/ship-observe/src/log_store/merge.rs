//! Merges segments by time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use ship_base::clock::Moment;
use ship_base::file::FileError;

use super::Line;
use super::query::Query;
use super::reader::Reader;
use super::segment::{START_SLACK, Segment};

/// The wanted lines of some segments, oldest first. A segment is opened when its turn comes, so
/// that a question about years holds no more files open than there were keepers at one time.
#[derive(Debug)]
pub(super) struct Merge {
    query: Query,
    /// Not yet opened, the latest start first.
    closed: Vec<Segment>,
    open: BinaryHeap<Reverse<Head>>,
}

impl Merge {
    pub(super) fn new(mut closed: Vec<Segment>, query: Query) -> Self {
        closed.sort_by_key(|segment| Reverse(segment.name.start));
        Self {
            query,
            closed,
            open: BinaryHeap::new(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Line>, FileError> {
        self.open_due()?;
        let Some(Reverse(Head { line, rest })) = self.open.pop() else {
            return Ok(None);
        };
        self.put_back(rest)?;
        Ok(Some(line))
    }

    /// Opens the segments that may hold the next line.
    fn open_due(&mut self) -> Result<(), FileError> {
        while let Some(segment) = self.closed.pop_if(|segment| {
            let due = segment.name.start.before(START_SLACK);
            self.open.peek().is_none_or(|head| head.0.line.at >= due)
        }) {
            if let Some(reader) = Reader::open(segment, 0)? {
                self.put_back(reader)?;
            }
        }
        Ok(())
    }

    /// Finds the segment's next wanted line and puts it in its place.
    fn put_back(&mut self, mut reader: Reader) -> Result<(), FileError> {
        while let Some(line) = reader.next()? {
            if self.query.wants(&line) {
                self.open.push(Reverse(Head { line, rest: reader }));
                break;
            }
        }
        Ok(())
    }
}

/// An open segment and its next line.
#[derive(Debug)]
struct Head {
    line: Line,
    rest: Reader,
}

impl Head {
    /// By time; where times are equal by the segments' starts, so that lines around a rotation
    /// keep their order.
    fn key(&self) -> (Moment, Moment) {
        (self.line.at, self.rest.start())
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}
