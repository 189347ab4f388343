//! A file, or parts of one, on its way to a visitor: through one buffer, or past us.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::Frame;
use rustix::io::{Errno, ReadWriteFlags};
use tokio::task::JoinHandle;

use crate::body::BodyError;
use crate::outlet::{self, Outlet};

/// Bytes read at a time.
const PIECE: u64 = 64 << 10;

/// From here on it costs less to have the kernel send bytes than to read and write them.
const WORTH_IT: u64 = 16 << 10;

/// Text and parts of a file, one after the other.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: Arc<OwnedFd>,
    parts: VecDeque<Part>,
    left: u64,
    /// Where the visitor's socket sends files by itself.
    outlet: Option<Arc<Outlet>>,
    /// A read that has to wait for the disk.
    waiting: Option<JoinHandle<io::Result<Bytes>>>,
}

/// A part of the body.
#[derive(Debug)]
pub(crate) enum Part {
    /// The head of a part of `multipart/byteranges`.
    Text(Bytes),
    /// Bytes of the file.
    Span(Range<u64>),
}

impl FileBody {
    pub(crate) fn new(file: Arc<OwnedFd>, parts: Vec<Part>) -> Self {
        let length = |part: &Part| match part {
            Part::Text(text) => text.len() as u64,
            Part::Span(span) => span.end - span.start,
        };
        Self {
            file,
            left: parts.iter().map(length).sum(),
            parts: parts.into(),
            outlet: None,
            waiting: None,
        }
    }

    /// From now on gives stand-ins for bytes, where that is worth it. Only where they go to the socket
    /// of the outlet as they are.
    pub(crate) fn send_through(&mut self, outlet: Arc<Outlet>) {
        self.outlet = Some(outlet);
    }

    /// Bytes still to come.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let bytes = match ready!(self.poll_next(context)) {
            None => return Poll::Ready(None),
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => {
                self.parts.clear();
                return Poll::Ready(Some(Err(BodyError::File(error))));
            }
        };
        self.left -= bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(waiting) = &mut self.waiting {
            let read = ready!(Pin::new(waiting).poll(context));
            self.waiting = None;
            let bytes = read.map_err(io::Error::other).and_then(|bytes| bytes);
            return Poll::Ready(Some(self.advance(bytes)));
        }
        let (at, length) = match self.parts.front_mut() {
            None => return Poll::Ready(None),
            Some(Part::Text(text)) => {
                let text = std::mem::take(text);
                self.parts.pop_front();
                return Poll::Ready(Some(Ok(text)));
            }
            Some(Part::Span(span)) => (span.start, PIECE.min(span.end - span.start) as usize),
        };
        if let Some(stand_in) = self.stand_in() {
            return Poll::Ready(Some(self.advance(Ok(stand_in))));
        }
        // What the page cache holds is read at once. What is on the disk must not hold up the
        // other visitors of this core, and is read by another thread.
        match read(&self.file, at, length, ReadWriteFlags::NOWAIT) {
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INVAL) => {
                let file = self.file.clone();
                self.waiting = Some(tokio::task::spawn_blocking(move || {
                    Ok(read(&file, at, length, ReadWriteFlags::empty())?)
                }));
                self.poll_next(context)
            }
            read => Poll::Ready(Some(self.advance(read.map_err(io::Error::from)))),
        }
    }

    /// A stand-in for what comes next, as far as it lies in memory: sendfile(2) would have all visitors
    /// of this core wait for the disk.
    fn stand_in(&self) -> Option<Bytes> {
        let (Some(outlet), Some(Part::Span(span))) = (&self.outlet, self.parts.front()) else {
            return None;
        };
        if span.end - span.start < WORTH_IT {
            return None;
        }
        let most = span.end.min(span.start + outlet::LONGEST as u64);
        let end = in_memory_until(&self.file, span.start..most);
        let length = (end - span.start) as usize;
        (length > 0).then(|| outlet.take(&self.file, span.start, length))
    }

    /// Moves on by what was read. A file that has become shorter than its announced length is an
    /// error: the visitor must not take the answer for whole.
    fn advance(&mut self, read: io::Result<Bytes>) -> io::Result<Bytes> {
        let bytes = read?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(Part::Span(span)) = self.parts.front_mut() {
            span.start += bytes.len() as u64;
            if span.is_empty() {
                self.parts.pop_front();
            }
        }
        Ok(bytes)
    }
}

/// Up to where a part of a file lies in memory: asked of its last byte, and where that does not, of the
/// last byte of each [`PIECE`]. The kernel reads ahead and forgets in larger units than one page, so
/// what lies between two that are there hardly ever is not; a hole costs one wait for the disk.
fn in_memory_until(file: &OwnedFd, span: Range<u64>) -> u64 {
    if in_memory(file, span.end - 1) {
        return span.end;
    }
    let mut until = span.start;
    while span.end - until > PIECE && in_memory(file, until + PIECE - 1) {
        until += PIECE;
    }
    until
}

fn in_memory(file: &OwnedFd, at: u64) -> bool {
    let mut byte = [0];
    let mut byte = [IoSliceMut::new(&mut byte)];
    rustix::io::preadv2(file, &mut byte, at, ReadWriteFlags::NOWAIT) == Ok(1)
}

/// A whole file of this length, if it has that length and lies in memory.
pub(crate) fn read_now(file: &OwnedFd, length: usize) -> Option<Bytes> {
    let bytes = read(file, 0, length, ReadWriteFlags::NOWAIT).ok()?;
    (bytes.len() == length).then_some(bytes)
}

fn read(file: &OwnedFd, at: u64, length: usize, flags: ReadWriteFlags) -> Result<Bytes, Errno> {
    let mut buffer = vec![0; length];
    let got = loop {
        match rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut buffer)], at, flags) {
            Err(Errno::INTR) => {}
            got => break got?,
        }
    };
    buffer.truncate(got);
    Ok(buffer.into())
}
