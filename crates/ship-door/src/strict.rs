//! A visitor's HTTP/1 connection that shows its reader only what is framed beyond doubt.
//!
//! Bytes pass through uncopied and are looked at once on their way. At the first that may not stand
//! there, the reader sees in its place what every reader refuses ([`POISON`]) and then the end: it
//! answers 400 in its turn, after the answers that are still due, and closes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tracing::debug;

use crate::farewell::Farewell;
use crate::framing::{Framing, Place};

/// Wrong at every place: NUL in lines and fields, not hexadecimal and not CR in chunks, LF without
/// CR in a chunk's extension; then the end of a head, for a reader that looks for that first.
const POISON: &[u8] = b"\0\n\r\n\r\n";

/// What the reader of a connection does not tell, seen from below and above it. One thread writes and
/// reads it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    tunnel: AtomicBool,
    /// Heads that the reader has been shown to their end.
    heads: AtomicU64,
    /// Answers that were given to their end.
    answers: AtomicU64,
    /// Where the reader waits for the next byte; [`Told::BUSY`] while it waits for none.
    place: AtomicU8,
    /// Something was written, and has not all left.
    unsent: AtomicBool,
    /// The connection ends.
    ending: AtomicBool,
}

impl Told {
    const BUSY: u8 = 0;
    const HEAD: u8 = 1;
    const BETWEEN: u8 = 2;

    /// What follows the last head is a WebSocket's or nothing's: it has not been looked at.
    pub(crate) fn is_tunnel(&self) -> bool {
        self.tunnel.load(Ordering::Relaxed)
    }

    /// An answer was given to its end, or will never be.
    pub(crate) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Where the connection waits for its visitor: [`Place::Between`] two requests or in a
    /// [`Place::Head`]. None while anything is left to do for what has come.
    pub(crate) fn waits(&self) -> Option<Place> {
        let idle = self.heads.load(Ordering::Relaxed) == self.answers()
            && !self.unsent.load(Ordering::Relaxed)
            && !self.ending.load(Ordering::Relaxed);
        match self.place.load(Ordering::Relaxed) {
            Self::BETWEEN if idle => Some(Place::Between),
            Self::HEAD if idle => Some(Place::Head),
            _ => None,
        }
    }

    fn waits_at(&self, place: Option<Place>) {
        let place = match place {
            Some(Place::Between) => Self::BETWEEN,
            Some(Place::Head) => Self::HEAD,
            Some(Place::Beyond) | None => Self::BUSY,
        };
        self.place.store(place, Ordering::Relaxed);
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Strict<S> {
    stream: S,
    framing: Framing,
    told: Arc<Told>,
    /// Once something was; boxed, since few connections come to that.
    refused: Option<Box<Refused>>,
    /// The visitor says no more.
    has_ended: bool,
}

/// What follows when something was refused.
#[derive(Debug)]
struct Refused {
    /// What of the poison has to be shown.
    poison: &'static [u8],
    /// What becomes of the reader's refusal on its way out.
    farewell: Farewell,
}

impl<S> Strict<S> {
    pub(crate) fn new(stream: S, told: Arc<Told>) -> Self {
        Self {
            stream,
            framing: Framing::new(),
            told,
            refused: None,
            has_ended: false,
        }
    }

    /// The stream below.
    pub(crate) fn below(&self) -> &S {
        &self.stream
    }

    /// Whether all that the visitor ever says was read, or can be.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Looks at what was read behind the first `before` bytes of `buffer`.
    fn look(&mut self, before: usize, buffer: &mut ReadBuf<'_>) {
        let followed = self.framing.follow(&buffer.filled()[before..]);
        self.told
            .heads
            .store(self.framing.heads(), Ordering::Relaxed);
        let Err(refusal) = followed else {
            if self.framing.is_tunnel() {
                self.told.tunnel.store(true, Ordering::Relaxed);
            }
            return;
        };
        debug!(why = refusal.why, "a request was refused for its framing");
        buffer.set_filled(before + refusal.at);
        self.refused = Some(Box::new(Refused {
            poison: POISON,
            farewell: Farewell::new(refusal.why),
        }));
        self.show_poison(buffer);
    }

    fn show_poison(&mut self, buffer: &mut ReadBuf<'_>) {
        if let Some(refused) = &mut self.refused {
            let poison = refused.poison;
            let (now, later) = poison.split_at(poison.len().min(buffer.remaining()));
            buffer.put_slice(now);
            refused.poison = later;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.refused.is_some() {
            this.show_poison(buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(context, buffer) else {
            this.told.waits_at(Some(this.framing.place()));
            return Poll::Pending;
        };
        this.told.waits_at(None);
        this.has_ended = read.is_err() || buffer.filled().len() == before;
        read?;
        this.look(before, buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.told.unsent.store(true, Ordering::Relaxed);
        let Self {
            stream, refused, ..
        } = &mut *self;
        if let Some(refused) = refused {
            return refused.farewell.poll_write(stream, context, bytes);
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.told.unsent.store(true, Ordering::Relaxed);
        if self.refused.is_some() {
            let first = slices.iter().find(|slice| !slice.is_empty());
            return self.poll_write(context, first.map_or(&[], |slice| slice));
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes once it has written all that it has.
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.told.unsent.store(false, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.told.ending.store(true, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    fn strict<S>(stream: S) -> (Strict<S>, Arc<Told>) {
        let told = Arc::new(Told::default());
        (Strict::new(stream, told.clone()), told)
    }

    async fn seen(bytes: &[u8]) -> Vec<u8> {
        let (mut strict, _) = strict(bytes);
        let mut seen = Vec::new();
        strict.read_to_end(&mut seen).await.unwrap();
        seen
    }

    #[tokio::test]
    async fn what_is_well_framed_passes_as_it_is() {
        let bytes = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(seen(bytes).await, bytes);
    }

    #[tokio::test]
    async fn behind_a_refused_byte_nothing_is_seen_but_poison() {
        let seen = seen(b"GET / HTTP/1.1\nHost: a\r\n\r\nGET /second HTTP/1.1\r\n").await;
        assert_eq!(seen, [b"GET / HTTP/1.1", POISON].concat());
    }

    #[tokio::test]
    async fn poison_fits_into_any_buffer() {
        let (mut strict, _) = strict(&b"\0"[..]);
        let mut seen = Vec::new();
        while let Ok(byte) = strict.read_u8().await {
            seen.push(byte);
        }
        assert_eq!(seen, POISON);
    }

    #[tokio::test]
    async fn a_request_for_a_websocket_is_told() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\n\x81\x00";
        let (mut strict, told) = strict(&head[..]);
        let mut seen = Vec::new();
        strict.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, head);
        assert!(told.is_tunnel());
    }
}
