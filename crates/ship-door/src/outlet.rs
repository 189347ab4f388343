//! Files that the kernel sends to a visitor itself, without their bytes coming to us (sendfile(2)).
//!
//! hyper asks a body for bytes and writes them. Where it writes to a plain socket, a body gives it
//! [stand-ins](stand_in) for bytes of a file, and puts down in the connection's [`Outlet`] where the
//! bytes lie. hyper frames, counts and queues stand-ins as it does with any bytes; the [`Socket`]
//! below knows them by their address and has the kernel send so many bytes of the file in their
//! place. Stand-ins that were lost on the way would be zeros to the visitor, never other memory.
//!
//! Nothing that looks at bytes may stand between the two: no TLS, no HTTP/2, no compression.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd as _, OwnedFd};
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::slices;

/// The longest stand-in. What was handed to hyper counts as sent in the log of requests, so it is not
/// the whole file at once.
pub(crate) const LONGEST: usize = 256 << 10;

/// Never written and never read: the kernel gives such memory no pages.
static STAND_INS: LazyLock<Bytes> = LazyLock::new(|| vec![0; LONGEST].into());

/// Something that counts as so many bytes, at most [`LONGEST`].
fn stand_in(length: usize) -> Bytes {
    STAND_INS.slice(..length)
}

fn is_stand_in(bytes: &[u8]) -> bool {
    STAND_INS.as_ptr_range().contains(&bytes.as_ptr())
}

/// What the stand-ins on their way through one connection stand for, in their order.
#[derive(Debug, Default)]
pub(crate) struct Outlet(Mutex<VecDeque<Span>>);

/// Bytes of a file.
#[derive(Debug)]
struct Span {
    file: Arc<OwnedFd>,
    at: u64,
    left: usize,
}

impl Outlet {
    /// A stand-in for `length` bytes of a file, at most [`LONGEST`]. Whoever takes it has to send it
    /// before anything that is taken later.
    pub(crate) fn take(&self, file: &Arc<OwnedFd>, at: u64, length: usize) -> Bytes {
        let mut spans = self.spans();
        match spans.back_mut() {
            // One call for both.
            Some(last) if Arc::ptr_eq(&last.file, file) && last.at + last.left as u64 == at => {
                last.left += length;
            }
            _ => spans.push_back(Span {
                file: file.clone(),
                at,
                left: length,
            }),
        }
        stand_in(length)
    }

    /// Sends at most `most` bytes of what comes next.
    fn send(&self, socket: &TcpStream, most: usize) -> io::Result<usize> {
        let mut spans = self.spans();
        let Some(next) = spans.front_mut() else {
            return Err(io::Error::other("a stand-in stands for nothing"));
        };
        let count = most.min(next.left);
        let sent = rustix::fs::sendfile(socket, &*next.file, Some(&mut next.at), count)?;
        // The file has become shorter than its announced length: the visitor must not take the
        // answer for whole.
        if sent == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        next.left -= sent;
        if next.left == 0 {
            spans.pop_front();
        }
        Ok(sent)
    }

    fn spans(&self) -> MutexGuard<'_, VecDeque<Span>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A visitor's socket that sends bytes, and files in the place of stand-ins.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    outlet: Arc<Outlet>,
    /// The kernel was told to send full packets alone (`TCP_CORK` of tcp(7)).
    corked: bool,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, outlet: Arc<Outlet>) -> Self {
        Self {
            stream,
            outlet,
            corked: false,
        }
    }

    /// Ready when there may be something to read.
    pub(crate) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read_ready(context)
    }

    /// Throws away what has come; false at the end, or where nothing can come any more.
    pub(crate) fn poll_discard(&self, context: &mut Context<'_>) -> Poll<bool> {
        let mut rest = [0; 4 << 10];
        loop {
            if ready!(self.stream.poll_read_ready(context)).is_err() {
                return Poll::Ready(false);
            }
            match self.stream.try_read(&mut rest) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.is_ok_and(|count| count > 0)),
            }
        }
    }

    /// Does `write` as soon as the socket takes something.
    fn when_writable<T>(
        &self,
        context: &mut Context<'_>,
        mut write: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            match self.stream.try_io(Interest::WRITABLE, &mut write) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return Poll::Ready(written),
            }
        }
    }

    /// Sends of files whatever comes next, at most so many bytes.
    fn poll_send(&mut self, context: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        // sendfile(2) hands a file over in pieces a little longer than the longest packet of
        // loopback. Without a cork each acknowledgement sends the rest of one by itself: twice the
        // packets.
        self.cork(true)?;
        let sent = ready!(self.when_writable(context, || self.outlet.send(&self.stream, most)));
        if self.outlet.spans().is_empty() {
            self.cork(false)?;
        }
        Poll::Ready(sent)
    }

    fn cork(&mut self, on: bool) -> io::Result<()> {
        if self.corked != on {
            rustix::net::sockopt::set_tcp_cork(&self.stream, on)?;
            self.corked = on;
        }
        Ok(())
    }

    /// Sends bytes that more follows at once: they share its first packet.
    fn send_before_more(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = SendFlags::NOSIGNAL | SendFlags::MORE;
        let mut nothing = SendAncillaryBuffer::default();
        let sent = rustix::net::sendmsg(self.stream.as_fd(), slices, &mut nothing, flags)?;
        Ok(sent)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices.iter().position(|slice| is_stand_in(slice)) {
            None => slices::poll_write(Pin::new(&mut self.stream), context, slices),
            Some(0) => {
                let each = slices.iter().take_while(|slice| is_stand_in(slice));
                let most = each.map(|slice| slice.len()).sum();
                self.poll_send(context, most)
            }
            Some(first) => {
                let before = &slices[..first];
                self.when_writable(context, || self.send_before_more(before))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
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
    use std::io::Write as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// A file whose bytes are all different from those a few places on.
    fn file(length: usize) -> (std::fs::File, Vec<u8>) {
        let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        (file, bytes)
    }

    async fn pair() -> (Socket, Arc<Outlet>, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, theirs) = tokio::join!(listener.accept(), theirs);
        let outlet = Arc::new(Outlet::default());
        let socket = Socket::new(accepted.unwrap().0, outlet.clone());
        (socket, outlet, theirs.unwrap())
    }

    async fn write_all(socket: &mut Socket, mut pieces: VecDeque<Bytes>) -> io::Result<()> {
        while !pieces.is_empty() {
            let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut written = socket.write_vectored(&slices).await?;
            while let Some(mut first) = pieces.pop_front() {
                let now = first.len().min(written);
                written -= now;
                if now < first.len() {
                    pieces.push_front(first.split_off(now));
                    break;
                }
            }
        }
        Ok(())
    }

    #[tokio::test]
    async fn stand_ins_become_the_bytes_of_their_files_in_their_order() {
        let (mut socket, outlet, mut theirs) = pair().await;
        let (one, bytes) = file(2 * LONGEST);
        let (two, others) = file(1000);
        let (one, two) = (Arc::new(OwnedFd::from(one)), Arc::new(OwnedFd::from(two)));
        let pieces = VecDeque::from([
            Bytes::from_static(b"head"),
            outlet.take(&one, 0, LONGEST),
            outlet.take(&one, LONGEST as u64, LONGEST),
            Bytes::from_static(b"between"),
            outlet.take(&two, 10, 500),
            outlet.take(&one, 7, 100),
            Bytes::from_static(b"tail"),
        ]);
        let wanted = [
            b"head",
            &bytes[..],
            b"between",
            &others[10..510],
            &bytes[7..107],
            b"tail",
        ]
        .concat();
        let reading = async {
            let mut got = vec![0; wanted.len()];
            theirs.read_exact(&mut got).await.unwrap();
            got
        };
        let (written, got) = tokio::join!(write_all(&mut socket, pieces), reading);
        written.unwrap();
        assert!(got == wanted);
        assert!(outlet.spans().is_empty());
        // What comes next must not wait for more.
        assert!(!rustix::net::sockopt::tcp_cork(&socket.stream).unwrap());
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_ends_the_connection() {
        let (mut socket, outlet, _theirs) = pair().await;
        let (file, _) = file(1000);
        file.set_len(10).unwrap();
        let piece = outlet.take(&Arc::new(file.into()), 0, 1000);
        let written = write_all(&mut socket, VecDeque::from([piece])).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn who_takes_nothing_is_waited_for() {
        let (mut socket, outlet, mut theirs) = pair().await;
        let (file, bytes) = file(16 << 20);
        let file = Arc::new(OwnedFd::from(file));
        let pieces = (0..bytes.len()).step_by(LONGEST);
        let pieces = pieces.map(|at| outlet.take(&file, at as u64, LONGEST));
        let mut writing = Box::pin(write_all(&mut socket, pieces.collect()));
        let mut got = vec![0; bytes.len()];
        // All buffers between the two are full at some time.
        tokio::select! {
            biased;
            _ = &mut writing => panic!("16 MiB were taken by nobody"),
            () = tokio::task::yield_now() => {}
        }
        let (written, read) = tokio::join!(writing, theirs.read_exact(&mut got));
        written.unwrap();
        read.unwrap();
        assert!(got == bytes);
    }
}
