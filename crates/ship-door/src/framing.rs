//! How the bytes of an HTTP/1 connection are cut into requests, decided before anything reads them.
//!
//! A request that two programs could cut in two ways is how one visitor's bytes become another's
//! request. RFC 9112 lets a reader be lenient in many places; here it is not: what is not exactly
//! the grammar is refused, and with it everything that follows on its connection.
//!
//! [`Framing`] keeps no bytes and does not care how they are split. It looks at what frames a
//! message (lines, lengths, codings, chunks, the host) and leaves what they mean to the layers
//! below.

mod chunk;
mod field;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod line;

use chunk::Chunk;
use field::Fields;
use line::Line;

/// Bytes that cannot stand here, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The first byte that no reader may see.
    pub(crate) at: usize,
    /// What is wrong, in words for a log.
    pub(crate) why: &'static str,
}

/// Whether a request may have this method: HTTP/2 and 3 have no line that is looked at.
pub(crate) fn is_method(method: &str) -> bool {
    line::is_method(method.as_bytes())
}

/// The same for the bytes of a target.
pub(crate) fn is_target(target: &str) -> bool {
    line::is_target(target.as_bytes())
}

/// The place in a connection's bytes.
#[derive(Debug)]
pub(crate) struct Framing {
    part: Part,
    heads: u64,
    line: Line,
    fields: Fields,
    chunk: Chunk,
}

/// Where a connection stands, to whoever waits for its next byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Between two requests: not a byte of the next has come.
    Between,
    /// Within a head.
    Head,
    /// Behind a head.
    Beyond,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Nothing yet, or an empty line before a request.
    Before,
    Line,
    Fields,
    /// A body with this many bytes to come.
    Counted(u64),
    Chunks,
    Trailers,
    /// No longer HTTP, if the app agrees; what comes is not looked at.
    Tunnel,
}

impl Framing {
    pub(crate) fn new() -> Self {
        Self {
            part: Part::Before,
            heads: 0,
            line: Line::default(),
            fields: Fields::default(),
            chunk: Chunk::default(),
        }
    }

    /// Whether a request for a WebSocket has ended, and what follows is its.
    pub(crate) fn is_tunnel(&self) -> bool {
        self.part == Part::Tunnel
    }

    /// How many heads have come to their end.
    pub(crate) fn heads(&self) -> u64 {
        self.heads
    }

    /// What the next byte would be.
    pub(crate) fn place(&self) -> Place {
        match self.part {
            Part::Before if self.line.is_untouched() => Place::Between,
            Part::Before | Part::Line | Part::Fields => Place::Head,
            Part::Counted(_) | Part::Chunks | Part::Trailers | Part::Tunnel => Place::Beyond,
        }
    }

    /// Takes the next bytes. After a refusal nothing more may be asked.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let taken = match self.part {
                Part::Before => self.before(rest),
                Part::Line => self.line(rest),
                Part::Fields => self.fields(rest),
                Part::Counted(left) => Ok(self.counted(left, rest)),
                Part::Chunks => self.chunks(rest),
                Part::Trailers => self.trailers(rest),
                Part::Tunnel => return Ok(()),
            };
            at += taken.map_err(|refusal| Refusal {
                at: at + refusal.at,
                ..refusal
            })?;
        }
        Ok(())
    }

    /// One empty line may precede a request (RFC 9112, 2.2): old clients end bodies with one.
    fn before(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        match self.line.empty(bytes[0])? {
            line::Empty::Taken => Ok(1),
            line::Empty::None => {
                self.part = Part::Line;
                Ok(0)
            }
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let (taken, whole) = self.line.follow(bytes)?;
        if whole {
            self.fields = Fields::default();
            self.part = Part::Fields;
        }
        Ok(taken)
    }

    fn fields(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let (taken, whole) = self.fields.follow(bytes)?;
        if whole {
            let refuse = |why| Refusal { at: taken - 1, why };
            self.part = self.body().map_err(refuse)?;
            self.heads += 1;
            self.line = Line::default();
        }
        Ok(taken)
    }

    /// What follows a whole head (RFC 9112, 6.3, without its leniencies).
    fn body(&mut self) -> Result<Part, &'static str> {
        let fields = &self.fields;
        match (fields.hosts, self.line.is_1_0) {
            (1, _) | (0, true) => {}
            (0, false) => return Err("there is no `Host`"),
            _ => return Err("there is more than one `Host`"),
        }
        match (fields.chunked, fields.length) {
            (true, Some(_)) => Err("there is both a length and a transfer coding"),
            (true, None) if self.line.is_1_0 => Err("HTTP/1.0 has no transfer codings"),
            (true, None) => {
                self.chunk = Chunk::default();
                Ok(Part::Chunks)
            }
            (false, Some(length @ 1..)) => Ok(Part::Counted(length)),
            (false, _) if fields.websocket => Ok(Part::Tunnel),
            (false, _) => Ok(Part::Before),
        }
    }

    fn counted(&mut self, left: u64, bytes: &[u8]) -> usize {
        let taken = left.min(bytes.len() as u64);
        self.part = match left - taken {
            0 => Part::Before,
            left => Part::Counted(left),
        };
        taken as usize
    }

    fn chunks(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let (taken, last) = self.chunk.follow(bytes)?;
        if last {
            self.fields = Fields::default();
            self.part = Part::Trailers;
        }
        Ok(taken)
    }

    fn trailers(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let (taken, whole) = self.fields.follow(bytes)?;
        if whole {
            if self.fields.frames() {
                let why = "the trailers would change how the request is read";
                return Err(Refusal { at: taken - 1, why });
            }
            self.part = Part::Before;
        }
        Ok(taken)
    }
}

/// What a byte may be, by one look into a table.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without a branch for each byte the compiler looks at a whole block at once"
)]
mod byte {
    /// In a token (RFC 9110, 5.6.2).
    pub(super) const TOKEN: u8 = 1;
    /// In a field's value: anything visible, spaces, tabs, and the bytes beyond ASCII (RFC 9110, 5.5).
    pub(super) const VALUE: u8 = 2;
    /// In a target: anything visible but `#`, which begins a fragment and is never sent.
    pub(super) const TARGET: u8 = 4;
    /// In a method as everybody writes them: capitals, digits, `-`, `_`.
    pub(super) const METHOD: u8 = 8;

    const CLASSES: [u8; 256] = {
        let mut classes = [0; 256];
        let mut at = 0;
        while at < 256 {
            classes[at] = class(at as u8);
            at += 1;
        }
        classes
    };

    const fn class(byte: u8) -> u8 {
        let mut class = 0;
        if byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            )
        {
            class |= TOKEN;
        }
        if byte == b'\t' || (byte >= b' ' && byte != 0x7F) {
            class |= VALUE;
        }
        if byte.is_ascii_graphic() && byte != b'#' {
            class |= TARGET;
        }
        if byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_') {
            class |= METHOD;
        }
        class
    }

    pub(super) fn is(byte: u8, class: u8) -> bool {
        CLASSES[usize::from(byte)] & class != 0
    }

    /// How many of `bytes` from the first on are of a class.
    pub(super) fn run(bytes: &[u8], class: u8) -> usize {
        let outside = bytes.iter().position(|byte| !is(*byte, class));
        outside.unwrap_or(bytes.len())
    }

    /// The same for [`VALUE`], sixteen at a time.
    pub(super) fn run_of_value(bytes: &[u8]) -> usize {
        let whole = leading(bytes, |byte| {
            ((byte < b' ') & (byte != b'\t')) | (byte == 0x7F)
        });
        whole + run(&bytes[whole..], VALUE)
    }

    /// The same for [`TARGET`].
    pub(super) fn run_of_target(bytes: &[u8]) -> usize {
        let whole = leading(bytes, |byte| {
            (byte <= b' ') | (byte >= 0x7F) | (byte == b'#')
        });
        whole + run(&bytes[whole..], TARGET)
    }

    /// The length of the leading blocks without a byte that is `bad`.
    #[inline]
    fn leading(bytes: &[u8], bad: impl Fn(u8) -> bool) -> usize {
        const BLOCK: usize = 16;
        let (blocks, _) = bytes.as_chunks::<BLOCK>();
        let is_good =
            |block: &&[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | bad(*byte));
        BLOCK * blocks.iter().take_while(is_good).count()
    }
}

#[cfg(test)]
mod tests;
