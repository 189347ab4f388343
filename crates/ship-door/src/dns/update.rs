//! Changes to a zone (RFC 2136).

use std::net::SocketAddr;

use ship_base::clock::Moment;

use super::error::{DnsError, word};
use super::message::{self, IN, push};
use super::{ask, kind, name, tsig};
use tsig::Key;

/// `UPDATE` in the place of an operation.
const UPDATE: u16 = 5 << 11;

/// The class of a record that is to be removed (RFC 2136, 2.5.4).
const NONE: u16 = 254;

/// How long others may keep the record, in seconds: nobody asks for it twice.
const LIFE: u32 = 60;

/// A TXT record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) zone: String,
    pub(crate) name: String,
    /// At most 255 bytes: one string.
    pub(crate) value: String,
}

/// What is to become of it. Others of the same name stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Set,
    Remove,
}

/// Has `server` change its zone. By TCP: an answer that was lost would leave open whether it did.
pub(crate) async fn update(
    server: SocketAddr,
    key: Option<&Key>,
    record: &Record,
    change: Change,
) -> Result<(), DnsError> {
    let id = ask::number();
    let unnamed = || DnsError::Name {
        name: record.name.clone(),
    };
    let message = write(id, record, change).ok_or_else(unnamed)?;
    let signed = key.map(|key| tsig::sign(key, &message, Moment::now()));
    let sent = signed.as_ref().map_or(&message, |(signed, _)| signed);
    let answer = ask::by_tcp(server, sent).await?;
    let garbled = || DnsError::Garbled {
        server: server.to_string(),
    };
    let read = message::read(&answer).filter(|read| read.id == id);
    let mut code = read.ok_or_else(garbled)?.code;
    if let (Some(key), Some((_, signature))) = (key, &signed) {
        match tsig::verify(key, &answer, signature) {
            tsig::Verdict::Signed => {}
            // It says why it trusts us not, which it cannot sign.
            tsig::Verdict::Refused(why) => code = why,
            // What says no does no harm, whoever says it.
            tsig::Verdict::Unsigned if code != 0 => {}
            tsig::Verdict::Unsigned => {
                return Err(DnsError::Unsigned {
                    server: server.to_string(),
                    key: key.name.clone(),
                });
            }
        }
    }
    match code {
        0 => Ok(()),
        code => Err(DnsError::Refused {
            server: server.to_string(),
            code: word(code),
            name: record.name.clone(),
        }),
    }
}

fn write(id: u16, record: &Record, change: Change) -> Option<Vec<u8>> {
    let mut message = message::header(id, UPDATE, [1, 0, 1, 0]);
    name::write(&mut message, &record.zone)?;
    push(&mut message, kind::SOA);
    push(&mut message, IN);
    name::write(&mut message, &record.name)?;
    push(&mut message, kind::TXT);
    let (class, life) = match change {
        Change::Set => (IN, LIFE),
        Change::Remove => (NONE, 0),
    };
    push(&mut message, class);
    message.extend(life.to_be_bytes());
    let length = u8::try_from(record.value.len()).ok()?;
    push(&mut message, u16::from(length) + 1);
    message.push(length);
    message.extend(record.value.bytes());
    Some(message)
}
