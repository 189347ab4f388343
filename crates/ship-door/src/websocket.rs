//! Where WebSocket frames end (RFC 6455, 5.2), so that a close frame of ours never lands inside
//! one of the app's.

/// The close frame of a server that restarts: code 1012 (IANA WebSocket Close Code Registry).
pub(crate) const CLOSE_RESTART: [u8; 4] = [0x88, 2, 0x03, 0xF4];

/// The longest frame head: two bytes, eight of length, four of mask.
const LONGEST_HEAD: usize = 14;

/// Follows a stream of frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frames {
    head: [u8; LONGEST_HEAD],
    /// Bytes of the head seen so far.
    seen: usize,
    /// Payload bytes of the present frame still to come.
    left: u64,
    /// A close frame has begun: nothing may follow it.
    pub(crate) closing: bool,
}

impl Frames {
    /// Whether the stream stands between two frames.
    pub(crate) fn at_boundary(&self) -> bool {
        self.seen == 0 && self.left == 0
    }

    /// Follows all of `bytes`.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.follow_one(bytes);
            bytes = &bytes[taken..];
        }
    }

    /// Follows `bytes` up to the end of the present frame; how many bytes that is.
    pub(crate) fn follow_one(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        if self.left == 0 {
            while let Some(&byte) = bytes.get(taken) {
                taken += 1;
                self.head[self.seen] = byte;
                self.seen += 1;
                if self.head_is_whole() {
                    break;
                }
            }
            if !self.head_is_whole() {
                return taken;
            }
            self.begin_payload();
        }
        let payload = self.left.min((bytes.len() - taken) as u64);
        self.left -= payload;
        taken + payload as usize
    }

    fn head_is_whole(&self) -> bool {
        self.seen >= 2 && self.seen == self.head_length()
    }

    fn head_length(&self) -> usize {
        let mask = if self.head[1] & 0x80 == 0 { 0 } else { 4 };
        mask + match self.head[1] & 0x7F {
            126 => 4,
            127 => 10,
            _ => 2,
        }
    }

    fn begin_payload(&mut self) {
        self.left = match self.head[1] & 0x7F {
            126 => u64::from(u16::from_be_bytes([self.head[2], self.head[3]])),
            127 => {
                let mut length = [0; 8];
                length.copy_from_slice(&self.head[2..10]);
                u64::from_be_bytes(length)
            }
            short => u64::from(short),
        };
        self.closing |= self.head[0] & 0x0F == 8;
        self.seen = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let mut frame = vec![0x82];
        let mask = u8::from(masked) << 7;
        match length {
            0..126 => frame.push(mask | length as u8),
            126..65_536 => {
                frame.push(mask | 0x7E);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 0x7F);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![7; length + if masked { 4 } else { 0 }]);
        frame
    }

    proptest! {
        #[test]
        fn boundaries_are_where_frames_end(
            lengths in prop::collection::vec((prop_oneof![0..4usize, 120..130usize, 65_530..65_540usize], any::<bool>()), 1..6),
            piece in 1..5000usize,
        ) {
            let frames: Vec<Vec<u8>> = lengths.iter().map(|(length, masked)| frame(*length, *masked)).collect();
            let ends: Vec<usize> = frames.iter().scan(0, |at, frame| { *at += frame.len(); Some(*at) }).collect();
            let stream = frames.concat();
            let mut follower = Frames::default();
            let mut found = Vec::new();
            let mut at = 0;
            for piece in stream.chunks(piece) {
                let mut rest = piece;
                while !rest.is_empty() {
                    let taken = follower.follow_one(rest);
                    rest = &rest[taken..];
                    at += taken;
                    if follower.at_boundary() {
                        found.push(at);
                    }
                }
            }
            prop_assert_eq!(found, ends);
        }
    }

    #[test]
    fn a_close_frame_is_noticed() {
        let mut frames = Frames::default();
        frames.follow(&CLOSE_RESTART);
        assert!(frames.closing && frames.at_boundary());
    }
}
