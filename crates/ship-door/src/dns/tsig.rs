//! Messages signed with a shared key (TSIG, RFC 8945).

use std::path::Path;

use ring::hmac;
use ship_base::base64;
use ship_base::clock::Moment;
use ship_base::file;

use super::error::DnsError;
use super::message::{ADDITIONAL, HEADER, Reader, push};
use super::{kind, name};

/// The one algorithm: what `tsig-keygen` takes by itself.
const ALGORITHM: &str = "hmac-sha256";

/// How far two clocks may be apart, in seconds (RFC 8945, 10).
const FUDGE: u16 = 300;

/// The class of a signature.
const ANY: u16 = 255;

/// A key that a server of names shares with us.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) name: String,
    key: hmac::Key,
}

/// A signature of ours.
pub(super) struct Signature(Vec<u8>);

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Who has the key.
    Signed,
    /// Anybody.
    Unsigned,
    /// Anybody, who says why our signature counts for nothing.
    Refused(u16),
}

impl Key {
    pub(super) fn new(name: &str, secret: &[u8]) -> Self {
        Self {
            name: name.trim_end_matches('.').to_ascii_lowercase(),
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        }
    }

    /// Reads it out of a file, as `tsig-keygen` writes it and BIND reads it.
    pub(crate) fn read(path: &Path) -> Result<Self, DnsError> {
        let text = file::read_text(path)?;
        Self::parse(&text).ok_or_else(|| DnsError::NoKey {
            path: path.to_owned(),
        })
    }

    /// `key "NAME" { algorithm hmac-sha256; secret "BASE64"; };`
    fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim_start);
        let lines = lines.filter(|line| !line.starts_with('#') && !line.starts_with("//"));
        let text = lines.collect::<Vec<_>>().join(" ");
        let is_between = |c: char| c.is_whitespace() || "{};\"".contains(c);
        let words: Vec<&str> = text
            .split(is_between)
            .filter(|word| !word.is_empty())
            .collect();
        let after = |word: &str| {
            let place = words.iter().position(|known| *known == word)?;
            words.get(place + 1).copied()
        };
        let name = after("key")?;
        let is_known = after("algorithm")?.eq_ignore_ascii_case(ALGORITHM);
        let secret = base64::decode(after("secret")?)?;
        is_known.then(|| Self::new(name, &secret))
    }
}

/// What is signed besides the message (RFC 8945, 4.3.3).
struct Told<'t> {
    key: &'t str,
    seconds: u64,
    fudge: u16,
    error: u16,
    other: &'t [u8],
}

impl Told<'_> {
    fn write(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        name::write(&mut bytes, self.key)?;
        push(&mut bytes, ANY);
        bytes.extend([0; 4]);
        name::write(&mut bytes, ALGORITHM)?;
        bytes.extend(&self.seconds.to_be_bytes()[2..]);
        push(&mut bytes, self.fudge);
        push(&mut bytes, self.error);
        push(&mut bytes, u16::try_from(self.other.len()).ok()?);
        bytes.extend(self.other);
        Some(bytes)
    }
}

/// The message with its signature, and the latter for itself.
pub(super) fn sign(key: &Key, message: &[u8], now: Moment) -> (Vec<u8>, Signature) {
    let told = Told {
        key: &key.name,
        seconds: u64::try_from(now.as_millis() / 1000).unwrap_or(0),
        fudge: FUDGE,
        error: 0,
        other: &[],
    };
    let mut context = hmac::Context::with_key(&key.key);
    context.update(message);
    // A key whose name is none signs nothing that a server would take.
    context.update(&told.write().unwrap_or_default());
    let signature = context.sign().as_ref().to_vec();
    let mut signed = message.to_vec();
    append(&mut signed, &told, &signature);
    (signed, Signature(signature))
}

fn append(message: &mut Vec<u8>, told: &Told<'_>, signature: &[u8]) {
    let mut data = Vec::new();
    let _ = name::write(&mut data, ALGORITHM);
    data.extend(&told.seconds.to_be_bytes()[2..]);
    push(&mut data, told.fudge);
    push(&mut data, u16::try_from(signature.len()).unwrap_or(0));
    data.extend(signature);
    data.extend(message.get(..2).unwrap_or_default());
    push(&mut data, told.error);
    push(&mut data, u16::try_from(told.other.len()).unwrap_or(0));
    data.extend(told.other);
    let _ = name::write(message, told.key);
    push(message, kind::TSIG);
    push(message, ANY);
    message.extend([0; 4]);
    push(message, u16::try_from(data.len()).unwrap_or(0));
    message.extend(data);
    add_to_additional(message, 1);
}

fn add_to_additional(message: &mut [u8], more: i16) {
    if let Some(place) = message.get_mut(ADDITIONAL..ADDITIONAL + 2) {
        let count = u16::from_be_bytes([place[0], place[1]]);
        place.copy_from_slice(&count.wrapping_add_signed(more).to_be_bytes());
    }
}

/// Whether an answer to a message with this signature is signed with the same key (RFC 8945, 5.3).
/// Its time is not looked at: nobody could have answered before we asked.
pub(super) fn verify(key: &Key, answer: &[u8], asked: &Signature) -> Verdict {
    verdict(key, answer, asked).unwrap_or(Verdict::Unsigned)
}

fn verdict(key: &Key, answer: &[u8], asked: &Signature) -> Option<Verdict> {
    let (begin, data) = last(answer)?;
    let mut reader = Reader::new(answer);
    reader.at = begin;
    if reader.record()?.name != key.name {
        return None;
    }
    reader.at = data;
    if reader.name()? != ALGORITHM {
        return None;
    }
    let time = reader.bytes(6)?;
    let fudge = reader.number()?;
    let length = usize::from(reader.number()?);
    let signature = reader.bytes(length)?;
    let id = reader.bytes(2)?;
    let error = reader.number()?;
    let length = usize::from(reader.number()?);
    let other = reader.bytes(length)?;
    if signature.is_empty() {
        return (error != 0).then_some(Verdict::Refused(error));
    }
    let seconds = time.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let told = Told {
        key: &key.name,
        seconds,
        fudge,
        error,
        other,
    };
    // As it was before it was signed.
    let mut before = answer[..begin].to_vec();
    before[..2].copy_from_slice(id);
    add_to_additional(&mut before, -1);
    let mut signed = Vec::new();
    push(&mut signed, u16::try_from(asked.0.len()).ok()?);
    signed.extend(&asked.0);
    signed.extend(before);
    signed.extend(told.write()?);
    hmac::verify(&key.key, &signed, signature).ok()?;
    Some(match error {
        0 => Verdict::Signed,
        error => Verdict::Refused(error),
    })
}

/// Where the signature begins, which is the last record, and where its data does.
fn last(message: &[u8]) -> Option<(usize, usize)> {
    let mut reader = Reader::new(message);
    reader.bytes(4)?;
    let mut counts = [0_u16; 4];
    for count in &mut counts {
        *count = reader.number()?;
    }
    debug_assert_eq!(reader.at, HEADER);
    for _ in 0..counts[0] {
        reader.question()?;
    }
    let mut last = None;
    for _ in 0..counts[1..].iter().map(|count| u32::from(*count)).sum() {
        let begin = reader.at;
        let record = reader.record()?;
        last = Some((begin, record.kind, record.data.0));
    }
    let (begin, kind, data) = last?;
    (kind == kind::TSIG && counts[3] > 0).then_some((begin, data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::message::{header, query};
    use proptest::prelude::*;

    fn key() -> Key {
        Key::new("Ship.Example.", b"0123456789abcdef")
    }

    /// The answer of a server that has `key`.
    fn answered(key: &Key, asked: &Signature, error: u16) -> Vec<u8> {
        let mut answer = header(7, 0xA800, [0; 4]);
        let told = Told {
            key: &key.name,
            seconds: 1_700_000_000,
            fudge: FUDGE,
            error,
            other: &[],
        };
        let mut signed = u16::try_from(asked.0.len()).unwrap().to_be_bytes().to_vec();
        signed.extend(&asked.0);
        signed.extend(&answer);
        signed.extend(told.write().unwrap());
        let signature = hmac::sign(&key.key, &signed);
        append(&mut answer, &told, signature.as_ref());
        answer
    }

    fn asked(key: &Key) -> (Vec<u8>, Signature) {
        let message = query(7, "a.example", kind::SOA, false).unwrap();
        sign(key, &message, Moment::from_millis(1_700_000_000_000))
    }

    #[test]
    fn an_answer_counts_when_it_is_signed_for_what_was_asked() {
        let key = key();
        let (_, signature) = asked(&key);
        let good = answered(&key, &signature, 0);
        assert_eq!(verify(&key, &good, &signature), Verdict::Signed);
        let late = answered(&key, &signature, 18);
        assert_eq!(verify(&key, &late, &signature), Verdict::Refused(18));
        // Of another question, with another key, changed on the way, or not signed at all.
        let other = Signature(vec![0; 32]);
        assert_eq!(verify(&key, &good, &other), Verdict::Unsigned);
        let forged = answered(&Key::new("ship.example", b"guess"), &signature, 0);
        assert_eq!(verify(&key, &forged, &signature), Verdict::Unsigned);
        let mut changed = good;
        changed[3] ^= 1;
        assert_eq!(verify(&key, &changed, &signature), Verdict::Unsigned);
        let plain = header(7, 0xA800, [0; 4]);
        assert_eq!(verify(&key, &plain, &signature), Verdict::Unsigned);
    }

    #[test]
    fn a_key_is_read_as_bind_writes_it() {
        let text = "# by hand\nkey \"Ship\" {\n\talgorithm hmac-sha256;\n\tsecret \"Zm9v\";\n};\n";
        assert_eq!(Key::parse(text).unwrap().name, "ship");
        for (from, to) in [("sha256", "md5"), ("Zm9v", "Zm9"), ("secret", "sacred")] {
            assert!(Key::parse(&text.replace(from, to)).is_none(), "{to}");
        }
        assert!(!format!("{:?}", Key::parse(text)).contains("foo"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_verified_or_not(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let key = key();
            let (_, signature) = asked(&key);
            let mut answer = answered(&key, &signature, 0);
            let place = place.index(answer.len());
            answer[place] = byte;
            let _ = verify(&key, &answer, &signature);
        }
    }
}
