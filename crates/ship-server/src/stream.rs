//! Answers that go on: one JSON object a line, as long as the caller listens.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame};
use hyper::{Response, header};
use serde::Serialize;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

use crate::body::Body;

/// Where a stream's objects come from.
pub(crate) trait Source: Send + 'static {
    /// What comes.
    type Item: Serialize;
    /// The next one; `None` at the end.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Self::Item>>;
}

impl<T: Serialize + Send + 'static> Source for UnboundedReceiver<T> {
    type Item = T;
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(context)
    }
}

impl<T: Serialize + Send + 'static> Source for Receiver<T> {
    type Item = T;
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(context)
    }
}

/// A response that streams `source`.
pub(crate) fn response(source: impl Source + Unpin) -> Response<Body> {
    let mut response = Response::new(Lines(source).boxed_unsync());
    let kind = header::HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

struct Lines<S>(S);

impl<S: Source + Unpin> HttpBody for Lines<S> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_next(context).map(|next| {
            let mut line = serde_json::to_vec(&next?).unwrap_or_default();
            line.push(b'\n');
            Some(Ok(Frame::data(line.into())))
        })
    }
}
