//! An answer that is compressed while it is sent.
//!
//! What the app has sent is on its way to the visitor before anything waits for more of it: events
//! and slow pages pass at once. Nothing is flushed between pieces that lie ready.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as _, Frame};

use crate::body::{Body, BodyError};
use crate::encoder::Encoder;
use crate::room::Seat;

/// Bytes that are compressed in one go: a core must not lose sight of its other visitors.
const TURN: usize = 64 << 10;

/// Compressed bytes that are worth sending without a flush.
const ENOUGH: usize = 16 << 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct Compressed {
    source: Body,
    /// What came from the source and was not compressed yet.
    piece: Bytes,
    /// The seat goes with the encoder: what is left to send needs no memory of its own.
    stream: Option<(Encoder, Seat)>,
    /// Something went in and has not all come out.
    held: bool,
    /// The source had nothing ready, and was given one more turn.
    waited: bool,
    trailers: Option<Frame<Bytes>>,
}

impl Compressed {
    pub(crate) fn new(source: Body, encoder: Encoder, seat: Seat) -> Self {
        Self {
            source,
            piece: Bytes::new(),
            stream: Some((encoder, seat)),
            held: false,
            waited: false,
            trailers: None,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stream.is_none() && self.trailers.is_none()
    }

    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let Some((encoder, _)) = &mut self.stream else {
                return Poll::Ready(self.trailers.take().map(Ok));
            };
            if !self.piece.is_empty() {
                let turn = self.piece.split_to(self.piece.len().min(TURN));
                let out = encoder.push(&turn).map(|()| encoder.out());
                self.held = true;
                match out {
                    Ok(out) if out.len() >= ENOUGH => return ready(mem::take(out)),
                    Ok(_) => continue,
                    Err(error) => return failed(error),
                }
            }
            match Pin::new(&mut self.source).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => {
                        self.piece = piece;
                        self.waited = false;
                    }
                    Err(trailers) => {
                        self.trailers = Some(trailers);
                        return self.finish();
                    }
                },
                Poll::Ready(Some(Err(error))) => {
                    self.stream = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => return self.finish(),
                // The next piece may lie in the socket, and whoever reads that has its turn after
                // this one.
                Poll::Pending if self.held && !mem::replace(&mut self.waited, true) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Pending if self.held => return self.flush(),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn flush(&mut self) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some((encoder, _)) = &mut self.stream else {
            return Poll::Ready(None);
        };
        self.held = false;
        match encoder.flush() {
            Ok(()) => ready(mem::take(encoder.out())),
            Err(error) => failed(error),
        }
    }

    fn finish(&mut self) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.stream.take().map(|(encoder, _)| encoder.finish()) {
            Some(Ok(rest)) => ready(rest),
            Some(Err(error)) => failed(error),
            None => Poll::Ready(None),
        }
    }
}

fn ready(bytes: Vec<u8>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
}

fn failed(error: io::Error) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    Poll::Ready(Some(Err(BodyError::Compress(error))))
}
