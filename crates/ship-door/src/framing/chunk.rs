//! A body in chunks: `5;extension\r\nhello\r\n`, up to and with the line of the last one.

use super::Refusal;
use super::byte::{self, TOKEN, VALUE};

/// The most digits of a size: fifteen are a petabyte, and nothing that has to be added overflows.
const MOST_DIGITS: u8 = 15;

/// The most bytes of extensions on one line. Nobody sends any but to hide something.
const MOST_EXTENSION: u16 = 256;

/// The place in a chunked body.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    part: Part,
    /// Of the present chunk.
    size: u64,
    digits: u8,
    extension: u16,
}

#[derive(Debug, Default, Clone, Copy)]
enum Part {
    #[default]
    Size,
    /// After `;`: the first letter of a name has to come.
    NameStart,
    Name,
    /// After `=`.
    Value,
    /// In a value that is a token.
    Word,
    /// In a value between quotes.
    Quoted,
    /// After the backslash in one.
    Escaped,
    /// After the closing quote.
    Closed,
    SizeFeed,
    /// With this many bytes of the chunk to come.
    Data(u64),
    DataReturn,
    DataFeed,
}

impl Chunk {
    /// Takes bytes of the body; how many, and whether they end the line of the last chunk.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(usize, bool), Refusal> {
        let mut at = 0;
        while at < bytes.len() {
            if let Part::Data(left) = self.part {
                let taken = left.min((bytes.len() - at) as u64);
                at += taken as usize;
                self.part = match left - taken {
                    0 => Part::DataReturn,
                    left => Part::Data(left),
                };
                continue;
            }
            let next = self.step(bytes[at]);
            self.part = next.map_err(|why| Refusal { at, why })?;
            at += 1;
            if matches!(self.part, Part::Data(0)) {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// One byte of a chunk's frame.
    fn step(&mut self, byte: u8) -> Result<Part, &'static str> {
        let part = self.part;
        if matches!(part, Part::Size) && byte.is_ascii_hexdigit() {
            return self.digit(byte);
        }
        if !matches!(
            part,
            Part::Size | Part::SizeFeed | Part::DataReturn | Part::DataFeed
        ) {
            self.extension += 1;
            if self.extension > MOST_EXTENSION {
                return Err("a chunk's extensions are too long");
            }
        }
        let next = match (part, byte) {
            (Part::Size, _) if self.digits == 0 => return Err("a chunk's size is no number"),
            (Part::Size | Part::Name | Part::Word | Part::Closed, b'\r') => Part::SizeFeed,
            (Part::Size | Part::Name | Part::Word | Part::Closed, b';') => Part::NameStart,
            (Part::Name, b'=') => Part::Value,
            (Part::NameStart | Part::Name, byte) if byte::is(byte, TOKEN) => Part::Name,
            (Part::Value, b'"') => Part::Quoted,
            (Part::Value | Part::Word, byte) if byte::is(byte, TOKEN) => Part::Word,
            (Part::Quoted, b'"') => Part::Closed,
            (Part::Quoted, b'\\') => Part::Escaped,
            (Part::Quoted | Part::Escaped, byte) if byte::is(byte, VALUE) => Part::Quoted,
            (Part::SizeFeed, b'\n') => self.begin_data(),
            (Part::DataReturn, b'\r') => Part::DataFeed,
            (Part::DataFeed, b'\n') => Part::Size,
            (Part::DataReturn | Part::DataFeed, _) => {
                return Err("a chunk is longer than its size");
            }
            (Part::Size, _) => return Err("a chunk's size is no number"),
            (Part::SizeFeed, _) => return Err("a line ends with a bare CR"),
            _ => return Err("a chunk's extension is none"),
        };
        Ok(next)
    }

    fn digit(&mut self, byte: u8) -> Result<Part, &'static str> {
        let value = (byte as char).to_digit(16).unwrap_or_default();
        self.digits += 1;
        self.size = self.size * 16 + u64::from(value);
        match self.digits {
            0..=MOST_DIGITS => Ok(Part::Size),
            _ => Err("a chunk's size is too long"),
        }
    }

    /// The line has ended; `Data(0)` is the last chunk, which has none.
    fn begin_data(&mut self) -> Part {
        let size = self.size;
        *self = Self::default();
        Part::Data(size)
    }
}
