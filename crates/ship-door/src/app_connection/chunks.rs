//! Content that comes in chunks (RFC 9112, 7.1).

use std::io;

use bytes::{Buf as _, BytesMut};
use httparse::Status;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::answer::FIELDS;
use super::content::Next;

/// The longest line of a chunk's size with its extensions.
const LONGEST_LINE: usize = 4 << 10;

/// The longest trailers.
const LONGEST_TRAILERS: usize = 16 << 10;

/// The place in it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum Chunks {
    /// Before a size.
    #[default]
    Size,
    /// With this many bytes of the chunk to come.
    Data(u64),
    /// Before the line's end behind a chunk.
    End,
    /// Behind the last chunk.
    Trailers,
}

impl Chunks {
    /// Takes the next piece of content from what came.
    pub(super) fn next(&mut self, came: &mut BytesMut) -> io::Result<Next> {
        loop {
            match *self {
                Self::Size => {
                    let line = &came[..came.len().min(LONGEST_LINE)];
                    let Some(end) = line.iter().position(|byte| *byte == b'\n') else {
                        return match line.len() {
                            LONGEST_LINE => Err(wrong("a chunk's size is too long")),
                            _ => Ok(Next::More(0)),
                        };
                    };
                    let size = size(&came[..end])?;
                    came.advance(end + 1);
                    *self = match size {
                        0 => Self::Trailers,
                        size => Self::Data(size),
                    };
                }
                Self::Data(left) if came.is_empty() => {
                    return Ok(Next::More(usize::try_from(left).unwrap_or(usize::MAX)));
                }
                Self::Data(left) => {
                    let now = came.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    *self = match left - now as u64 {
                        0 => Self::End,
                        left => Self::Data(left),
                    };
                    return Ok(Next::Data(came.split_to(now).freeze()));
                }
                Self::End => match came.as_ref() {
                    [b'\r', b'\n', ..] => {
                        came.advance(2);
                        *self = Self::Size;
                    }
                    [] | [b'\r'] => return Ok(Next::More(0)),
                    _ => return Err(wrong("a chunk is longer than its size")),
                },
                Self::Trailers => {
                    let mut room = [httparse::EMPTY_HEADER; FIELDS];
                    return match httparse::parse_headers(came, &mut room) {
                        Ok(Status::Complete((length, fields))) => {
                            let trailers = trailers(fields)?;
                            came.advance(length);
                            Ok(Next::End(trailers))
                        }
                        Ok(Status::Partial) if came.len() <= LONGEST_TRAILERS => Ok(Next::More(0)),
                        Ok(Status::Partial) => Err(wrong("the trailers are too long")),
                        Err(_) => Err(wrong("the trailers are none")),
                    };
                }
            }
        }
    }
}

/// The size on a chunk's line, which comes without its LF. Extensions mean nothing to us, and blanks
/// behind the digits are what programs of old wrote.
fn size(line: &[u8]) -> io::Result<u64> {
    let line = line.strip_suffix(b"\r");
    let line = line.ok_or_else(|| wrong("a line ends with a bare LF"))?;
    let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = size.trim_ascii_end();
    let plain = matches!(digits.len(), 1..=15) && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| plain);
    let size = text.and_then(|text| u64::from_str_radix(text, 16).ok());
    size.ok_or_else(|| wrong("a chunk's size is no number"))
}

fn trailers(fields: &[httparse::Header<'_>]) -> io::Result<Option<HeaderMap>> {
    let mut trailers = HeaderMap::new();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(wrong("a trailer is none"));
        };
        trailers.append(name, value);
    }
    Ok((!trailers.is_empty()).then_some(trailers))
}

fn wrong(what: &str) -> io::Error {
    let text = format!("an app's chunks cannot be read: {what}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
