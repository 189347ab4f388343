//! Apps that speak HTTP/2 without TLS, as servers of gRPC do (RFC 9113, 3.3): each request is a stream
//! of the one connection that a core has to an instance.
//!
//! hyper speaks. It asks nothing of the kernel for each request here, and what these apps are asked for
//! is seldom the small page that [`app_connection`](crate::app_connection) is made for.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper::{Request, Response, Uri, Version, header};
use hyper_util::rt::TokioIo;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::debug;

use crate::app_connection::AppStream;
use crate::body::RequestBody;
use crate::head::{ForApp, Head};
use crate::instance::InFlight;
use crate::protocol::OnThisCore;

/// Bytes of one answer that may wait for its visitor.
const STREAM_WINDOW: u32 = 256 << 10;
/// The same for all answers of a connection.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// The longest head of an answer: as [`app_connection`](crate::app_connection) takes it.
const LONGEST_HEAD: u32 = 400 << 10;

/// One core's connection to one instance.
#[derive(Debug, Default)]
pub(crate) struct Connection(RefCell<Option<SendRequest<RequestBody>>>);

impl Connection {
    /// The one there is, while the app keeps it open.
    pub(crate) fn open(&self) -> Option<SendRequest<RequestBody>> {
        let open = self.0.borrow();
        open.as_ref().filter(|open| !open.is_closed()).cloned()
    }

    /// On a stream that nothing was written to; it takes the place of what there was.
    pub(crate) async fn begin(&self, stream: AppStream) -> io::Result<SendRequest<RequestBody>> {
        let handshake = http2::Builder::new(OnThisCore)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(LONGEST_HEAD)
            .handshake(TokioIo::new(stream));
        let (requests, connection) = handshake.await.map_err(io::Error::other)?;
        // Ends when the last request is over and this core has another connection, or no table that
        // names the instance.
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection of HTTP/2 to an app ended");
            }
        });
        *self.0.borrow_mut() = Some(requests.clone());
        Ok(requests)
    }
}

/// A request that can be sent as a stream.
#[derive(Debug)]
pub(crate) struct Stream {
    requests: SendRequest<RequestBody>,
    in_flight: InFlight,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The connection was there before: that it ends is no news of the instance.
    pub(crate) reused: bool,
}

/// Why there was no answer.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) error: io::Error,
    /// Not a byte of it has gone to the app.
    pub(crate) unseen: bool,
}

impl Stream {
    pub(crate) fn new(
        requests: SendRequest<RequestBody>,
        in_flight: InFlight,
        reused: bool,
    ) -> Self {
        let cut = in_flight.instance().cut().clone();
        Self {
            requests,
            in_flight,
            cut: Box::pin(cut.cancelled_owned()),
            reused,
        }
    }

    /// Sends, and waits for the head of the answer. The body is taken; that of a request which the app
    /// has not seen is put back.
    pub(crate) async fn ask(
        mut self,
        head: Head<'_>,
        body: &mut RequestBody,
        target: &PathAndQuery,
        fields: &ForApp<'_>,
    ) -> Result<(Response<()>, Answer), Unanswered> {
        let asked = for_app(head, body, target, fields);
        let asked = asked.map_err(|error| Unanswered {
            error,
            unseen: false,
        })?;
        let answered = tokio::select! {
            answered = self.requests.try_send_request(asked) => answered,
            () = self.cut.as_mut() => {
                return Err(Unanswered { error: io::ErrorKind::ConnectionAborted.into(), unseen: false });
            }
        };
        match answered {
            Ok(response) => {
                let (head, incoming) = response.into_parts();
                let answer = Answer {
                    incoming,
                    cut: self.cut,
                    _in_flight: self.in_flight,
                };
                Ok((Response::from_parts(head, ()), answer))
            }
            Err(mut failed) => {
                let unsent = failed.take_message();
                let unseen = unsent.is_some();
                if let Some(unsent) = unsent {
                    *body = unsent.into_body();
                }
                let error = io::Error::other(failed.into_error());
                Err(Unanswered { error, unseen })
            }
        }
    }
}

/// The request as a stream carries it; the body is taken.
fn for_app(
    head: Head<'_>,
    body: &mut RequestBody,
    target: &PathAndQuery,
    fields: &ForApp<'_>,
) -> io::Result<Request<RequestBody>> {
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(fields.marks.written.as_bytes())
        .path_and_query(target.clone())
        .build();
    let mut asked = Request::new(std::mem::replace(body, RequestBody::Empty));
    *asked.method_mut() = head.method.clone();
    *asked.uri_mut() = uri.map_err(io::Error::other)?;
    *asked.headers_mut() = fields.to_map(head.headers);
    Ok(asked)
}

/// The content of an answer, on its way.
#[derive(Debug)]
pub(crate) struct Answer {
    incoming: Incoming,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _in_flight: InFlight,
}

impl Answer {
    /// The next piece, or the trailers.
    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Frame<Bytes>>>> {
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(frame.transpose().map_err(io::Error::other)),
            Poll::Pending if self.cut.as_mut().poll(context).is_ready() => {
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whether all of it was given.
    pub(crate) fn is_over(&self) -> bool {
        self.incoming.is_end_stream()
    }

    /// Bytes still to be given, where that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }
}

/// Whether a request is a call of gRPC: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
/// It is a conversation, in which either side may be silent for long, and has a deadline of its own.
/// Over HTTP/1 there is none, and nobody would notice that the visitor is gone.
pub(crate) fn is_call<B>(request: &Request<B>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let multiplexed = matches!(request.version(), Version::HTTP_2 | Version::HTTP_3);
    multiplexed && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}
