//! Whether an answer is compressed on its way, and what its head says then.

use std::mem;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use crate::accept_encoding::{Accepts, Coding};
use crate::body::Body;
use crate::compressed::Compressed;
use crate::encoder::Encoder;
use crate::room::Room;

/// Below this many bytes an answer fits into one packet either way.
pub(crate) const LEAST: u64 = 1024;

/// An endless stream of events.
const EVENTS: &str = "text/event-stream";

/// Digests of the bytes as the app sent them; changed bytes would make them wrong.
const DIGESTS: [HeaderName; 3] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// What a request says about the coding of its answer.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) accepts: Accepts,
    /// HEAD: the head of the same answer, without it.
    head: bool,
    /// The versions that the visitor has.
    known: Option<HeaderValue>,
}

impl Wish {
    /// Reads a request; nothing is wanted where compressing could tell a secret.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let headers = request.headers();
        let asks = headers.contains_key(header::ACCEPT_ENCODING) && !is_eavesdropped(headers);
        Self {
            accepts: if asks {
                Accepts::of(headers)
            } else {
                Accepts::default()
            },
            head: *request.method() == Method::HEAD,
            known: headers.get(header::IF_NONE_MATCH).cloned(),
        }
    }
}

/// Whether the request may be one of the many by which another site finds out a secret in the
/// answer from its compressed length (BREACH). It takes a visitor's own cookies and a page of
/// somebody else's that asks thousands of times; browsers tell both, and what a visitor clicks on
/// happens once.
fn is_eavesdropped(headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|it| it == value);
    let personal =
        headers.contains_key(header::COOKIE) || headers.contains_key(header::AUTHORIZATION);
    personal && says("sec-fetch-site", "cross-site") && !says("sec-fetch-user", "?1")
}

/// Compresses an answer where the visitor wants it and it is worth it.
pub(crate) fn apply(wish: &Wish, response: &mut Response<Body>, room: &Room) {
    match response.status() {
        StatusCode::NOT_MODIFIED => return same_tag(wish, response.headers_mut()),
        StatusCode::PARTIAL_CONTENT => return same_vary(response.headers_mut()),
        _ => {}
    }
    let length = length(response, wish.head);
    let may = length.is_none_or(|length| length >= LEAST)
        && is_text(response.headers())
        && may_be_coded(response.status(), response.headers());
    if !may {
        return;
    }
    vary(response.headers_mut());
    let Some(coding) = wish.accepts.best(&Coding::QUICKEST) else {
        return;
    };
    if !wish.head {
        let seat = room.seat(is_lasting(response.headers()));
        let (Some(seat), Ok(encoder)) = (seat, Encoder::new(coding, length)) else {
            return;
        };
        let body = mem::replace(response.body_mut(), Body::Empty);
        let compressed = Compressed::new(body, encoder, seat);
        *response.body_mut() = Body::Compressed(Box::new(compressed));
    }
    tell(response.headers_mut(), coding);
}

fn length(response: &Response<Body>, head: bool) -> Option<u64> {
    if !head {
        return hyper::body::Body::size_hint(response.body()).exact();
    }
    let length = response.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn may_be_coded(status: StatusCode, headers: &HeaderMap) -> bool {
    !status.is_informational()
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
        && !headers.contains_key(header::CONTENT_RANGE)
        && may_be_changed(headers)
}

fn may_be_changed(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::CONTENT_ENCODING)
        && !says_no_transform(headers)
        && !DIGESTS.iter().any(|digest| headers.contains_key(digest))
}

/// Whether a 200 with this head, of so many bytes where that is known, is compressed for whoever wants
/// it. Then its parts and its 304 say what it varies by, as it does itself (RFC 9110, 15.3.7 and
/// 15.4.5): a cache on the way would hand them to somebody who has the other version.
pub(crate) fn varies(headers: &HeaderMap, length: Option<u64>) -> bool {
    length.is_none_or(|length| length >= LEAST) && is_text(headers) && may_be_changed(headers)
}

/// A part has the `Vary` that the whole would have.
fn same_vary(headers: &mut HeaderMap) {
    let range = headers.get(header::CONTENT_RANGE);
    let range = range.and_then(|range| range.to_str().ok());
    let whole = range.and_then(|range| range.rsplit_once('/')?.1.parse().ok());
    if varies(headers, whole) {
        vary(headers);
    }
}

fn says_no_transform(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(header::CACHE_CONTROL).into_iter();
    fields.any(|field| {
        let text = field.to_str().unwrap_or_default();
        text.split(',')
            .any(|word| word.trim().eq_ignore_ascii_case("no-transform"))
    })
}

/// The media type without its parameters.
fn kind(headers: &HeaderMap) -> Option<&str> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(kind.split(';').next().unwrap_or(kind).trim())
}

fn is_text(headers: &HeaderMap) -> bool {
    kind(headers).is_some_and(crate::media_type::is_compressible)
}

/// Whether an answer is a stream of events, which has no end.
pub(crate) fn is_lasting(headers: &HeaderMap) -> bool {
    kind(headers).is_some_and(|kind| kind.eq_ignore_ascii_case(EVENTS))
}

/// What a head says of a coded answer: another representation, whose length is not known yet.
fn tell(headers: &mut HeaderMap, coding: Coding) {
    headers.insert(header::CONTENT_ENCODING, coding.value());
    headers.remove(header::CONTENT_LENGTH);
    // Ranges would be of the plain bytes.
    headers.remove(header::ACCEPT_RANGES);
    weaken(headers);
}

/// The same content, other bytes: that is what a weak tag says (RFC 9110, 8.8.1).
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(header::ETAG) else {
        return;
    };
    if tag.as_bytes().starts_with(b"\"") {
        let weak = [b"W/", tag.as_bytes()].concat();
        if let Ok(weak) = HeaderValue::from_bytes(&weak) {
            headers.insert(header::ETAG, weak);
        }
    }
}

/// A 304 has the tag and the `Vary` that the 200 would have (RFC 9110, 15.4.5). Who got the answer
/// coded asks by the weak one.
fn same_tag(wish: &Wish, headers: &mut HeaderMap) {
    if varies(headers, None) {
        vary(headers);
    }
    let (Some(known), Some(tag)) = (&wish.known, headers.get(header::ETAG)) else {
        return;
    };
    let weak = [b"W/", tag.as_bytes()].concat();
    if known
        .as_bytes()
        .windows(weak.len())
        .any(|part| part == weak)
    {
        weaken(headers);
        vary(headers);
    }
}

/// Adds `Accept-Encoding` to `Vary`.
pub(crate) fn vary(headers: &mut HeaderMap) {
    const NAME: HeaderValue = HeaderValue::from_static("Accept-Encoding");
    if !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, NAME);
        return;
    }
    let fields: Vec<_> = headers.get_all(header::VARY).into_iter().collect();
    let fields: Vec<_> = fields.iter().map(|field| field.as_bytes()).collect();
    let joined = fields.join(&b", "[..]);
    let mut words = joined.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    if words.any(|word| word == b"*" || word.eq_ignore_ascii_case(NAME.as_bytes())) {
        return;
    }
    let joined = [joined.as_slice(), b", ", NAME.as_bytes()].concat();
    let value = HeaderValue::from_bytes(&joined).unwrap_or(NAME);
    headers.insert(header::VARY, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varies(fields: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::VARY, field.parse().unwrap());
        }
        vary(&mut headers);
        let all = headers.get_all(header::VARY).into_iter();
        all.map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn vary_is_added_to_what_stands_there() {
        assert_eq!(varies(&[]), ["Accept-Encoding"]);
        assert_eq!(varies(&["Cookie"]), ["Cookie, Accept-Encoding"]);
        assert_eq!(varies(&["a", "b"]), ["a, b, Accept-Encoding"]);
        for there in ["*", "accept-encoding", "Cookie,ACCEPT-ENCODING"] {
            assert_eq!(varies(&[there]), [there]);
        }
    }

    fn wants(fields: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().header("accept-encoding", "br");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        Wish::of(&request.body(()).unwrap()).accepts.any()
    }

    #[test]
    fn a_page_of_somebody_else_cannot_measure_a_visitors_own_answers() {
        let cross = ("sec-fetch-site", "cross-site");
        let cookie = ("cookie", "session=1");
        assert!(!wants(&[cross, cookie]));
        assert!(!wants(&[cross, ("authorization", "Basic eDp4")]));
        assert!(wants(&[cross]), "nobody's answer");
        assert!(wants(&[cookie]), "an old browser, or a program");
        assert!(wants(&[cookie, ("sec-fetch-site", "same-origin")]));
        assert!(wants(&[cross, cookie, ("sec-fetch-user", "?1")]), "a click");
    }
}
