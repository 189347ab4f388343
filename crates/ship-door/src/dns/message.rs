//! Messages (RFC 1035, 4): questions are written, answers are read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{kind, name};

/// Of the internet.
pub(super) const IN: u16 = 1;

/// Recursion is desired.
const RECURSION: u16 = 0x0100;

/// The length of what each message begins with.
pub(super) const HEADER: usize = 12;

/// The place of the number of additional records in it.
pub(super) const ADDITIONAL: usize = 10;

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) data: Data,
}

/// What it says, where that is asked for here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    Address(IpAddr),
    Server(String),
    Alias(String),
    /// The top of a zone.
    Zone,
    Text(Vec<u8>),
    Other,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) id: u16,
    pub(super) code: u16,
    pub(super) truncated: bool,
    /// The name and kind that it is about.
    pub(super) about: Option<(String, u16)>,
    pub(super) answers: Vec<Found>,
    pub(super) authority: Vec<Found>,
}

pub(super) fn push(message: &mut Vec<u8>, number: u16) {
    message.extend(number.to_be_bytes());
}

/// What a message begins with.
pub(super) fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    let mut message = Vec::new();
    push(&mut message, id);
    push(&mut message, flags);
    for count in counts {
        push(&mut message, count);
    }
    message
}

/// Asks for records. `recursive`: of a resolver, which asks others; else of a server of the zone.
pub(super) fn query(id: u16, of: &str, kind: u16, recursive: bool) -> Option<Vec<u8>> {
    let flags = if recursive { RECURSION } else { 0 };
    let mut message = header(id, flags, [1, 0, 0, 0]);
    name::write(&mut message, of)?;
    push(&mut message, kind);
    push(&mut message, IN);
    Some(message)
}

/// Where in a message one is.
pub(super) struct Reader<'m> {
    message: &'m [u8],
    pub(super) at: usize,
}

/// A record as it stands there.
pub(super) struct Raw {
    pub(super) name: String,
    pub(super) kind: u16,
    /// Where its data begins, and ends.
    pub(super) data: (usize, usize),
}

impl<'m> Reader<'m> {
    pub(super) fn new(message: &'m [u8]) -> Self {
        Self { message, at: 0 }
    }

    pub(super) fn number(&mut self) -> Option<u16> {
        let bytes = self.bytes(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'m [u8]> {
        let bytes = self.message.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(bytes)
    }

    pub(super) fn name(&mut self) -> Option<String> {
        name::read(self.message, &mut self.at)
    }

    /// The name and kind of a question.
    pub(super) fn question(&mut self) -> Option<(String, u16)> {
        let name = self.name()?;
        let kind = self.number()?;
        self.number()?;
        Some((name, kind))
    }

    pub(super) fn record(&mut self) -> Option<Raw> {
        let name = self.name()?;
        let kind = self.number()?;
        // Its class, and how long it may be kept.
        self.bytes(6)?;
        let length = usize::from(self.number()?);
        let begin = self.at;
        self.bytes(length)?;
        let data = (begin, self.at);
        Some(Raw { name, kind, data })
    }

    fn found(&mut self) -> Option<Found> {
        let raw = self.record()?;
        let (begin, end) = raw.data;
        let bytes = self.message.get(begin..end)?;
        let target = || name::read(self.message, &mut begin.clone());
        let data = match raw.kind {
            kind::A => {
                let octets: [u8; 4] = bytes.try_into().ok()?;
                Data::Address(Ipv4Addr::from(octets).into())
            }
            kind::AAAA => {
                let octets: [u8; 16] = bytes.try_into().ok()?;
                Data::Address(Ipv6Addr::from(octets).into())
            }
            kind::NS => Data::Server(target()?),
            kind::CNAME => Data::Alias(target()?),
            kind::SOA => Data::Zone,
            kind::TXT => Data::Text(text(bytes)?),
            _ => Data::Other,
        };
        let name = raw.name;
        Some(Found { name, data })
    }
}

/// The strings of a TXT record, joined as authorities join them (RFC 8555, 8.4).
fn text(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (part, rest) = rest.split_at_checked(usize::from(*length))?;
        text.extend(part);
        bytes = rest;
    }
    Some(text)
}

/// Reads an answer; `None` where it is none.
pub(super) fn read(message: &[u8]) -> Option<Answer> {
    let mut reader = Reader::new(message);
    let id = reader.number()?;
    let flags = reader.number()?;
    let [questions, answers, authority, _] = [
        reader.number()?,
        reader.number()?,
        reader.number()?,
        reader.number()?,
    ];
    if flags & 0x8000 == 0 {
        return None;
    }
    let mut about = None;
    for _ in 0..questions {
        about = Some(reader.question()?);
    }
    let truncated = flags & 0x0200 != 0;
    let mut section =
        |count: u16| -> Option<Vec<Found>> { (0..count).map(|_| reader.found()).collect() };
    // What was cut off is asked for again.
    let (answers, authority) = if truncated {
        (Vec::new(), Vec::new())
    } else {
        (section(answers)?, section(authority)?)
    };
    Some(Answer {
        id,
        code: flags & 0xF,
        truncated,
        about,
        answers,
        authority,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_is_read() {
        let mut message = header(7, 0x8403, [1, 1, 0, 0]);
        name::write(&mut message, "a.example").unwrap();
        push(&mut message, kind::TXT);
        push(&mut message, IN);
        // The same name, by where it stood before.
        message.extend([0xC0, 12]);
        push(&mut message, kind::TXT);
        push(&mut message, IN);
        message.extend([0; 4]);
        message.extend(b"\x00\x06\x02ab\x02cd");
        let answer = read(&message).unwrap();
        assert_eq!((answer.id, answer.code), (7, 3));
        assert_eq!(answer.about, Some(("a.example".to_owned(), kind::TXT)));
        let name = "a.example".to_owned();
        let data = Data::Text(b"abcd".to_vec());
        assert_eq!(answer.answers, [Found { name, data }]);
        // A question is no answer.
        assert_eq!(read(&query(7, "a.example", kind::TXT, true).unwrap()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }
    }
}
