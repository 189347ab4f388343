//! The first line of a request: `GET /path HTTP/1.1`.

use super::Refusal;
use super::byte::{self, METHOD};

/// The longest method: the registered ones have at most 17 letters.
const LONGEST_METHOD: u8 = 20;

const VERSION: &[u8; 7] = b"HTTP/1.";

/// Whether a request line may have this method.
pub(super) fn is_method(method: &[u8]) -> bool {
    let lengths = 2..=usize::from(LONGEST_METHOD);
    lengths.contains(&method.len()) && byte::run(method, METHOD) == method.len()
}

/// Whether it may have this target, as far as single bytes tell.
pub(super) fn is_target(target: &[u8]) -> bool {
    byte::run_of_target(target) == target.len()
}

/// The place in a request line.
#[derive(Debug, Default)]
pub(super) struct Line {
    part: Part,
    /// It says HTTP/1.0.
    pub(super) is_1_0: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Start,
    /// The end of an empty line before the first.
    EmptyEnd,
    /// After an empty line.
    Begun,
    /// With this many letters of the method.
    Method(u8),
    /// Before the first byte of the target.
    TargetStart,
    Target,
    /// With this many bytes of `HTTP/1.`.
    Version(u8),
    Minor,
    Return,
    Feed,
}

/// What a byte before a request is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// Of an empty line.
    Taken,
    /// Of the request line.
    None,
}

impl Line {
    /// Whether nothing of it has come, nor of an empty line before it.
    pub(super) fn is_untouched(&self) -> bool {
        self.part == Part::Start
    }

    /// Takes an empty line, once.
    pub(super) fn empty(&mut self, byte: u8) -> Result<Empty, Refusal> {
        self.part = match (self.part, byte) {
            (Part::Start, b'\r') => Part::EmptyEnd,
            (Part::EmptyEnd, b'\n') => Part::Begun,
            (Part::EmptyEnd, _) => return refuse(0, "a line ends with a bare CR"),
            (Part::Begun | Part::Start, _) => {
                self.part = Part::Method(0);
                return Ok(Empty::None);
            }
            _ => return Ok(Empty::None),
        };
        Ok(Empty::Taken)
    }

    /// Takes bytes of the line; how many, and whether they end it.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(usize, bool), Refusal> {
        let mut at = 0;
        while at < bytes.len() {
            match self.part {
                Part::Method(length) => {
                    let run = byte::run(&bytes[at..], METHOD);
                    let room = usize::from(LONGEST_METHOD - length);
                    if run > room {
                        return refuse(at + room, "the method is none");
                    }
                    let length = length + u8::try_from(run).unwrap_or_default();
                    at += run;
                    self.part = Part::Method(length);
                    if let Some(byte) = bytes.get(at) {
                        if length < 2 || *byte != b' ' {
                            return refuse(at, "the method is none");
                        }
                        at += 1;
                        self.part = Part::TargetStart;
                    }
                }
                Part::Target => {
                    at += byte::run_of_target(&bytes[at..]);
                    match bytes.get(at) {
                        None => {}
                        Some(b' ') => {
                            at += 1;
                            self.part = Part::Version(0);
                        }
                        Some(_) => return refuse(at, "the target has a byte that it may not"),
                    }
                }
                part => {
                    self.part = match self.step(part, bytes[at]) {
                        Ok(Some(next)) => next,
                        Ok(None) => return Ok((at + 1, true)),
                        Err(why) => return refuse(at, why),
                    };
                    at += 1;
                }
            }
        }
        Ok((at, false))
    }

    /// One byte; `None` ends the line.
    fn step(&mut self, part: Part, byte: u8) -> Result<Option<Part>, &'static str> {
        let next = match (part, byte) {
            // `/path`, `*`, `http://host/path`, `host:port` and `[::1]:port`.
            (Part::TargetStart, b'/' | b'*' | b'[') => Part::Target,
            (Part::TargetStart, byte) if byte.is_ascii_alphanumeric() => Part::Target,
            (Part::TargetStart, _) => return Err("the target is none"),
            (Part::Version(place), byte) if VERSION[usize::from(place)] == byte => {
                match usize::from(place) + 1 {
                    7 => Part::Minor,
                    _ => Part::Version(place + 1),
                }
            }
            (Part::Minor, b'0' | b'1') => {
                self.is_1_0 = byte == b'0';
                Part::Return
            }
            (Part::Version(_) | Part::Minor, _) => return Err("the version is none of HTTP/1"),
            (Part::Return, b'\r') => Part::Feed,
            (Part::Feed, b'\n') => return Ok(None),
            _ => return Err("the request line does not end with CR LF"),
        };
        Ok(Some(next))
    }
}

fn refuse<T>(at: usize, why: &'static str) -> Result<T, Refusal> {
    Err(Refusal { at, why })
}
