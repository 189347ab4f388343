//! Field lines, of a head or of trailers: `Name: value`, up to the empty line.

use super::Refusal;
use super::byte::{self, TOKEN};

/// The field lines of one section, and what they say of framing.
#[derive(Debug, Default)]
pub(super) struct Fields {
    part: Part,
    name: Word<17>,
    value: Word<64>,
    known: Known,
    /// `Content-Length`.
    pub(super) length: Option<u64>,
    /// `Transfer-Encoding: chunked`.
    pub(super) chunked: bool,
    /// How many `Host` fields there are, up to two.
    pub(super) hosts: u8,
    /// `Upgrade` speaks of WebSockets.
    pub(super) websocket: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum Part {
    #[default]
    Start,
    Name,
    Value,
    Feed,
    /// The LF of the empty line.
    LastFeed,
}

/// Names that matter for framing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Known {
    #[default]
    Other,
    Length,
    Coding,
    Host,
    Upgrade,
}

impl Fields {
    /// Takes bytes of the section; how many, and whether they end it.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(usize, bool), Refusal> {
        let mut at = 0;
        while at < bytes.len() {
            let refuse = move |why| Refusal { at, why };
            match self.part {
                Part::Start => match bytes[at] {
                    b'\r' => {
                        self.part = Part::LastFeed;
                        at += 1;
                    }
                    b' ' | b'\t' => return Err(refuse("a field is folded")),
                    _ => {
                        self.name.clear();
                        self.part = Part::Name;
                    }
                },
                Part::Name => {
                    let run = byte::run(&bytes[at..], TOKEN);
                    self.name.add(&bytes[at..at + run]);
                    at += run;
                    if let Some(byte) = bytes.get(at) {
                        if *byte != b':' || self.name.is_empty() {
                            let why = "a field's name is none";
                            return Err(Refusal { at, why });
                        }
                        self.known = known(&self.name);
                        self.value.clear();
                        self.part = Part::Value;
                        at += 1;
                    }
                }
                Part::Value => {
                    let run = byte::run_of_value(&bytes[at..]);
                    if self.known != Known::Other {
                        self.value.add(&bytes[at..at + run]);
                    }
                    at += run;
                    match bytes.get(at) {
                        None => {}
                        Some(b'\r') => {
                            self.part = Part::Feed;
                            at += 1;
                        }
                        Some(_) => {
                            let why = "a field's value has a byte that it may not";
                            return Err(Refusal { at, why });
                        }
                    }
                }
                Part::Feed if bytes[at] == b'\n' => {
                    self.end_field().map_err(refuse)?;
                    self.part = Part::Start;
                    at += 1;
                }
                Part::LastFeed if bytes[at] == b'\n' => return Ok((at + 1, true)),
                Part::Feed | Part::LastFeed => return Err(refuse("a line ends with a bare CR")),
            }
        }
        Ok((at, false))
    }

    /// Whether there is anything that frames or routes, which trailers must not (RFC 9110, 6.5.1).
    pub(super) fn frames(&self) -> bool {
        self.length.is_some() || self.chunked || self.hosts > 0
    }

    fn end_field(&mut self) -> Result<(), &'static str> {
        match self.known {
            Known::Other => {}
            Known::Host => self.hosts = (self.hosts + 1).min(2),
            Known::Length => {
                let length = self.value.trimmed().and_then(number);
                let length = length.ok_or("the length is no number")?;
                if self.length.replace(length).is_some() {
                    return Err("there is more than one length");
                }
            }
            Known::Coding => {
                let chunked = |value: &[u8]| value.eq_ignore_ascii_case(b"chunked");
                if self.chunked || !self.value.trimmed().is_some_and(chunked) {
                    return Err("the transfer coding is not just `chunked`");
                }
                self.chunked = true;
            }
            // A value that is too long to be looked at counts: it means only that what follows on
            // this connection is not taken for a request.
            Known::Upgrade => {
                let value = self.value.trimmed();
                self.websocket |= value.is_none_or(is_about_websockets);
            }
        }
        Ok(())
    }
}

fn known(name: &Word<17>) -> Known {
    let is = |known: &[u8]| {
        name.whole()
            .is_some_and(|it| it.eq_ignore_ascii_case(known))
    };
    match name.length {
        4 if is(b"host") => Known::Host,
        7 if is(b"upgrade") => Known::Upgrade,
        14 if is(b"content-length") => Known::Length,
        17 if is(b"transfer-encoding") => Known::Coding,
        _ => Known::Other,
    }
}

/// Digits, at most nineteen: no length of that many does not fit.
fn number(digits: &[u8]) -> Option<u64> {
    let plain = (1..=19).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let value = |digits: &[u8]| {
        let add = |sum: u64, digit: &u8| sum * 10 + u64::from(digit - b'0');
        digits.iter().fold(0, add)
    };
    plain.then(|| value(digits))
}

fn is_about_websockets(value: &[u8]) -> bool {
    let word = b"websocket";
    let mut places = value.windows(word.len());
    places.any(|place| place.eq_ignore_ascii_case(word))
}

/// The first bytes of a name or value, which may come in pieces.
#[derive(Debug)]
struct Word<const MOST: usize> {
    bytes: [u8; MOST],
    /// Of all bytes that came, and at most one more than are kept.
    length: usize,
}

impl<const MOST: usize> Default for Word<MOST> {
    fn default() -> Self {
        Self {
            bytes: [0; MOST],
            length: 0,
        }
    }
}

impl<const MOST: usize> Word<MOST> {
    fn clear(&mut self) {
        self.length = 0;
    }

    fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn add(&mut self, more: &[u8]) {
        let from = self.length.min(MOST);
        let fits = more.len().min(MOST - from);
        self.bytes[from..from + fits].copy_from_slice(&more[..fits]);
        self.length = (self.length + more.len()).min(MOST + 1);
    }

    /// All of it; `None` when it was longer than is kept.
    fn whole(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length)
    }

    /// The same without the spaces and tabs around it.
    fn trimmed(&self) -> Option<&[u8]> {
        let mut value = self.whole()?;
        while let [b' ' | b'\t', rest @ ..] = value {
            value = rest;
        }
        while let [rest @ .., b' ' | b'\t'] = value {
            value = rest;
        }
        Some(value)
    }
}
