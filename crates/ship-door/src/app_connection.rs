//! A connection to an app: requests of HTTP/1.1, one after the other.
//!
//! Whoever waits for the answer drives it, in the visitor's own task. There is no task behind it that
//! would have to be woken, and nothing is handed from one to the other: that cost as much as all the
//! rest of a small answer. What the app reads is written once, from the fields where they lie.
//!
//! `request.rs` writes, `answer.rs` reads heads, `content.rs` what follows them, `chunks.rs` where that
//! comes in chunks.

mod answer;
mod chunks;
mod content;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod request;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::Frame;
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::io::poll_read_buf;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::body::RequestBody;
use crate::head::{ForApp, Head};
use content::{Content, Next};
use request::Sending;

/// Bytes that are read at once where nothing is known: a head, and most small answers with it.
const ROOM: usize = 4 << 10;

/// The most bytes of an answer that are read at once.
const MOST: usize = 128 << 10;

/// Room that is kept by a connection that waits for its next request.
const KEPT: usize = 16 << 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct AppConnection {
    stream: AppStream,
    sending: Sending,
    /// Came, and was not looked at yet.
    came: BytesMut,
    /// Bytes to read at once with the next head.
    room: usize,
    /// Content that came with its head.
    first: Bytes,
    content: Content,
    /// The app keeps the connection open for another request.
    stays: bool,
    /// Fires when what is in flight to the instance must end.
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl AppConnection {
    /// On a stream that nothing was written to. `cut` ends what is on its way, with an error.
    pub(crate) fn new(stream: AppStream, cut: CancellationToken) -> Self {
        Self {
            stream,
            sending: Sending::default(),
            came: BytesMut::new(),
            room: ROOM,
            first: Bytes::new(),
            content: Content::Over,
            stays: true,
            cut: Box::pin(cut.cancelled_owned()),
        }
    }

    /// Whether nothing has come since the last answer, nor the end. Asks the kernel only where that
    /// has said that there is something.
    pub(crate) fn is_quiet(&self) -> bool {
        match self.stream.try_read(&mut [0]) {
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            Ok(_) => false,
        }
    }

    /// Begins a request for `target`.
    pub(crate) fn begin(
        &mut self,
        head: Head<'_>,
        body: RequestBody,
        target: &PathAndQuery,
        fields: &ForApp<'_>,
    ) {
        self.sending.begin(head, body, target, fields);
    }

    /// Whether the app may have seen anything of the request.
    pub(crate) fn has_begun(&self) -> bool {
        self.sending.has_begun()
    }

    /// Whether the answer was there before the end of the upload.
    pub(crate) fn is_sending(&self) -> bool {
        !self.sending.is_over()
    }

    /// Sends the rest of an upload whose answer is over; whether that came to a good end.
    pub(crate) async fn finish_sending(&mut self) -> bool {
        let sent = std::future::poll_fn(|context| {
            let sent = self.sending.poll(&mut self.stream, context);
            self.unless_cut(sent, context)
        });
        sent.await.is_ok()
    }

    /// Sends, and reads the head of the answer to a request with this method.
    pub(crate) fn poll_answer(
        &mut self,
        method: &Method,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Response<()>>> {
        let answer = self.poll_head(method, context);
        self.unless_cut(answer, context)
    }

    fn poll_head(
        &mut self,
        method: &Method,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Response<()>>> {
        self.upload(context)?;
        loop {
            if let Some(head) = answer::take(&mut self.came, method)? {
                self.first = head.first;
                self.content = head.content;
                self.stays = self.stays && head.stays;
                return Poll::Ready(Ok(head.response));
            }
            let room = self.room;
            let came = ready!(self.poll_read(room, context))?;
            if came == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.room = match came {
                came if came >= room => (room * 4).min(MOST),
                came if came < room / 4 => (room / 2).max(ROOM),
                _ => room,
            };
        }
    }

    /// The next piece of the answer's content, or its trailers.
    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Frame<Bytes>>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Ok(Some(Frame::data(std::mem::take(&mut self.first)))));
        }
        let frame = self.poll_content(context);
        self.unless_cut(frame, context)
    }

    fn poll_content(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Frame<Bytes>>>> {
        self.upload(context)?;
        loop {
            let most = match self.content.next(&mut self.came)? {
                Next::Data(data) => return Poll::Ready(Ok(Some(Frame::data(data)))),
                Next::End(trailers) => return Poll::Ready(Ok(trailers.map(Frame::trailers))),
                Next::More(most) => most,
            };
            if ready!(self.poll_read(most, context))? == 0 {
                self.stays = false;
                self.content.end()?;
            }
        }
    }

    /// Goes on with the request as far as it can; an error is about its body. An app that has stopped
    /// reading may have said why: that is for its answer to tell.
    fn upload(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.sending.is_over() {
            return Ok(());
        }
        match self.sending.poll(&mut self.stream, context) {
            Poll::Ready(Err(error)) if self.sending.is_broken() => Err(error),
            Poll::Ready(Err(_)) => {
                self.sending.give_up();
                self.stays = false;
                Ok(())
            }
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    fn poll_read(&mut self, room: usize, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Room is made when there is something to put there: the longest wait of all is that for an
        // app, and a crowd that waits would hold memory for nothing.
        ready!(self.stream.poll_read_ready(context))?;
        self.came.reserve(room);
        poll_read_buf(Pin::new(&mut self.stream), context, &mut self.came)
    }

    /// What waits ends when the instance is cut.
    fn unless_cut<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if polled.is_pending() && self.cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        polled
    }

    /// Whether all of the answer's content was given.
    pub(crate) fn is_over(&self) -> bool {
        self.first.is_empty() && matches!(self.content, Content::Over)
    }

    /// Bytes of content still to be given, where that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        let first = self.first.len() as u64;
        match self.content {
            Content::Over => Some(first),
            Content::Counted(left) => Some(first + left),
            Content::Chunked(_) | Content::UntilEnd => None,
        }
    }

    /// Makes it ready to wait for the next request; whether there can be one.
    pub(crate) fn rests(&mut self) -> bool {
        if self.came.capacity() > KEPT {
            self.came = BytesMut::from(&self.came[..]);
        }
        self.stays && self.is_over() && self.came.is_empty() && self.sending.is_over()
    }
}

/// After a 101 it is a stream of bytes, of which some may have come already.
impl AsyncRead for AppConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.came.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let now = self.came.len().min(buffer.remaining());
        buffer.put_slice(&self.came.split_to(now));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for AppConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// What an app listens on.
#[derive(Debug)]
pub(crate) enum AppStream {
    /// In its folder.
    Unix(UnixStream),
    /// A port.
    Tcp(TcpStream),
}

impl AppStream {
    fn try_read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.try_read(bytes),
            Self::Tcp(stream) => stream.try_read(bytes),
        }
    }

    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Unix(stream) => stream.poll_read_ready(context),
            Self::Tcp(stream) => stream.poll_read_ready(context),
        }
    }
}

impl AsyncRead for AppStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for AppStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing is held back: the kernel has what was written.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests;
