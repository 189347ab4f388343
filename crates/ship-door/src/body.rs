//! Bodies: what a visitor sends on its way to an app, and what we answer.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use crate::app_streams;
use crate::cache::Reader;
use crate::compressed::Compressed;
use crate::file_body::FileBody;
use crate::forward::Errand;
use crate::head;
use crate::http3;
use crate::pace::Pace;
use crate::pool::Link;
use crate::traffic::Tally;

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The visitor's request body is larger than the site allows.
    #[error("the request body is larger than the site allows")]
    TooLarge,
    /// It came more slowly than it may.
    #[error("the request body came too slowly")]
    TooSlow,
    /// The visitor went away or broke the framing.
    #[error("the request body ended before its end")]
    Request(#[source] InboundError),
    /// The visitor's trailers carry fields that only count in a head.
    #[error("the trailers would change how the request is read")]
    Trailers,
    /// The app died, broke the framing, or was cut off when its grace was over.
    #[error("the answer ended before its end")]
    Answer(#[source] std::io::Error),
    /// A file could not be read, or shrank while it was sent.
    #[error("the file could not be read to its end")]
    File(#[source] std::io::Error),
    /// An encoder failed.
    #[error("the answer could not be compressed to its end")]
    Compress(#[source] std::io::Error),
    /// The app broke an answer off that goes to several visitors.
    #[error("the answer ended before its end")]
    Shared,
}

/// A visitor's body as it comes, whatever the visitor speaks.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// None, or it was taken.
    Nothing,
    /// Over HTTP/1 or 2.
    Hyper(Incoming),
    /// Over HTTP/3.
    Http3(Box<http3::Body>),
}

/// Why a visitor's body cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InboundError {
    /// Over HTTP/1 or 2.
    #[error(transparent)]
    Hyper(#[from] hyper::Error),
    /// Over HTTP/3.
    #[error(transparent)]
    Http3(#[from] http3::BodyError),
}

impl Inbound {
    /// The body, of which nothing is left here.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Nothing)
    }
}

impl From<Incoming> for Inbound {
    fn from(incoming: Incoming) -> Self {
        Self::Hyper(incoming)
    }
}

impl hyper::body::Body for Inbound {
    type Data = Bytes;
    type Error = InboundError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InboundError>>> {
        let frame = match self.get_mut() {
            Self::Nothing => None,
            Self::Hyper(body) => ready!(Pin::new(body).poll_frame(context)).map(|frame| Ok(frame?)),
            Self::Http3(body) => ready!(Pin::new(body).poll_frame(context)).map(|frame| Ok(frame?)),
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Hyper(body) => body.is_end_stream(),
            Self::Http3(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Nothing => SizeHint::with_exact(0),
            Self::Hyper(body) => body.size_hint(),
            Self::Http3(body) => body.size_hint(),
        }
    }
}

/// What became of a request body, told to whoever forwards it.
#[derive(Debug)]
pub(crate) struct Progress {
    /// When the last piece went on.
    last: Cell<Instant>,
    outcome: Cell<Outcome>,
}

/// The state of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// On its way, or through.
    Fine,
    /// Beyond the site's limit.
    TooLarge,
    /// Beyond our patience.
    TooSlow,
    /// The visitor went away or broke the framing.
    Broken,
}

impl Progress {
    pub(crate) fn last(&self) -> Instant {
        self.last.get()
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.get()
    }
}

/// A visitor's body on its way to an app, counted against the site's limit.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// None.
    Empty,
    /// Streamed as it comes.
    Streamed {
        incoming: Inbound,
        left: u64,
        pace: Pace,
        progress: Rc<Progress>,
        tally: Arc<Tally>,
    },
}

impl RequestBody {
    pub(crate) fn new(incoming: Inbound, errand: &Errand, pace: Pace) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        let progress = Progress {
            last: Cell::new(Instant::now()),
            outcome: Cell::new(Outcome::Fine),
        };
        Self::Streamed {
            incoming,
            left: errand.body_limit,
            pace,
            progress: Rc::new(progress),
            tally: errand.tally.clone(),
        }
    }

    /// The progress of a body that there is.
    pub(crate) fn progress(&self) -> Option<Rc<Progress>> {
        match self {
            Self::Empty => None,
            Self::Streamed { progress, .. } => Some(progress.clone()),
        }
    }
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self::Streamed {
            incoming,
            left,
            pace,
            progress,
            tally,
        } = self.get_mut()
        else {
            return Poll::Ready(None);
        };
        let frame = match Pin::new(incoming).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending if pace.is_too_slow(context) => {
                progress.outcome.set(Outcome::TooSlow);
                return Poll::Ready(Some(Err(BodyError::TooSlow)));
            }
            Poll::Pending => return Poll::Pending,
        };
        let frame = match frame {
            None => return Poll::Ready(None),
            Some(Ok(frame)) if frame.trailers_ref().is_some_and(head::frames_anew) => {
                progress.outcome.set(Outcome::Broken);
                return Poll::Ready(Some(Err(BodyError::Trailers)));
            }
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                progress.outcome.set(Outcome::Broken);
                return Poll::Ready(Some(Err(BodyError::Request(error))));
            }
        };
        let size = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(rest) = left.checked_sub(size) else {
            progress.outcome.set(Outcome::TooLarge);
            return Poll::Ready(Some(Err(BodyError::TooLarge)));
        };
        *left = rest;
        tally.received(size);
        pace.came(size);
        progress.last.set(Instant::now());
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streamed { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streamed { incoming, .. } => incoming.size_hint(),
        }
    }
}

/// What we answer. No boxes: every kind is known.
#[derive(Debug)]
pub(crate) enum Body {
    /// Nothing.
    Empty,
    /// A page of ours.
    Whole(Bytes),
    /// An app's answer.
    Forwarded(Forwarded),
    /// A file, or parts of it.
    File(Box<FileBody>),
    /// An app's answer that is kept for others as well.
    Shared(Reader),
    /// One of these, compressed on its way.
    Compressed(Box<Compressed>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = self.get_mut();
        match body {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *body = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Forwarded(forwarded) => forwarded.poll_frame(context),
            Self::File(file) => file.poll_frame(context),
            Self::Shared(reader) => reader.poll_frame(context),
            Self::Compressed(compressed) => compressed.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Forwarded(forwarded) => forwarded.is_over(),
            Self::File(file) => file.left() == 0,
            Self::Shared(reader) => reader.is_over(),
            Self::Compressed(compressed) => compressed.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Forwarded(forwarded) => forwarded
                .left()
                .map(SizeHint::with_exact)
                .unwrap_or_default(),
            Self::File(file) => SizeHint::with_exact(file.left()),
            Self::Shared(reader) => reader.left().map(SizeHint::with_exact).unwrap_or_default(),
            Self::Compressed(_) => SizeHint::default(),
        }
    }
}

/// An app's answer on its way to the visitor. At its end a connection goes back to the pool; if the
/// answer is dropped before (the visitor went away), the connection or the stream is closed, and the
/// app sees that.
#[derive(Debug)]
pub(crate) struct Forwarded(Source);

/// Where its content comes from.
#[derive(Debug)]
enum Source {
    /// All of it has come.
    Nowhere,
    Link(Link),
    Stream(Box<app_streams::Answer>),
}

impl Forwarded {
    /// Over a connection of HTTP/1.1.
    pub(crate) fn linked(link: Link) -> Self {
        let mut forwarded = Self(Source::Link(link));
        forwarded.give_back_at_end();
        forwarded
    }

    /// Over a stream of HTTP/2.
    pub(crate) fn streamed(answer: app_streams::Answer) -> Self {
        let mut forwarded = Self(Source::Stream(Box::new(answer)));
        forwarded.give_back_at_end();
        forwarded
    }

    /// Whether its app speaks HTTP/2: a conversation.
    pub(crate) fn is_streamed(&self) -> bool {
        matches!(self.0, Source::Stream(_))
    }

    fn give_back_at_end(&mut self) {
        let is_over = match &self.0 {
            Source::Nowhere => false,
            Source::Link(link) => link.connection.is_over(),
            Source::Stream(answer) => answer.is_over(),
        };
        if is_over && let Source::Link(link) = std::mem::replace(&mut self.0, Source::Nowhere) {
            link.give_back();
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.0, Source::Nowhere)
    }

    fn left(&self) -> Option<u64> {
        match &self.0 {
            Source::Nowhere => Some(0),
            Source::Link(link) => link.connection.left(),
            Source::Stream(answer) => answer.left(),
        }
    }

    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match &mut self.0 {
            Source::Nowhere => return Poll::Ready(None),
            Source::Link(link) => ready!(link.connection.poll_frame(context)),
            Source::Stream(answer) => ready!(answer.poll_frame(context)),
        };
        match frame {
            Ok(mut frame) => {
                self.give_back_at_end();
                if let Some(trailers) = frame.as_mut().and_then(Frame::trailers_mut) {
                    head::strip_trailers(trailers);
                }
                Poll::Ready(frame.map(Ok))
            }
            Err(error) => {
                self.0 = Source::Nowhere;
                Poll::Ready(Some(Err(BodyError::Answer(error))))
            }
        }
    }
}
