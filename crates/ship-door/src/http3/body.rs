//! A visitor's body over HTTP/3.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h3::server::RequestStream;
use hyper::HeaderMap;
use hyper::body::{Frame, SizeHint};

use super::transport::{Inflow, InflowError, Inlet, Next};

/// See the module.
pub(crate) struct Body {
    inflow: Rc<RefCell<Inflow>>,
    /// `h3`, which can read trailers.
    trailers: RequestStream<Inlet, Bytes>,
    /// What `Content-Length` says is to come.
    left: Option<u64>,
    /// Read before anybody asked.
    first: Option<Bytes>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Content,
    Trailers,
    Over,
}

/// Why a body cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the request cannot be read")]
    Inflow(#[from] InflowError),
    #[error("the trailers cannot be read: {0}")]
    Trailers(String),
    /// RFC 9114, 4.1.2.
    #[error("the body is not as long as its head says")]
    Length,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (left, state) = (&self.left, &self.state);
        f.debug_struct("Body")
            .field("left", left)
            .field("state", state)
            .finish_non_exhaustive()
    }
}

impl Body {
    pub(super) fn new(
        inflow: Rc<RefCell<Inflow>>,
        trailers: RequestStream<Inlet, Bytes>,
        length: Option<u64>,
    ) -> Self {
        Self {
            inflow,
            trailers,
            left: length,
            first: None,
            state: State::Content,
        }
    }

    /// Reads until it is known whether there is a body at all: HTTP/3 says so only by the end of the
    /// stream.
    pub(super) fn poll_first(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        if self.first.is_some() || self.state != State::Content {
            return Poll::Ready(Ok(()));
        }
        self.first = ready!(self.poll_content(context))?;
        Poll::Ready(Ok(()))
    }

    /// The next of the content, held against the length.
    fn poll_content(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, BodyError>> {
        let next = ready!(self.inflow.borrow_mut().poll_body(context));
        Poll::Ready(match next? {
            Next::Data(data) => {
                self.left = match self.left {
                    Some(left) => Some(
                        left.checked_sub(data.len() as u64)
                            .ok_or(BodyError::Length)?,
                    ),
                    None => None,
                };
                Ok(Some(data))
            }
            Next::Trailers | Next::End if self.left.is_some_and(|left| left > 0) => {
                Err(BodyError::Length)
            }
            Next::Trailers => {
                self.state = State::Trailers;
                Ok(None)
            }
            Next::End => {
                self.state = State::Over;
                Ok(None)
            }
        })
    }

    fn poll_trailers(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<HeaderMap>, BodyError>> {
        let trailers = ready!(self.trailers.poll_recv_trailers(context));
        self.state = State::Over;
        Poll::Ready(trailers.map_err(|error| BodyError::Trailers(error.to_string())))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if self.state == State::Content
            && let Some(data) = ready!(self.poll_content(context)).transpose()
        {
            return Poll::Ready(Some(data.map(Frame::data)));
        }
        if self.state == State::Trailers {
            let trailers = ready!(self.poll_trailers(context)).transpose();
            return Poll::Ready(trailers.map(|trailers| trailers.map(Frame::trailers)));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.state == State::Over
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |first| first.len() as u64);
        match (self.state, self.left) {
            (State::Over, _) => SizeHint::with_exact(first),
            (_, Some(left)) => SizeHint::with_exact(left + first),
            (_, None) => SizeHint::default(),
        }
    }
}
