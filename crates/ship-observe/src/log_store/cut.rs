//! Bytes in whatever pieces a pipe gives them become lines, in bounded memory.

use super::Part;

/// A line longer than this, in bytes, is handed on in pieces of this size.
pub const PIECE: usize = 64 * 1024;

/// A line longer than this, in bytes, loses its rest.
pub const LONGEST_LINE: usize = 1024 * 1024;

/// What stands in place of the rest.
pub(super) const CUT_MARK: &[u8] = " … (line cut at 1 MiB)".as_bytes();

/// Above this many bytes the buffer of an unfinished line is given back once the line is over.
const KEPT_BUFFER: usize = 4 * 1024;

/// Makes lines of one pipe's bytes. It holds the unfinished line only, at most [`PIECE`] bytes.
///
/// ```
/// use ship_observe::log_store::{LineCutter, Part};
/// let mut cutter = LineCutter::new();
/// let mut lines = Vec::new();
/// cutter.feed(b"one\ntw", |text, part| lines.push((text.to_vec(), part)));
/// cutter.feed(b"o\nthree", |text, part| lines.push((text.to_vec(), part)));
/// cutter.end(|text, part| lines.push((text.to_vec(), part)));
/// let texts: Vec<_> = lines.iter().map(|(text, _)| text.as_slice()).collect();
/// assert_eq!(texts, [b"one".as_slice(), b"two", b"three"]);
/// assert!(lines.iter().all(|(_, part)| *part == Part::Whole));
/// ```
#[derive(Debug, Default)]
pub struct LineCutter {
    held: Vec<u8>,
    /// Bytes of the unfinished line that went out as pieces.
    gone: usize,
    /// The line is over its length; its rest is thrown away.
    skipping: bool,
}

impl LineCutter {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what a read gave and hands on every line, or piece of a long line, that it completes.
    pub fn feed(&mut self, bytes: &[u8], mut sink: impl FnMut(&[u8], Part)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line(&rest[..end], &mut sink);
            rest = &rest[end + 1..];
        }
        self.hold(rest, &mut sink);
    }

    /// The pipe is closed: hands on the unfinished line, if there is one.
    pub fn end(&mut self, mut sink: impl FnMut(&[u8], Part)) {
        if !self.held.is_empty() || self.gone > 0 {
            self.finish(&mut sink);
        }
    }

    /// The line's last bytes. Most lines arrive whole, and pass without a copy.
    fn line(&mut self, last: &[u8], sink: &mut impl FnMut(&[u8], Part)) {
        if self.held.is_empty() && self.gone == 0 && last.len() <= PIECE {
            return sink(last, Part::Whole);
        }
        self.hold(last, sink);
        self.finish(sink);
    }

    fn hold(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(&[u8], Part)) {
        while !self.skipping && self.held.len() + bytes.len() > PIECE {
            let (fitting, rest) = bytes.split_at(PIECE - self.held.len());
            self.held.extend_from_slice(fitting);
            self.piece(sink);
            bytes = rest;
        }
        if !self.skipping {
            self.held.extend_from_slice(bytes);
        }
    }

    /// A full buffer with more to come: one more piece, or the mark that ends an endless line.
    fn piece(&mut self, sink: &mut impl FnMut(&[u8], Part)) {
        if self.gone + PIECE >= LONGEST_LINE {
            self.held.extend_from_slice(CUT_MARK);
            sink(&self.held, Part::Last);
            self.skipping = true;
        } else if self.gone == 0 {
            sink(&self.held, Part::First);
        } else {
            sink(&self.held, Part::Middle);
        }
        self.gone += PIECE;
        self.held.clear();
    }

    fn finish(&mut self, sink: &mut impl FnMut(&[u8], Part)) {
        if !self.skipping {
            let part = if self.gone == 0 {
                Part::Whole
            } else {
                Part::Last
            };
            sink(&self.held, part);
        }
        self.held.clear();
        self.held.shrink_to(KEPT_BUFFER);
        self.gone = 0;
        self.skipping = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `chunks` and joins the pieces of each line again.
    fn cut(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        let mut open: Option<Vec<u8>> = None;
        let mut sink = |text: &[u8], part: Part| {
            assert!(text.len() <= PIECE + CUT_MARK.len());
            let starts = matches!(part, Part::Whole | Part::First);
            assert_eq!(open.is_none(), starts, "{part:?} out of order");
            open.get_or_insert_default().extend_from_slice(text);
            if matches!(part, Part::Whole | Part::Last) {
                lines.extend(open.take());
            }
        };
        let mut cutter = LineCutter::new();
        for chunk in chunks {
            cutter.feed(chunk, &mut sink);
        }
        cutter.end(&mut sink);
        lines
    }

    #[test]
    fn an_endless_line_is_cut_with_a_mark_and_the_next_line_is_whole() {
        let chunk = vec![b'x'; 1000];
        let mut chunks = vec![chunk.as_slice(); 5000];
        chunks.push(b"\nnext\n");
        let lines = cut(&chunks);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), LONGEST_LINE + CUT_MARK.len());
        assert!(lines[0].ends_with(CUT_MARK));
        assert_eq!(lines[1], b"next");
    }

    #[test]
    fn lines_of_the_longest_length_are_not_cut() {
        for length in [PIECE, PIECE + 1, LONGEST_LINE - 1, LONGEST_LINE] {
            let line = vec![b'x'; length];
            assert_eq!(
                cut(&[&line, b"\n"]),
                std::slice::from_ref(&line),
                "{length}"
            );
            assert_eq!(cut(&[&line]), [line], "{length}");
        }
    }

    #[test]
    fn a_long_line_leaves_no_big_buffer_behind() {
        let mut cutter = LineCutter::new();
        cutter.feed(&vec![b'x'; PIECE], |_, _| ());
        cutter.feed(b"\n", |_, _| ());
        assert!(cutter.held.capacity() <= KEPT_BUFFER);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_pipe_cut_them(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300),
            size in 1usize..20,
        ) {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            let mut expected: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            prop_assert_eq!(cut(&chunks), expected);
        }
    }
}
