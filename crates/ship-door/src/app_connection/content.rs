//! What is still to come of an answer's content (RFC 9112, 6.3).

use std::io;

use bytes::{Bytes, BytesMut};
use hyper::HeaderMap;

use super::chunks::Chunks;
use super::{KEPT, MOST, ROOM};

/// See the module.
#[derive(Debug)]
pub(super) enum Content {
    /// Nothing.
    Over,
    /// So many bytes.
    Counted(u64),
    Chunked(Chunks),
    /// Whatever comes until the app closes.
    UntilEnd,
}

/// What there is next.
#[derive(Debug)]
pub(super) enum Next {
    Data(Bytes),
    /// All was given. Trailers are given once.
    End(Option<HeaderMap>),
    /// More has to come; so many bytes are worth reading at once.
    More(usize),
}

impl Content {
    /// Takes the next piece from what came.
    pub(super) fn next(&mut self, came: &mut BytesMut) -> io::Result<Next> {
        let now = match self {
            Self::Over => return Ok(Next::End(None)),
            Self::Counted(left) if !came.is_empty() => {
                let now = came.len().min(usize::try_from(*left).unwrap_or(MOST));
                match *left - now as u64 {
                    0 => *self = Self::Over,
                    rest => *left = rest,
                }
                now
            }
            // One more: a read that fills its room has to be followed by another to know.
            Self::Counted(left) => {
                let most = |left: usize| MOST.min(left.saturating_add(1));
                return Ok(Next::More(usize::try_from(*left).map_or(MOST, most)));
            }
            Self::Chunked(chunks) => {
                let next = chunks.next(came)?;
                return Ok(match next {
                    Next::End(trailers) => {
                        *self = Self::Over;
                        Next::End(trailers)
                    }
                    Next::More(most) => Next::More(most.clamp(ROOM, MOST)),
                    Next::Data(_) => next,
                });
            }
            Self::UntilEnd if !came.is_empty() => came.len(),
            Self::UntilEnd => return Ok(Next::More(KEPT)),
        };
        Ok(Next::Data(came.split_to(now).freeze()))
    }

    /// Nothing comes any more.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match std::mem::replace(self, Self::Over) {
            Self::Over | Self::UntilEnd => Ok(()),
            Self::Counted(_) | Self::Chunked(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
