//! The last so many lines, read from the segments' ends.

use std::cmp::Reverse;
use std::collections::VecDeque;

use ship_base::clock::Moment;
use ship_base::file::FileError;

use super::Line;
use super::query::Query;
use super::reader::Reader;
use super::segment::Segment;

/// How many bytes of a segment's end are read first.
const FIRST_WINDOW: u64 = 64 * 1024;

/// The last `count` wanted lines, oldest first: from the segment that was written last back, until
/// what is left was silent before the oldest line found.
pub(super) fn newest(
    mut segments: Vec<Segment>,
    query: &Query,
    count: usize,
) -> Result<Vec<Line>, FileError> {
    segments.sort_by_key(|segment| Reverse(segment.last));
    let mut found: Vec<(Moment, Line)> = Vec::new();
    for segment in segments {
        let enough = found.len() >= count;
        if enough && found.first().is_none_or(|(_, line)| segment.last < line.at) {
            break;
        }
        let start = segment.name.start;
        let lines = last_of(&segment, query, count)?;
        found.extend(lines.into_iter().map(|line| (start, line)));
        found.sort_by_key(|(start, line)| (line.at, *start));
        found.drain(..found.len().saturating_sub(count));
    }
    Ok(found.into_iter().map(|(_, line)| line).collect())
}

/// The last `count` wanted lines of one segment, from a window at its end that is widened until
/// it holds enough, and until each of them begins in it.
fn last_of(segment: &Segment, query: &Query, count: usize) -> Result<VecDeque<Line>, FileError> {
    let mut window = FIRST_WINDOW;
    loop {
        let from = segment.size.saturating_sub(window);
        let Some(mut reader) = Reader::open(segment.clone(), from)? else {
            return Ok(VecDeque::new());
        };
        let lines = last_from(&mut reader, query, count)?;
        if from == 0 || (lines.len() == count && !reader.saw_orphans()) {
            return Ok(lines);
        }
        window *= 4;
    }
}

fn last_from(
    reader: &mut Reader,
    query: &Query,
    count: usize,
) -> Result<VecDeque<Line>, FileError> {
    let mut lines = VecDeque::new();
    while let Some(line) = reader.next()? {
        if query.wants(&line) {
            lines.push_back(line);
        }
        if lines.len() > count {
            lines.pop_front();
        }
    }
    Ok(lines)
}
