//! The head of an app's answer, and what it says of its content (RFC 9112, 6.3).

use std::io;
use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes, BytesMut};
use httparse::{Header, ParserConfig, Status};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Response, StatusCode};

use super::ROOM;
use super::chunks::Chunks;
use super::content::Content;
use crate::head::names_no_field;

/// The most fields of an answer's head.
pub(super) const FIELDS: usize = 100;

/// The longest head. An app is not a stranger: cookies and links of hundreds of kilobytes are odd, but
/// its own.
const LONGEST: usize = 400 << 10;

/// A head that has come whole.
pub(super) struct Head {
    pub(super) response: Response<()>,
    /// Content that lay behind it, where all of it did.
    pub(super) first: Bytes,
    /// What is to come.
    pub(super) content: Content,
    /// Another request may follow.
    pub(super) stays: bool,
}

/// Takes the head of an answer to a request with this method from what came, once it is whole. What an
/// app says in between (1xx) is not for the visitor.
pub(super) fn take(came: &mut BytesMut, method: &Method) -> io::Result<Option<Head>> {
    while !came.is_empty() {
        let mut room = [const { MaybeUninit::uninit() }; FIELDS];
        let mut parsed = httparse::Response::new(&mut []);
        let config = ParserConfig::default();
        let length = match config.parse_response_with_uninit_headers(&mut parsed, came, &mut room) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if came.len() > LONGEST => return Err(wrong("it is too long")),
            Ok(Status::Partial) => return Ok(None),
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| wrong("its status is none"))?;
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            came.advance(length);
            continue;
        }
        let said = Said::of(parsed.headers)?;
        let is_1_1 = parsed.version == Some(1);
        let mut content = said.content(status, method, is_1_1)?;
        let mut whole = length;
        if let Content::Counted(left) = content
            && let Ok(left) = usize::try_from(left)
            && left <= came.len() - length
            && length + left <= ROOM
        {
            whole += left;
            content = Content::Over;
        }
        // One piece of memory for the head and all of a small answer. What came stays where it is,
        // and is read into again.
        let mut bytes = Bytes::copy_from_slice(&came[..whole]);
        let first = bytes.split_off(length);
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = fields(parsed.headers, came, &bytes)?;
        came.advance(whole);
        let stays = is_1_1 && !said.closes && !matches!(content, Content::UntilEnd);
        return Ok(Some(Head {
            response,
            first,
            content,
            stays,
        }));
    }
    Ok(None)
}

/// The fields, as parts of `bytes`, which begin with the same as `came`.
fn fields(parsed: &[Header<'_>], came: &[u8], bytes: &Bytes) -> io::Result<HeaderMap> {
    let start = came.as_ptr() as usize;
    let mut fields = HeaderMap::with_capacity(parsed.len() + 2);
    for field in parsed {
        // Whether the connection stays is for us alone, and known.
        if field.name.eq_ignore_ascii_case("connection") && names_no_field(field.value) {
            continue;
        }
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = if field.value.is_empty() {
            Bytes::new()
        } else {
            let at = field.value.as_ptr() as usize - start;
            bytes.slice(at..at + field.value.len())
        };
        let value = HeaderValue::from_maybe_shared(value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(wrong("a field is none"));
        };
        fields.append(name, value);
    }
    Ok(fields)
}

/// What fields say of the content and the connection.
#[derive(Debug, Default)]
struct Said {
    length: Option<u64>,
    /// There is a transfer coding; whether the last one is `chunked`.
    coded: Option<bool>,
    closes: bool,
}

impl Said {
    fn of(fields: &[Header<'_>]) -> io::Result<Self> {
        let mut said = Self::default();
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            match field.name.len() {
                10 if is("connection") => {
                    let words = field.value.split(|byte| *byte == b',');
                    said.closes |= words
                        .map(<[u8]>::trim_ascii)
                        .any(|word| word.eq_ignore_ascii_case(b"close"));
                }
                14 if is("content-length") => {
                    for length in field.value.split(|byte| *byte == b',') {
                        let length = number(length.trim_ascii());
                        let length = length.ok_or_else(|| wrong("its length is no number"))?;
                        if said.length.replace(length).is_some_and(|it| it != length) {
                            return Err(wrong("it has two lengths"));
                        }
                    }
                }
                17 if is("transfer-encoding") => {
                    let last = field.value.rsplit(|byte| *byte == b',').next();
                    let last = last.unwrap_or_default().trim_ascii();
                    said.coded = Some(last.eq_ignore_ascii_case(b"chunked"));
                }
                _ => {}
            }
        }
        Ok(said)
    }

    fn content(&self, status: StatusCode, method: &Method, is_1_1: bool) -> io::Result<Content> {
        let none = matches!(
            status,
            StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
        if none || method == Method::HEAD {
            return Ok(Content::Over);
        }
        match (self.coded, self.length) {
            (Some(_), _) if !is_1_1 => Err(wrong("HTTP/1.0 has no transfer codings")),
            // A length beside it does not count.
            (Some(true), _) => Ok(Content::Chunked(Chunks::default())),
            (None, Some(0)) => Ok(Content::Over),
            (None, Some(length)) => Ok(Content::Counted(length)),
            (Some(false), _) | (None, None) => Ok(Content::UntilEnd),
        }
    }
}

/// Digits alone; nothing that does not fit.
fn number(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| plain)?;
    text.parse().ok()
}

fn wrong(what: &str) -> io::Error {
    let text = format!("an app's answer cannot be read: {what}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
