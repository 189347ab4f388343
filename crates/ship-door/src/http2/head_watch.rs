//! The time of heads: what a visitor of HTTP/2 has begun to say and does not end.
//!
//! h2 waits for the rest of a frame for as long as it takes, and so for the preface and for the
//! frames of one head. A [`HeadWatch`] below it looks at nothing but where frames begin and end
//! (RFC 9113, 4.1), a few bytes of each, and tells since when one of them is due.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tracing::debug;

/// `PRI * HTTP/2.0` and what follows it (RFC 9113, 3.4).
const PREFACE: usize = 24;
/// Bytes before the content of a frame.
const FRAME_HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// What is due from a visitor.
#[derive(Debug)]
pub(crate) struct Heads {
    /// Since when.
    since: Cell<Option<Instant>>,
}

impl Heads {
    /// Of a connection that has just come: its preface is due.
    pub(crate) fn new() -> Self {
        Self {
            since: Cell::new(Some(Instant::now())),
        }
    }

    /// `connection`, which ends when what is due has not come `within` this time.
    pub(crate) fn keep_time<'c, C>(
        self: &Rc<Self>,
        connection: Pin<&'c mut C>,
        within: Duration,
    ) -> Timed<'c, C> {
        Timed {
            connection,
            heads: self.clone(),
            within,
            alarm: None,
        }
    }

    fn is_due(&self, due: bool) {
        match (due, self.since.get()) {
            (false, Some(_)) => self.since.set(None),
            (true, None) => self.since.set(Some(Instant::now())),
            _ => {}
        }
    }
}

/// A connection whose heads have a time.
pub(crate) struct Timed<'c, C> {
    connection: Pin<&'c mut C>,
    heads: Rc<Heads>,
    within: Duration,
    /// Made with the first wait.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<C> Timed<'_, C> {
    /// The connection itself.
    pub(crate) fn inner(&mut self) -> Pin<&mut C> {
        self.connection.as_mut()
    }
}

impl<C: Future<Output = hyper::Result<()>>> Future for Timed<'_, C> {
    type Output = hyper::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        let timed = &mut *self;
        if let Poll::Ready(ended) = timed.connection.as_mut().poll(context) {
            return Poll::Ready(ended);
        }
        let Some(since) = timed.heads.since.get() else {
            return Poll::Pending;
        };
        let deadline = since + timed.within;
        let alarm = timed
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        ready!(alarm.as_mut().poll(context));
        debug!("a head took too long");
        Poll::Ready(Ok(()))
    }
}

/// The place in what a visitor says.
#[derive(Debug, Default)]
struct Place {
    /// Bytes of the preface that have come.
    preface: usize,
    /// Bytes of the next frame's head that have come, and those of them that matter.
    head: usize,
    length: usize,
    kind: u8,
    flags: u8,
    /// Bytes of a frame's content that have not.
    left: usize,
    /// A head has not ended with its last frame.
    in_head: bool,
    /// At least one frame has come whole: SETTINGS belong to the preface.
    has_begun: bool,
}

impl Place {
    /// Passes over `bytes`.
    fn follow(&mut self, mut bytes: &[u8]) {
        let preface = bytes.len().min(PREFACE - self.preface);
        self.preface += preface;
        bytes = &bytes[preface..];
        while !bytes.is_empty() {
            if self.left > 0 {
                let content = bytes.len().min(self.left);
                self.left -= content;
                bytes = &bytes[content..];
                if self.left == 0 {
                    self.end_frame();
                }
                continue;
            }
            let byte = bytes[0];
            bytes = &bytes[1..];
            match self.head {
                0..=2 => self.length = self.length << 8 | usize::from(byte),
                3 => self.kind = byte,
                4 => self.flags = byte,
                _ => {}
            }
            self.head += 1;
            if self.head == FRAME_HEAD {
                self.left = self.length;
                if matches!(self.kind, HEADERS | CONTINUATION) {
                    self.in_head = true;
                }
                if self.left == 0 {
                    self.end_frame();
                }
            }
        }
    }

    fn end_frame(&mut self) {
        if matches!(self.kind, HEADERS | CONTINUATION) && self.flags & END_HEADERS != 0 {
            self.in_head = false;
        }
        self.has_begun = true;
        self.head = 0;
        self.length = 0;
    }

    /// Whether something has begun that has to end soon. The content of a body has a time of its
    /// own.
    fn is_within(&self) -> bool {
        let in_content = self.head == FRAME_HEAD;
        let in_frame = self.head > 0 && !(in_content && self.kind == DATA);
        !self.has_begun || self.in_head || in_frame
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct HeadWatch<S> {
    stream: S,
    heads: Rc<Heads>,
    place: Place,
}

impl<S> HeadWatch<S> {
    pub(crate) fn new(stream: S, heads: Rc<Heads>) -> Self {
        Self {
            stream,
            heads,
            place: Place::default(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadWatch<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            let watch = &mut *self;
            watch.place.follow(&buffer.filled()[before..]);
            watch.heads.is_due(watch.place.is_within());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadWatch<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

    fn frame(kind: u8, flags: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], content].concat()
    }

    /// Whether something is due after each byte of `bytes` that follows the preface.
    fn due(bytes: &[u8]) -> Vec<bool> {
        let mut place = Place::default();
        place.follow(HELLO);
        assert!(!place.is_within());
        let each = bytes.iter().map(|byte| {
            place.follow(&[*byte]);
            place.is_within()
        });
        each.collect()
    }

    #[test]
    fn the_preface_and_the_settings_are_due_from_the_beginning() {
        let mut place = Place::default();
        for byte in HELLO {
            assert!(place.is_within());
            place.follow(&[*byte]);
        }
        assert!(!place.is_within());
    }

    #[test]
    fn a_head_is_due_until_its_last_frame_has_ended() {
        let whole = frame(HEADERS, END_HEADERS, b"abc");
        let seen = due(&whole);
        assert!(seen[..whole.len() - 1].iter().all(|due| *due));
        assert!(!seen[whole.len() - 1]);
        let parts = [
            frame(HEADERS, 0, b"ab"),
            frame(CONTINUATION, 0, b""),
            frame(CONTINUATION, END_HEADERS, b"c"),
        ]
        .concat();
        let seen = due(&parts);
        assert!(seen[..parts.len() - 1].iter().all(|due| *due));
        assert!(!seen[parts.len() - 1]);
    }

    #[test]
    fn the_content_of_a_body_is_not_due() {
        let seen = due(&frame(DATA, 0, b"abc"));
        assert!(seen[..FRAME_HEAD - 1].iter().all(|due| *due));
        assert!(seen[FRAME_HEAD - 1..].iter().all(|due| !due));
    }

    proptest::proptest! {
        #[test]
        fn how_bytes_are_split_does_not_matter(
            bytes in proptest::collection::vec(0_u8..10, 0..200),
            at in 0_usize..200,
        ) {
            let at = at.min(bytes.len());
            let (mut whole, mut parts) = (Place::default(), Place::default());
            for place in [&mut whole, &mut parts] {
                place.follow(HELLO);
            }
            whole.follow(&bytes);
            parts.follow(&bytes[..at]);
            parts.follow(&bytes[at..]);
            proptest::prop_assert_eq!(whole.is_within(), parts.is_within());
        }
    }
}
