//! Format 1 of a segment: a line per entry, readable with `less`.
//!
//! ```text
//! 2025-11-21T08:00:00.005Z out GET / 200
//! 2025-11-21T08:00:00.007Z err+ the first piece of a very long line
//! 2025-11-21T08:00:00.007Z err- its last piece
//! ```
//!
//! Time (RFC 3339, UTC, milliseconds), stream, and for pieces of a line `+` (the first), `=` (in
//! between) or `-` (the last); then the bytes as they came. Nothing is escaped: the one byte that
//! would break the framing, a line's end, cannot be in a line. What does not parse, such as the
//! blocks of zeros that a power cut leaves, is passed over.

use ship_base::clock::Moment;

use super::{Part, Stream};

/// One entry of a segment, as parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) at: Moment,
    pub(super) stream: Stream,
    pub(super) part: Part,
    pub(super) text: &'a [u8],
}

/// What stands before the text of an entry.
pub(super) fn header(at: Moment, stream: Stream, part: Part) -> String {
    let mark = match part {
        Part::Whole => "",
        Part::First => "+",
        Part::Middle => "=",
        Part::Last => "-",
    };
    format!("{at} {}{mark} ", stream.as_str())
}

/// Reads one entry, without its line end.
pub(super) fn parse(entry: &[u8]) -> Option<Frame<'_>> {
    let (time, rest) = split_at_space(entry)?;
    let (mark, text) = split_at_space(rest)?;
    let (stream, part) = parse_mark(mark)?;
    let at = str::from_utf8(time).ok()?.parse().ok()?;
    Some(Frame {
        at,
        stream,
        part,
        text,
    })
}

fn parse_mark(mark: &[u8]) -> Option<(Stream, Part)> {
    let (name, part) = match mark.split_last()? {
        (b'+', name) => (name, Part::First),
        (b'=', name) => (name, Part::Middle),
        (b'-', name) => (name, Part::Last),
        _ => (mark, Part::Whole),
    };
    let all = [Stream::Out, Stream::Err, Stream::Ship];
    let stream = all.into_iter().find(|s| s.as_str().as_bytes() == name)?;
    Some((stream, part))
}

fn split_at_space(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // A header's words are short: a long run without a space is no header, and not worth a search.
    let at = bytes.iter().take(40).position(|byte| *byte == b' ')?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// Joins the pieces of long lines again, per stream.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    open: [Option<(Moment, Vec<u8>)>; 3],
}

/// A joined line: when, through which stream, what.
pub(super) type Joined = (Moment, Stream, Vec<u8>);

impl Joiner {
    /// Takes the next entry and hands on the lines that it completes: none, one, or two when the
    /// end of the line before was lost to a full disk. A piece without a beginning starts a line.
    pub(super) fn take(&mut self, frame: &Frame<'_>, mut sink: impl FnMut(Joined)) {
        let open = &mut self.open[frame.stream as usize];
        if matches!(frame.part, Part::Whole | Part::First)
            && let Some((at, text)) = open.take()
        {
            sink((at, frame.stream, text));
        }
        let (_, mut text) = open.take().unwrap_or((frame.at, Vec::new()));
        text.extend_from_slice(frame.text);
        match frame.part {
            Part::Whole | Part::Last => sink((frame.at, frame.stream, text)),
            Part::First | Part::Middle => *open = Some((frame.at, text)),
        }
    }

    /// Hands on what never came to its end.
    pub(super) fn end(&mut self, mut sink: impl FnMut(Joined)) {
        for stream in [Stream::Out, Stream::Err, Stream::Ship] {
            if let Some((at, text)) = self.open[stream as usize].take() {
                sink((at, stream, text));
            }
        }
    }

    /// Whether `frame` goes on with a line whose beginning was not seen.
    pub(super) fn is_orphan(&self, frame: &Frame<'_>) -> bool {
        matches!(frame.part, Part::Middle | Part::Last)
            && self.open[frame.stream as usize].is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn streams() -> impl Strategy<Value = Stream> {
        prop_oneof![Just(Stream::Out), Just(Stream::Err), Just(Stream::Ship)]
    }

    fn parts() -> impl Strategy<Value = Part> {
        prop_oneof![
            Just(Part::Whole),
            Just(Part::First),
            Just(Part::Middle),
            Just(Part::Last)
        ]
    }

    #[test]
    fn entries_are_readable_by_people() {
        let at = Moment::from_millis(1_763_712_000_005);
        assert_eq!(
            header(at, Stream::Err, Part::First),
            "2025-11-21T08:00:00.005Z err+ "
        );
    }

    #[test]
    fn damage_is_no_entry() {
        for damage in [
            b"".as_slice(),
            b"\0\0\0\0",
            b"2025-11-21T08:00:00.005Z",
            b"2025-11-21T08:00:00.005Z out",
            b"2025-11-21T08:00:00.005Z elsewhere x",
            b"yesterday out x",
        ] {
            assert_eq!(parse(damage), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_survive(
            millis in -60_000_000_000_000i64..250_000_000_000_000,
            stream in streams(),
            part in parts(),
            text in proptest::collection::vec(any::<u8>(), 0..50),
        ) {
            let at = Moment::from_millis(millis);
            let mut entry = header(at, stream, part).into_bytes();
            entry.extend_from_slice(&text);
            prop_assert_eq!(parse(&entry), Some(Frame { at, stream, part, text: &text }));
        }

        #[test]
        fn nothing_makes_the_parser_panic(entry in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&entry);
        }
    }
}
