//! Asking: lines of several processes, instances and releases in the order of time.

use std::collections::VecDeque;
use std::path::Path;

use ship_base::clock::Moment;
use ship_base::file;
use ship_base::name::{ProcessName, ReleaseId};

use super::Line;
use super::reader::Reader;
use super::segment::{self, Segment};
use crate::Error;

/// Which lines are asked for; all by default.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Only of this process.
    pub process: Option<ProcessName>,
    /// Only of this release.
    pub release: Option<ReleaseId>,
    /// From this moment on.
    pub since: Option<Moment>,
    /// Before this moment.
    pub until: Option<Moment>,
    /// Only lines that hold this text, byte by byte.
    pub grep: Option<String>,
    /// Only the last so many of those.
    pub tail: Option<usize>,
}

impl Query {
    /// Whether this line is asked for, [`Query::tail`] left aside.
    pub fn wants(&self, line: &Line) -> bool {
        self.process
            .as_ref()
            .is_none_or(|process| &line.instance.process == process)
            && self.release.is_none_or(|release| line.release == release)
            && self.since.is_none_or(|since| line.at >= since)
            && self.until.is_none_or(|until| line.at < until)
            && self
                .grep
                .as_ref()
                .is_none_or(|text| holds(&line.text, text.as_bytes()))
    }

    /// Whether a segment can hold such lines.
    fn wants_segment(&self, segment: &Segment) -> bool {
        self.release
            .is_none_or(|release| segment.name.release == release)
            && self.since.is_none_or(|since| segment.last >= since)
            && self.until.is_none_or(|until| segment.name.start < until)
    }
}

fn holds(text: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || text.windows(wanted.len()).any(|window| window == wanted)
}

/// The lines of the app whose logs are in `folder`, oldest first.
///
/// Segments are opened one after the other as their time comes; with [`Query::tail`] they are read
/// from the newest back, and only as many as it takes.
pub fn query(folder: &Path, query: &Query) -> Result<Lines, Error> {
    let mut segments = segments(folder, query)?;
    let Some(count) = query.tail else {
        segments.sort_by_key(|segment| segment.name.start);
        let pending = segments.into();
        let from = From::Segments {
            query: Box::new(query.clone()),
            pending,
            active: Vec::new(),
        };
        return Ok(Lines { from });
    };
    Ok(Lines {
        from: From::Memory(newest(segments, query, count)?),
    })
}

/// The segments of an app that can hold lines of this query, in no order.
pub(super) fn segments(folder: &Path, query: &Query) -> Result<Vec<Segment>, Error> {
    let mut segments = Vec::new();
    for entry in file::entries_if_there(folder)? {
        let name = entry.file_name();
        let is_asked = match &query.process {
            Some(process) => name.to_str() == Some(process.as_str()),
            None => entry.file_type().is_ok_and(|kind| kind.is_dir()),
        };
        if is_asked {
            segments.extend(segment::list(&entry.path())?);
        }
    }
    segments.retain(|segment| query.wants_segment(segment));
    Ok(segments)
}

/// The last `count` lines, oldest first.
fn newest(
    mut segments: Vec<Segment>,
    query: &Query,
    count: usize,
) -> Result<VecDeque<Line>, Error> {
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.last));
    let mut kept: Vec<Line> = Vec::new();
    for segment in segments {
        if kept.len() >= count && kept.first().is_none_or(|oldest| segment.last < oldest.at) {
            break;
        }
        kept.extend(last_of(segment, query, count)?);
        kept.sort_by_key(|line| line.at);
        kept.drain(..kept.len().saturating_sub(count));
    }
    Ok(kept.into())
}

fn last_of(segment: Segment, query: &Query, count: usize) -> Result<VecDeque<Line>, Error> {
    let mut last = VecDeque::new();
    let Some(mut reader) = Reader::open(segment)? else {
        return Ok(last);
    };
    while let Some(line) = reader.next()?.or_else(|| reader.rest()) {
        if query.wants(&line) {
            if last.len() == count {
                last.pop_front();
            }
            if count > 0 {
                last.push_back(line);
            }
        }
    }
    Ok(last)
}

/// Lines in the order of time. Lines of one instance keep the order in which it wrote them.
#[derive(Debug)]
pub struct Lines {
    from: From,
}

#[derive(Debug)]
enum From {
    Memory(VecDeque<Line>),
    Segments {
        query: Box<Query>,
        /// Not opened yet, by their start.
        pending: VecDeque<Segment>,
        /// Open, each with its next line.
        active: Vec<(Line, Reader)>,
    },
}

impl Iterator for Lines {
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.from {
            From::Memory(lines) => lines.pop_front().map(Ok),
            From::Segments {
                query,
                pending,
                active,
            } => loop {
                match next_of_segments(pending, active) {
                    Ok(Some(line)) if !query.wants(&line) => {}
                    other => return other.transpose(),
                }
            },
        }
    }
}

fn next_of_segments(
    pending: &mut VecDeque<Segment>,
    active: &mut Vec<(Line, Reader)>,
) -> Result<Option<Line>, Error> {
    loop {
        let first = active
            .iter()
            .enumerate()
            .min_by_key(|(_, (line, _))| line.at);
        let first = first.map(|(at, (line, _))| (at, line.at));
        let due = pending
            .front()
            .is_some_and(|segment| first.is_none_or(|(_, time)| segment.name.start <= time));
        if due && let Some(segment) = pending.pop_front() {
            activate(segment, active)?;
            continue;
        }
        let Some((at, _)) = first else {
            return Ok(None);
        };
        let (_, reader) = &mut active[at];
        return Ok(Some(match reader.next()?.or_else(|| reader.rest()) {
            Some(next) => std::mem::replace(&mut active[at].0, next),
            // `remove`, not `swap_remove`: of equal times the segment opened first comes first.
            None => active.remove(at).0,
        }));
    }
}

fn activate(segment: Segment, active: &mut Vec<(Line, Reader)>) -> Result<(), Error> {
    if let Some(mut reader) = Reader::open(segment)?
        && let Some(line) = reader.next()?.or_else(|| reader.rest())
    {
        active.push((line, reader));
    }
    Ok(())
}
