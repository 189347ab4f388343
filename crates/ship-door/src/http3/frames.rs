//! The frames of a request (RFC 9114, 7), told apart before anything else reads them.
//!
//! What stands behind this sees heads and content and nothing else: frames of unknown kinds end
//! here, a head beyond the limit is refused by its announced length, before it is kept, and a stream
//! that ends within a frame has not ended.

use bytes::{Buf as _, Bytes, BytesMut};

/// Kinds of frames (RFC 9114, 7.2, and 11.2.1 for those that HTTP/2 had).
mod kind {
    pub(super) const DATA: u64 = 0x0;
    pub(super) const HEADERS: u64 = 0x1;
    /// Of the control stream, of a server, or of HTTP/2: none may stand in a request.
    pub(super) const ELSEWHERE: [u64; 9] = [0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xD];
    /// WebTransport, which has no length and which we do not speak.
    pub(super) const WEB_TRANSPORT: u64 = 0x41;
}

/// Bytes of frames without a meaning that a request may hold in all. They exist so that nobody
/// relies on their absence (RFC 9114, 7.2.8); a browser sends a few bytes.
const MEANINGLESS: u64 = 4 << 10;

/// How many times its limit a packed head may have, so that one that is too long can be answered.
const PACKED: u64 = 2;

/// A part of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Bytes of a HEADERS frame, its own head included.
    Head(Bytes),
    /// Content.
    Data(Bytes),
    /// There is no more content; a HEADERS frame follows.
    Trailers,
}

/// Why a stream is not a request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("a frame stands where it must not")]
    Unexpected,
    #[error("the stream ended within a frame")]
    CutOff,
    #[error("a head is longer than it may be")]
    TooLong,
    #[error("too much of heads is waiting for its end")]
    TooMany,
    #[error("there are too many frames without a meaning")]
    Meaningless,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Head,
    Body,
    Trailers,
    Over,
}

/// The frames of one request, as far as they have come.
#[derive(Debug)]
pub(super) struct Frames {
    rest: Bytes,
    phase: Phase,
    /// The kind of the frame that is being read, and what is to come of it.
    within: Option<(u64, u64)>,
    longest: u64,
    meaningless: u64,
}

impl Frames {
    /// `head`: the longest head, in bytes when it is unpacked.
    pub(super) fn new(head: usize) -> Self {
        Self {
            rest: Bytes::new(),
            phase: Phase::Head,
            within: None,
            longest: head as u64 * PACKED,
            meaningless: 0,
        }
    }

    /// More has come. Called when [`next`](Self::next) has nothing left, so that what is kept is what
    /// came last and the head of one frame at most.
    pub(super) fn came(&mut self, bytes: &[u8]) {
        if self.rest.is_empty() {
            self.rest = Bytes::copy_from_slice(bytes);
        } else {
            let mut joined = BytesMut::with_capacity(self.rest.len() + bytes.len());
            joined.extend_from_slice(&self.rest);
            joined.extend_from_slice(bytes);
            self.rest = joined.freeze();
        }
    }

    /// The next part of what has come; `None` when more has to come for one.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Broken> {
        loop {
            let Some((kind, left)) = self.within else {
                match self.begin()? {
                    Some(None) => continue,
                    Some(piece) => return Ok(piece),
                    None => return Ok(None),
                }
            };
            let here =
                usize::try_from(left).map_or(self.rest.len(), |left| left.min(self.rest.len()));
            let part = self.rest.split_to(here);
            let left = left - here as u64;
            self.within = (left > 0).then_some((kind, left));
            match kind {
                kind::HEADERS if left == 0 => self.head_is_over(),
                _ => {}
            }
            match kind {
                _ if part.is_empty() && left > 0 => return Ok(None),
                kind::HEADERS => return Ok(Some(Piece::Head(part))),
                kind::DATA if !part.is_empty() => return Ok(Some(Piece::Data(part))),
                _ => {}
            }
        }
    }

    fn head_is_over(&mut self) {
        self.phase = match self.phase {
            Phase::Head => Phase::Body,
            _ => Phase::Over,
        };
    }

    /// Begins with a frame: `None` when its head has not come, `Some(None)` when it has and there is
    /// nothing to tell.
    #[expect(
        clippy::option_option,
        reason = "two kinds of nothing, told apart by the one caller"
    )]
    fn begin(&mut self) -> Result<Option<Option<Piece>>, Broken> {
        let Some((kind, first)) = varint(&self.rest) else {
            return Ok(None);
        };
        let Some((length, second)) = varint(&self.rest[first..]) else {
            return Ok(None);
        };
        let size = first + second;
        match (kind, self.phase) {
            (kind::DATA, Phase::Body) => {}
            (kind::HEADERS, Phase::Body) => {
                // Once more, as a part of the trailers.
                self.phase = Phase::Trailers;
                return Ok(Some(Some(Piece::Trailers)));
            }
            (kind::HEADERS, Phase::Head | Phase::Trailers) => {
                if length > self.longest {
                    return Err(Broken::TooLong);
                }
                self.within = Some((kind, length + size as u64));
                return Ok(Some(None));
            }
            (kind::DATA | kind::HEADERS | kind::WEB_TRANSPORT, _) => {
                return Err(Broken::Unexpected);
            }
            _ if kind::ELSEWHERE.contains(&kind) => return Err(Broken::Unexpected),
            _ => {
                let cost = length.saturating_add(size as u64);
                self.meaningless = self.meaningless.saturating_add(cost);
                if self.meaningless > MEANINGLESS {
                    return Err(Broken::Meaningless);
                }
            }
        }
        // Empty ones as well: a body of frames without a byte must cost something.
        if kind == kind::DATA && length == 0 {
            self.meaningless += size as u64;
            if self.meaningless > MEANINGLESS {
                return Err(Broken::Meaningless);
            }
        }
        self.rest.advance(size);
        self.within = (length > 0).then_some((kind, length));
        Ok(Some(None))
    }

    /// Whether the head has not come whole.
    pub(super) fn is_in_head(&self) -> bool {
        self.phase == Phase::Head
    }

    /// Nothing more comes: whether what came was whole.
    pub(super) fn end(&self) -> Result<(), Broken> {
        if self.within.is_some() || !self.rest.is_empty() {
            return Err(Broken::CutOff);
        }
        Ok(())
    }
}

/// Watches over a stream that only one side writes: the frames of a control stream are read whole
/// by whoever stands behind this, so none may be long.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The beginning of what cannot be read yet: a number of eight bytes has come in part.
    rest: Vec<u8>,
    control: Option<bool>,
    left: u64,
}

/// The longest frame of a control stream. SETTINGS with all that is registered today has less than
/// 100 bytes, and a priority (RFC 9218, 7.2) as much as somebody writes into a field.
const CONTROL_FRAME: u64 = 4 << 10;

/// The kind of stream (RFC 9114, 6.2.1) that carries frames.
const CONTROL: u64 = 0x0;

impl Watch {
    /// Looks at what has come.
    pub(super) fn came(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            if self.control == Some(false) {
                return Ok(());
            }
            let skipped =
                usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
            self.left -= skipped as u64;
            bytes = &bytes[skipped..];
            let Some((first, rest)) = bytes.split_first() else {
                return Ok(());
            };
            bytes = rest;
            self.rest.push(*first);
            self.read()?;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), Broken> {
        let Some((first, size)) = varint(&self.rest) else {
            return Ok(());
        };
        if self.control.is_none() {
            self.control = Some(first == CONTROL);
            self.rest.clear();
        } else if let Some((length, _)) = varint(&self.rest[size..]) {
            if length > CONTROL_FRAME {
                return Err(Broken::TooLong);
            }
            self.left = length;
            self.rest.clear();
        }
        Ok(())
    }
}

/// A number of variable length (RFC 9000, 16) and how many bytes it has.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let size = 1 << (first >> 6);
    let all = bytes.get(..size)?;
    let value = all[1..].iter().fold(u64::from(first & 0x3F), |sum, byte| {
        sum << 8 | u64::from(*byte)
    });
    Some((value, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 64);
        [&[kind, length], content].concat()
    }

    /// What comes of a stream that arrives in pieces of this size.
    fn read(stream: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>, bool), Broken> {
        let mut frames = Frames::new(100);
        let (mut heads, mut data, mut trailers) = (Vec::new(), Vec::new(), false);
        let mut parts = stream.chunks(step);
        loop {
            match frames.next()? {
                Some(Piece::Head(bytes)) => heads.extend(bytes),
                Some(Piece::Data(bytes)) => data.extend(bytes),
                Some(Piece::Trailers) => trailers = true,
                None => match parts.next() {
                    Some(part) => frames.came(part),
                    None => break,
                },
            }
        }
        frames.end()?;
        Ok((heads, data, trailers))
    }

    #[test]
    fn heads_and_content_come_through_and_the_meaningless_does_not() {
        let head = frame(0x1, b"head");
        let stream = [
            frame(0x21, b"grease"),
            head.clone(),
            frame(0x0, b"one "),
            frame(0x0, b""),
            frame(0x21, b""),
            frame(0x0, b"two"),
            head.clone(),
            frame(0x21, b"x"),
        ]
        .concat();
        for step in 1..stream.len() {
            let (heads, data, trailers) = read(&stream, step).unwrap();
            assert_eq!(heads, [head.clone(), head.clone()].concat());
            assert_eq!(data, b"one two");
            assert!(trailers);
        }
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_has_not_ended() {
        let whole = [frame(0x1, b"head"), frame(0x0, b"content")].concat();
        assert!(read(&whole, 100).is_ok());
        for end in 7..whole.len() {
            assert_eq!(read(&whole[..end], 3), Err(Broken::CutOff), "{end}");
        }
    }

    #[test]
    fn frames_stand_in_their_order() {
        let (head, data) = (frame(0x1, b"head"), frame(0x0, b"x"));
        for wrong in [
            data.clone(),
            [&head[..], &head, &head].concat(),
            [&head[..], &head, &data].concat(),
            frame(0x4, b""),
            [&head[..], &frame(0x7, b"\0")].concat(),
            [&head[..], &[0x40, 0x41, 0x00]].concat(),
        ] {
            assert_eq!(read(&wrong, 1), Err(Broken::Unexpected), "{wrong:?}");
        }
    }

    #[test]
    fn a_head_is_refused_by_the_length_it_announces() {
        let mut announced = vec![0x1, 0x80, 0x10, 0x00, 0x00];
        assert_eq!(read(&announced, 100), Err(Broken::TooLong));
        announced[0] = 0x21;
        assert_eq!(read(&announced, 100), Err(Broken::Meaningless));
    }

    #[test]
    fn a_flood_of_frames_without_a_byte_ends() {
        for kind in [0x0, 0x21] {
            let stream = [frame(0x1, b"head"), frame(kind, b"").repeat(5000)].concat();
            assert_eq!(read(&stream, 1000), Err(Broken::Meaningless));
        }
    }

    #[test]
    fn a_control_stream_has_short_frames() {
        let mut watch = Watch::default();
        let priority = [&[0x80, 0x0F, 0x07, 0x00, 0x05][..], b"hello"].concat();
        let good = [vec![0x0], frame(0x4, b"settings"), priority.repeat(100)].concat();
        for part in good.chunks(7) {
            watch.came(part).unwrap();
        }
        assert_eq!(watch.came(&[0x21, 0x80, 0x10, 0, 0]), Err(Broken::TooLong));
        // What packs heads carries no frames.
        let mut other = Watch::default();
        other
            .came(&[0x2, 0x21, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
            .unwrap();
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_mean_the_same(
            stream in prop::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 0..200),
            step in 1_usize..50,
        ) {
            prop_assert_eq!(read(&stream, step), read(&stream, 1000));
        }
    }
}
