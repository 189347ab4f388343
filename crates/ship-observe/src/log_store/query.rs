//! Questions about what was printed, across processes, instances and releases.

use std::path::Path;

use ship_base::clock::Moment;
use ship_base::file::{self, FileError};
use ship_base::name::{ProcessName, ReleaseId};

use super::Line;
use super::merge::Merge;
use super::newest::newest;
use super::segment::{self, START_SLACK, Segment};
use crate::Error;

/// Which lines are wanted; all, where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Only this process.
    pub process: Option<ProcessName>,
    /// Only this release.
    pub release: Option<ReleaseId>,
    /// From this moment, inclusive.
    pub since: Option<Moment>,
    /// To this moment, exclusive.
    pub until: Option<Moment>,
    /// Only lines that contain this text, upper and lower case told apart.
    pub grep: Option<String>,
    /// Only the last so many of those lines.
    pub tail: Option<usize>,
}

/// The lines of an app's logs (`apps/<app>/logs`, a folder per process) that `query` wants, oldest
/// first. Equal times keep the order in which each keeper wrote them.
///
/// Fails when a folder cannot be listed or a segment not be read; a folder that is not there has
/// no lines, and a segment that is rotated away meanwhile is passed over.
pub fn query(logs: &Path, query: &Query) -> Result<Lines, Error> {
    Ok(Lines::of(segments(logs, query)?, query)?)
}

/// An iterator over the lines that a query wants.
#[derive(Debug)]
pub struct Lines(Source);

#[derive(Debug)]
enum Source {
    All(Box<Merge>),
    Newest(std::vec::IntoIter<Line>),
}

impl Lines {
    /// The wanted lines of these segments, each up to its `size`.
    pub(super) fn of(segments: Vec<Segment>, query: &Query) -> Result<Self, FileError> {
        Ok(Self(match query.tail {
            None => Source::All(Box::new(Merge::new(segments, query.clone()))),
            Some(count) => Source::Newest(newest(segments, query, count)?.into_iter()),
        }))
    }
}

impl Iterator for Lines {
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::All(merge) => merge.next().map_err(Error::from).transpose(),
            Source::Newest(lines) => lines.next().map(Ok),
        }
    }
}

impl Query {
    /// Whether this line is wanted, as far as the line alone can tell: process and release are
    /// asked of its segment.
    pub(super) fn wants(&self, line: &Line) -> bool {
        self.since.is_none_or(|since| line.at >= since)
            && self.until.is_none_or(|until| line.at < until)
            && self
                .grep
                .as_ref()
                .is_none_or(|grep| contains(&line.text, grep.as_bytes()))
    }

    /// Whether this segment can hold wanted lines, as far as its name and its last write tell.
    fn wants_segment(&self, segment: &Segment) -> bool {
        self.release
            .is_none_or(|release| segment.name.release == release)
            && self.since.is_none_or(|since| segment.last >= since)
            && self
                .until
                .is_none_or(|until| segment.name.start.before(START_SLACK) < until)
    }
}

/// The segments that can hold wanted lines, in no order.
pub(super) fn segments(logs: &Path, query: &Query) -> Result<Vec<Segment>, FileError> {
    let mut found = Vec::new();
    for entry in file::entries_if_there(logs)? {
        let named = |process: &ProcessName| entry.file_name() == process.as_str();
        if query.process.as_ref().is_none_or(named)
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
        {
            found.extend(segment::list(&entry.path())?);
        }
    }
    found.retain(|segment| query.wants_segment(segment));
    Ok(found)
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || text.windows(wanted.len()).any(|window| window == wanted)
}
