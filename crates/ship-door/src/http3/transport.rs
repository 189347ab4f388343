//! QUIC as `h3` wants to see it, with our limits between the two.
//!
//! `h3` keeps each frame whole before it looks at it, of whatever length, and takes content from
//! QUIC faster than it hands it on. So it sees only what `frames.rs` lets through: heads, and not a
//! byte of a body, which is read here without it ([`Inflow::poll_body`]).

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::VarInt;
use tokio::time::{Instant, Sleep};

use super::frames::{Broken, Frames, Piece, Watch};

/// How much is read at once.
const READ: usize = 8 << 10;

/// Bytes of heads of one connection that may wait for the rest of their head. HTTP/2 sends one head
/// after the other; here a hundred may come at once, and each is kept until it is whole.
const HEADS: usize = 128 << 10;

type Opened<T> = Option<Pin<Box<dyn Future<Output = Result<T, quinn::ConnectionError>>>>>;

/// A code of HTTP/3 as QUIC writes it.
pub(super) fn code(code: Code) -> VarInt {
    VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX)
}

/// One connection.
pub(super) struct Transport {
    connection: quinn::Connection,
    most: Limit,
    requests: Opened<(quinn::SendStream, quinn::RecvStream)>,
    others: Opened<quinn::RecvStream>,
    opening: Opened<quinn::SendStream>,
    last: Rc<RefCell<Option<Exchange>>>,
    heads: Rc<Cell<usize>>,
}

/// What a stream is held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// The longest head in bytes.
    pub(super) head: usize,
    /// How long a visitor may take nothing of an answer.
    pub(super) patience: Duration,
}

/// What we need of a request's stream and `h3` does not hand on.
pub(super) struct Exchange {
    pub(super) inflow: Rc<RefCell<Inflow>>,
    /// Ends when the visitor wants no answer any more, or has got all of it.
    pub(super) over: Pin<Box<dyn Future<Output = ()>>>,
    /// With which code the answer is broken off if it is dropped before its end.
    pub(super) otherwise: Rc<Cell<Option<Code>>>,
}

impl Transport {
    pub(super) fn new(connection: quinn::Connection, most: Limit) -> Self {
        Self {
            connection,
            most,
            requests: None,
            others: None,
            opening: None,
            last: Rc::default(),
            heads: Rc::default(),
        }
    }

    /// Where the stream of the request that was accepted last is found.
    pub(super) fn last(&self) -> Rc<RefCell<Option<Exchange>>> {
        self.last.clone()
    }
}

impl quic::Connection<Bytes> for Transport {
    type RecvStream = Inlet;
    type OpenStreams = Self;

    fn poll_accept_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Inlet, ConnectionErrorIncoming>> {
        let connection = &self.connection;
        let next = self.others.get_or_insert_with(|| {
            let connection = connection.clone();
            Box::pin(async move { connection.accept_uni().await })
        });
        let stream = ready!(next.as_mut().poll(context));
        self.others = None;
        let stream = stream.map_err(|error| lost(&error))?;
        let id = stream.id().into();
        Poll::Ready(Ok(Inlet {
            id,
            from: From::Other(stream, Watch::default(), self.connection.clone()),
        }))
    }

    fn poll_accept_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionErrorIncoming>> {
        let connection = &self.connection;
        let next = self.requests.get_or_insert_with(|| {
            let connection = connection.clone();
            Box::pin(async move { connection.accept_bi().await })
        });
        let streams = ready!(next.as_mut().poll(context));
        self.requests = None;
        let (send, receive) = streams.map_err(|error| lost(&error))?;
        let inflow = Rc::new(RefCell::new(Inflow {
            stream: receive,
            frames: Frames::new(self.most.head),
            over: false,
            connection: self.connection.clone(),
            heads: self.heads.clone(),
            head: 0,
        }));
        let id = send.id().into();
        let stopped = send.stopped();
        let outlet = Outlet::new(send, self.most.patience);
        self.last.replace(Some(Exchange {
            inflow: inflow.clone(),
            over: Box::pin(async move { drop(stopped.await) }),
            otherwise: outlet.otherwise.clone(),
        }));
        let from = From::Request(inflow);
        Poll::Ready(Ok(Stream(outlet, Inlet { id, from })))
    }

    fn opener(&self) -> Self {
        Self::new(self.connection.clone(), self.most)
    }
}

impl quic::OpenStreams<Bytes> for Transport {
    type BidiStream = Stream;
    type SendStream = Outlet;

    /// A server asks nothing.
    fn poll_open_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<Stream, StreamErrorIncoming>> {
        let why = "a server opens no request".into();
        Poll::Ready(Err(StreamErrorIncoming::Unknown(why)))
    }

    fn poll_open_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Outlet, StreamErrorIncoming>> {
        let connection = &self.connection;
        let next = self.opening.get_or_insert_with(|| {
            let connection = connection.clone();
            Box::pin(async move { connection.open_uni().await })
        });
        let stream = ready!(next.as_mut().poll(context));
        self.opening = None;
        let connection_error = |error| StreamErrorIncoming::ConnectionErrorIncoming {
            connection_error: lost(&error),
        };
        let stream = stream.map_err(connection_error)?;
        Poll::Ready(Ok(Outlet::new(stream, self.most.patience)))
    }

    fn close(&mut self, why: Code, reason: &[u8]) {
        self.connection.close(code(why), reason);
    }
}

fn lost(error: &quinn::ConnectionError) -> ConnectionErrorIncoming {
    match error {
        quinn::ConnectionError::ApplicationClosed(closed) => {
            ConnectionErrorIncoming::ApplicationClose {
                error_code: closed.error_code.into(),
            }
        }
        quinn::ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        other => ConnectionErrorIncoming::Undefined(Arc::new(other.clone())),
    }
}

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InflowError {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("the visitor went away")]
    Gone(#[from] quinn::ReadError),
}

impl std::convert::From<InflowError> for StreamErrorIncoming {
    fn from(error: InflowError) -> Self {
        match error {
            InflowError::Gone(quinn::ReadError::Reset(code)) => Self::StreamTerminated {
                error_code: code.into(),
            },
            InflowError::Gone(quinn::ReadError::ConnectionLost(error)) => {
                Self::ConnectionErrorIncoming {
                    connection_error: lost(&error),
                }
            }
            other => Self::Unknown(Box::new(other)),
        }
    }
}

/// What a visitor sends of one request.
pub(super) struct Inflow {
    stream: quinn::RecvStream,
    frames: Frames,
    over: bool,
    connection: quinn::Connection,
    /// Of all heads of the connection that are not whole.
    heads: Rc<Cell<usize>>,
    /// Of this one.
    head: usize,
}

/// The next of a body.
pub(super) enum Next {
    Data(Bytes),
    /// `h3` reads them.
    Trailers,
    End,
}

impl Inflow {
    /// The next of the body. Before the head was read there is none.
    pub(super) fn poll_body(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Next, InflowError>> {
        Poll::Ready(Ok(match ready!(self.poll_next(context))? {
            Some(Piece::Data(data)) => Next::Data(data),
            Some(Piece::Trailers | Piece::Head(_)) => Next::Trailers,
            None => Next::End,
        }))
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Piece>, InflowError>> {
        loop {
            match self.frames.next() {
                Ok(Some(piece)) => {
                    let counted = self.count(&piece).map(|()| Some(piece));
                    return Poll::Ready(counted.map_err(|broken| self.refuse(broken)));
                }
                Ok(None) => {}
                Err(broken) => return Poll::Ready(Err(self.refuse(broken))),
            }
            if self.over {
                let whole = self.frames.end().map(|()| None);
                return Poll::Ready(whole.map_err(|broken| self.refuse(broken)));
            }
            let mut room = [0; READ];
            match ready!(self.stream.poll_read(context, &mut room)) {
                Ok(0) => self.over = true,
                Ok(size) => self.frames.came(&room[..size]),
                Err(error) => {
                    self.over = true;
                    return Poll::Ready(Err(error.into()));
                }
            }
        }
    }

    /// Counts what waits of heads.
    fn count(&mut self, piece: &Piece) -> Result<(), Broken> {
        if !self.frames.is_in_head() {
            self.head_is_whole();
            return Ok(());
        }
        if let Piece::Head(bytes) = piece {
            self.head += bytes.len();
            self.heads.set(self.heads.get() + bytes.len());
        }
        if self.heads.get() > HEADS {
            return Err(Broken::TooMany);
        }
        Ok(())
    }

    fn head_is_whole(&mut self) {
        let head = std::mem::take(&mut self.head);
        self.heads.set(self.heads.get() - head);
    }

    /// Frames that contradict the protocol end the connection (RFC 9114, 4.1 and 7.1).
    fn refuse(&mut self, broken: Broken) -> InflowError {
        let why = match broken {
            Broken::Unexpected => Code::H3_FRAME_UNEXPECTED,
            Broken::CutOff => Code::H3_FRAME_ERROR,
            Broken::TooLong | Broken::TooMany | Broken::Meaningless => Code::H3_EXCESSIVE_LOAD,
        };
        self.connection
            .close(code(why), broken.to_string().as_bytes());
        broken.into()
    }
}

impl Drop for Inflow {
    /// What was not read is not wanted, and that is no error (RFC 9114, 4.1.1).
    fn drop(&mut self) {
        self.head_is_whole();
        if !self.over {
            let _ = self.stream.stop(code(Code::H3_NO_ERROR));
        }
    }
}

/// A stream as `h3` reads it.
pub(super) struct Inlet {
    id: u64,
    from: From,
}

enum From {
    Request(Rc<RefCell<Inflow>>),
    Other(quinn::RecvStream, Watch, quinn::Connection),
}

impl quic::RecvStream for Inlet {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        match &mut self.from {
            From::Request(inflow) => {
                match ready!(inflow.borrow_mut().poll_next(context))
                    .map_err(StreamErrorIncoming::from)?
                {
                    Some(Piece::Head(bytes)) => Poll::Ready(Ok(Some(bytes))),
                    None => Poll::Ready(Ok(None)),
                    // It is asked for heads alone.
                    Some(Piece::Data(_) | Piece::Trailers) => {
                        Poll::Ready(Err(InflowError::from(Broken::Unexpected).into()))
                    }
                }
            }
            From::Other(stream, watch, connection) => {
                let mut room = [0; READ];
                let size = ready!(stream.poll_read(context, &mut room));
                let size =
                    size.map_err(|error| StreamErrorIncoming::from(InflowError::from(error)))?;
                if let Err(broken) = watch.came(&room[..size]) {
                    connection.close(code(Code::H3_EXCESSIVE_LOAD), broken.to_string().as_bytes());
                    return Poll::Ready(Err(InflowError::from(broken).into()));
                }
                let read = (size > 0).then(|| Bytes::copy_from_slice(&room[..size]));
                Poll::Ready(Ok(read))
            }
        }
    }

    fn stop_sending(&mut self, why: u64) {
        let why = VarInt::from_u64(why).unwrap_or(VarInt::MAX);
        let _ = match &mut self.from {
            From::Request(inflow) => inflow.borrow_mut().stream.stop(why),
            From::Other(stream, ..) => stream.stop(why),
        };
    }

    fn recv_id(&self) -> StreamId {
        stream_id(self.id)
    }
}

fn stream_id(id: u64) -> StreamId {
    StreamId::try_from(id).expect("an id of QUIC")
}

/// A stream as `h3` writes it: given up when nothing of what is due can be sent for a while.
pub(super) struct Outlet {
    stream: quinn::SendStream,
    writing: Option<WriteBuf<Bytes>>,
    patience: Duration,
    /// Made with the first wait.
    alarm: Option<Pin<Box<Sleep>>>,
    waits: bool,
    otherwise: Rc<Cell<Option<Code>>>,
}

impl Outlet {
    fn new(stream: quinn::SendStream, patience: Duration) -> Self {
        Self {
            stream,
            writing: None,
            patience,
            alarm: None,
            waits: false,
            otherwise: Rc::default(),
        }
    }

    /// Whether it was waited for too long. Called when nothing could be written.
    fn is_given_up(&mut self, context: &mut Context<'_>) -> bool {
        let deadline = Instant::now() + self.patience;
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if !self.waits {
            self.waits = true;
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(context).is_ready()
    }
}

/// A visitor takes nothing of its answer.
#[derive(Debug, thiserror::Error)]
#[error("the visitor takes nothing of its answer")]
struct GivenUp;

impl quic::SendStream<Bytes> for Outlet {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(data) = &mut self.writing
            && data.has_remaining()
        {
            match Pin::new(&mut self.stream).poll_write(context, data.chunk()) {
                Poll::Ready(Ok(size)) => {
                    self.waits = false;
                    data.advance(size);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(unsent(error))),
                Poll::Pending if self.is_given_up(context) => {
                    let _ = self.stream.reset(code(Code::H3_REQUEST_CANCELLED));
                    return Poll::Ready(Err(StreamErrorIncoming::Unknown(Box::new(GivenUp))));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        self.writing = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.writing = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let finished = self.stream.finish();
        Poll::Ready(finished.map_err(|error| StreamErrorIncoming::Unknown(Box::new(error))))
    }

    fn reset(&mut self, why: u64) {
        let why = VarInt::from_u64(why).unwrap_or(VarInt::MAX);
        let _ = self.stream.reset(why);
    }

    fn send_id(&self) -> StreamId {
        stream_id(self.stream.id().into())
    }
}

impl Drop for Outlet {
    /// Otherwise quinn ends it as if the answer were whole.
    fn drop(&mut self) {
        if let Some(why) = self.otherwise.get() {
            let _ = self.stream.reset(code(why));
        }
    }
}

fn unsent(error: quinn::WriteError) -> StreamErrorIncoming {
    match error {
        quinn::WriteError::Stopped(code) => StreamErrorIncoming::StreamTerminated {
            error_code: code.into(),
        },
        quinn::WriteError::ConnectionLost(error) => StreamErrorIncoming::ConnectionErrorIncoming {
            connection_error: lost(&error),
        },
        other => StreamErrorIncoming::Unknown(Box::new(other)),
    }
}

/// The two directions of a request.
pub(super) struct Stream(Outlet, Inlet);

impl quic::BidiStream<Bytes> for Stream {
    type SendStream = Outlet;
    type RecvStream = Inlet;

    fn split(self) -> (Outlet, Inlet) {
        (self.0, self.1)
    }
}

impl quic::RecvStream for Stream {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.1.poll_data(context)
    }

    fn stop_sending(&mut self, why: u64) {
        self.1.stop_sending(why);
    }

    fn recv_id(&self) -> StreamId {
        self.1.recv_id()
    }
}

impl quic::SendStream<Bytes> for Stream {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.0.poll_ready(context)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.0.send_data(data)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.0.poll_finish(context)
    }

    fn reset(&mut self, why: u64) {
        self.0.reset(why);
    }

    fn send_id(&self) -> StreamId {
        self.0.send_id()
    }
}
