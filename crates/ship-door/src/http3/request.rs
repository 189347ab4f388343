//! One request over HTTP/3: read, held against the rules of HTTP/3, answered by the stack, sent.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::time::SystemTime;

use bytes::Bytes;
use h3::error::{Code, StreamError};
use h3::server::{RequestResolver, RequestStream};
use hyper::body::Body as _;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tracing::debug;

use super::body::Body;
use super::transport::{Exchange, Outlet, Transport};
use crate::body::Inbound;
use crate::stack;
use crate::tracked::Tracked;
use crate::visit::{Busy, Visit};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With an answer, or broken off by us.
    Answered,
    /// Before its answer began, by the visitor.
    TakenBack,
}

type Send = RequestStream<Outlet, Bytes>;

/// Fields that speak of one connection, which HTTP/3 has none for (RFC 9114, 4.2).
const OF_CONNECTION: [HeaderName; 5] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Answers the request that `resolver` reads.
pub(super) async fn answer(
    visit: &Rc<Visit>,
    resolver: RequestResolver<Transport, Bytes>,
    mut exchange: Exchange,
) -> End {
    let _busy = Busy::new(visit);
    let (mut request, mut send) = match read_in_time(visit, resolver, &exchange).await {
        Ok(read) => read,
        Err(end) => return end,
    };
    // Until the answer is whole.
    exchange.otherwise.set(Some(Code::H3_REQUEST_CANCELLED));
    let without_body = *request.method() == Method::HEAD;
    let response = tokio::select! {
        response = stack::answer(visit, &mut request) => response,
        () = exchange.over.as_mut() => return End::TakenBack,
    };
    let sent = tokio::select! {
        sent = transmit(response, without_body, &mut send) => sent,
        () = exchange.over.as_mut() => return End::Answered,
    };
    match sent {
        Ok(()) => {
            exchange.otherwise.set(None);
            // It is over when the visitor has all of it: what waits for requests must not end the
            // connection before.
            let patience = visit.core.setting.limits.read_patience;
            let _ = tokio::time::timeout(patience, exchange.over).await;
        }
        Err(why) => {
            debug!(peer = %visit.peer, why, "an answer was broken off");
            exchange.otherwise.set(Some(Code::H3_INTERNAL_ERROR));
        }
    }
    End::Answered
}

/// Reads a head in the time that it has; without one, how the request ended.
async fn read_in_time(
    visit: &Visit,
    resolver: RequestResolver<Transport, Bytes>,
    exchange: &Exchange,
) -> Result<(Request<Inbound>, Send), End> {
    let mut reading = std::pin::pin!(read(resolver, exchange));
    let within = visit.core.setting.limits.head_time;
    match tokio::time::timeout(within, reading.as_mut()).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(Unread::Answered)) => Err(End::Answered),
        Ok(Err(Unread::Gone)) => Err(End::TakenBack),
        Ok(Err(Unread::Malformed(why))) => {
            debug!(peer = %visit.peer, why, "a malformed request");
            Err(End::TakenBack)
        }
        Err(_) => {
            debug!(peer = %visit.peer, "a head took too long");
            // The stream is in what is dropped with `reading`.
            exchange.otherwise.set(Some(Code::H3_REQUEST_INCOMPLETE));
            Err(End::TakenBack)
        }
    }
}

/// Why there is no request.
enum Unread {
    /// Its head was too long, and it was told so.
    Answered,
    Gone,
    /// RFC 9114, 4.1.2.
    Malformed(&'static str),
}

async fn read(
    resolver: RequestResolver<Transport, Bytes>,
    exchange: &Exchange,
) -> Result<(Request<Inbound>, Send), Unread> {
    let (request, stream) = match resolver.resolve_request().await {
        Ok(resolved) => resolved,
        Err(StreamError::HeaderTooBig { .. }) => return Err(Unread::Answered),
        Err(_) => return Err(Unread::Gone),
    };
    exchange.otherwise.set(Some(Code::H3_MESSAGE_ERROR));
    let (send, receive) = stream.split();
    let length = check(request.headers()).map_err(Unread::Malformed)?;
    let mut body = Body::new(exchange.inflow.clone(), receive, length);
    let malformed = |_| Unread::Malformed("the body is not as long as its head says");
    if length.is_none_or(|length| length == 0) && is_usually_empty(request.method()) {
        poll_fn(|context| body.poll_first(context))
            .await
            .map_err(malformed)?;
    } else {
        // Not waited for: who sends a stream may want an answer before its first byte.
        poll_fn(|context| {
            let first = body.poll_first(context);
            std::task::Poll::Ready(match first {
                std::task::Poll::Ready(first) => first,
                std::task::Poll::Pending => Ok(()),
            })
        })
        .await
        .map_err(malformed)?;
    }
    let body = Inbound::Http3(Box::new(body));
    Ok((request.map(|()| body), send))
}

/// Requests of these methods end with their head, and are treated differently when they do not.
fn is_usually_empty(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE
    )
}

/// What would be read differently by somebody behind us; gives the length of the body.
fn check(headers: &HeaderMap) -> Result<Option<u64>, &'static str> {
    if OF_CONNECTION.iter().any(|name| headers.contains_key(name)) {
        return Err("a field speaks of the connection");
    }
    let mut te = headers.get_all(header::TE).into_iter();
    if !te.all(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers")) {
        return Err("`TE` is something else than `trailers`");
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).into_iter();
    let length = match (lengths.next(), lengths.next()) {
        (None, _) => return Ok(None),
        (Some(length), None) => length.to_str().ok(),
        (Some(_), Some(_)) => return Err("there is more than one length"),
    };
    let length = length.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match length.and_then(|digits| digits.parse().ok()) {
        Some(length) => Ok(Some(length)),
        None => Err("the length is not a number"),
    }
}

/// Sends an answer to its end.
async fn transmit(
    response: Response<Tracked>,
    without_body: bool,
    send: &mut Send,
) -> Result<(), String> {
    let (mut parts, mut body) = response.into_parts();
    let without_body = without_body
        || matches!(
            parts.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    complete(&mut parts.headers, &body, without_body);
    let head = Response::from_parts(parts, ());
    send.send_response(head).await.map_err(in_words)?;
    if without_body {
        return send.finish().await.map_err(in_words);
    }
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| ship_base::hint::chain(&error))?;
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => send.send_data(data).await.map_err(in_words)?,
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    send.send_trailers(trailers).await.map_err(in_words)?;
                }
            }
        }
    }
    send.finish().await.map_err(in_words)
}

fn in_words(error: StreamError) -> String {
    error.to_string()
}

/// What hyper says for the other protocols: when the answer was made, and how long it is.
fn complete(headers: &mut HeaderMap, body: &Tracked, without_body: bool) {
    if let header::Entry::Vacant(entry) = headers.entry(header::DATE)
        && let Ok(now) = HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now()))
    {
        entry.insert(now);
    }
    if let Some(length) = body.size_hint().exact().filter(|_| !without_body)
        && let header::Entry::Vacant(entry) = headers.entry(header::CONTENT_LENGTH)
    {
        entry.insert(length.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(fields: &[(&'static str, &'static str)]) -> Result<Option<u64>, &'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        check(&headers)
    }

    #[test]
    fn what_speaks_of_a_connection_is_malformed() {
        for field in [
            ("connection", "close"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("te", "gzip"),
        ] {
            assert!(checked(&[field]).is_err(), "{field:?}");
        }
        assert_eq!(checked(&[("te", "trailers")]), Ok(None));
    }

    #[test]
    fn there_is_one_length_and_it_is_a_number() {
        let length = |value| checked(&[("content-length", value)]);
        assert_eq!(length("10"), Ok(Some(10)));
        for wrong in ["", "+1", "-1", "1,1", "1 ", "0x1", "99999999999999999999"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
        let two = [("content-length", "1"), ("content-length", "1")];
        assert!(checked(&two).is_err());
    }
}
