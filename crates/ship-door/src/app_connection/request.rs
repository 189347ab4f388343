//! A request on its way to an app: its head, and its body as it comes.

use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use hyper::HeaderMap;
use hyper::body::{Body as _, Frame};
use hyper::header::{self, HeaderName};
use hyper::http::uri::PathAndQuery;
use tokio::io::AsyncWrite;

use crate::body::RequestBody;
use crate::head::{self, ForApp, Head};
use crate::slices;

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// Heads: of the request, and of chunks.
    head: BytesMut,
    /// Goes behind it: a piece of the body,
    piece: Bytes,
    /// and what ends a chunk.
    tail: &'static [u8],
    upload: Option<Upload>,
    begun: bool,
    broken: bool,
}

/// A body of which not all has come.
#[derive(Debug)]
struct Upload {
    body: RequestBody,
    framing: Framing,
}

#[derive(Debug)]
enum Framing {
    /// So many bytes are to come.
    Counted(u64),
    /// Trailers with these names may follow.
    Chunked(Vec<HeaderName>),
}

impl Sending {
    /// Writes down a head.
    pub(super) fn begin(
        &mut self,
        Head { method, headers }: Head<'_>,
        body: RequestBody,
        target: &PathAndQuery,
        fields: &ForApp<'_>,
    ) {
        self.upload = Upload::new(body, headers);
        self.begun = false;
        self.broken = false;
        self.head.clear();
        let head = &mut self.head;
        head.reserve(1024);
        head.put_slice(method.as_str().as_bytes());
        head.put_u8(b' ');
        head.put_slice(target.as_str().as_bytes());
        head.put_slice(b" HTTP/1.1\r\n");
        fields.write(headers, head);
        let has_length = headers.contains_key(header::CONTENT_LENGTH);
        match self.upload.as_ref().map(|upload| &upload.framing) {
            Some(Framing::Counted(length)) => {
                let _ = write!(head.writer(), "content-length: {length}\r\n");
            }
            Some(Framing::Chunked(_)) => head.put_slice(b"transfer-encoding: chunked\r\n"),
            None if has_length => head.put_slice(b"content-length: 0\r\n"),
            None => {}
        }
        head.put_slice(b"\r\n");
    }

    /// Whether a byte of it was written.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether its body has turned out to be none.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether all of it was written.
    pub(super) fn is_over(&self) -> bool {
        self.upload.is_none() && !self.waits()
    }

    fn waits(&self) -> bool {
        !(self.head.is_empty() && self.piece.is_empty() && self.tail.is_empty())
    }

    /// Nobody reads it any more.
    pub(super) fn give_up(&mut self) {
        *self = Self {
            begun: self.begun,
            ..Self::default()
        };
    }

    /// Writes what has come; ready when that was all.
    pub(super) fn poll<S>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncWrite + Unpin,
    {
        loop {
            // First what there is of the body: it shares a call with what is written before it.
            let comes = self.piece.is_empty() && self.tail.is_empty();
            if let Some(upload) = self.upload.as_mut().filter(|_| comes) {
                match upload.poll(context) {
                    Poll::Ready(Ok(frame)) => self.put(frame)?,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(self.breaks(error))),
                    Poll::Pending if self.head.is_empty() => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
            if self.waits() {
                ready!(self.poll_write(stream, context))?;
            } else if self.upload.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn breaks(&mut self, error: io::Error) -> io::Error {
        self.broken = true;
        error
    }

    /// Frames what has come of the body; `None` is its end.
    fn put(&mut self, frame: Option<Frame<Bytes>>) -> io::Result<()> {
        let Some(upload) = &mut self.upload else {
            return Ok(());
        };
        let frame = frame.map(Frame::into_data);
        match (&mut upload.framing, frame) {
            (Framing::Counted(left), Some(Ok(data))) => match left.checked_sub(data.len() as u64) {
                Some(rest) => {
                    *left = rest;
                    self.piece = data;
                    if rest == 0 {
                        self.upload = None;
                    }
                }
                None => return Err(self.breaks(other_length())),
            },
            (Framing::Counted(_), Some(Err(_))) => {}
            (Framing::Counted(_), None) => return Err(self.breaks(other_length())),
            (Framing::Chunked(_), Some(Ok(data))) if data.is_empty() => {}
            (Framing::Chunked(_), Some(Ok(data))) => {
                let _ = write!((&mut self.head).writer(), "{:x}\r\n", data.len());
                self.piece = data;
                self.tail = b"\r\n";
            }
            (Framing::Chunked(announced), last) => {
                self.head.put_slice(b"0\r\n");
                if let Some(Err(frame)) = last
                    && let Ok(trailers) = frame.into_trailers()
                {
                    let mays = |name: &HeaderName| announced.contains(name) && may_trail(name);
                    for (name, value) in trailers.iter().filter(|(name, _)| mays(name)) {
                        head::write(&mut self.head, name.as_str(), value.as_bytes());
                    }
                }
                self.head.put_slice(b"\r\n");
                self.upload = None;
            }
        }
        Ok(())
    }

    fn poll_write<S>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncWrite + Unpin,
    {
        let all = [&self.head[..], &self.piece, self.tail].map(IoSlice::new);
        let slices = if self.piece.is_empty() && self.tail.is_empty() {
            &all[..1]
        } else {
            &all[..]
        };
        let mut written = ready!(slices::poll_write(Pin::new(stream), context, slices))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.begun = true;
        let of_head = written.min(self.head.len());
        self.head.advance(of_head);
        written -= of_head;
        let of_piece = written.min(self.piece.len());
        self.piece.advance(of_piece);
        self.tail = &self.tail[written - of_piece..];
        Poll::Ready(Ok(()))
    }
}

impl Upload {
    fn new(body: RequestBody, headers: &HeaderMap) -> Option<Self> {
        if body.is_end_stream() {
            return None;
        }
        let framing = match body.size_hint().exact() {
            Some(length) => Framing::Counted(length),
            None => Framing::Chunked(announced(headers)),
        };
        Some(Self { body, framing })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.transpose().map_err(io::Error::other))
    }
}

/// The names in `Trailer`: what follows without having been announced goes no further.
fn announced(headers: &HeaderMap) -> Vec<HeaderName> {
    let fields = headers.get_all(header::TRAILER).into_iter();
    let names = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    names
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect()
}

/// What counts only in a head does not stand in trailers (RFC 9110, 6.5.1).
fn may_trail(name: &HeaderName) -> bool {
    ![
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::CONTENT_TYPE,
        header::HOST,
        header::MAX_FORWARDS,
        header::SET_COOKIE,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
    ]
    .contains(name)
}

fn other_length() -> io::Error {
    io::Error::other("the body is not as long as its head says")
}
