//! From an answer on the shelf to the one that a visitor gets: all of it, a part, or the word that
//! the visitor's own is still good.

use std::time::Duration;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Response, StatusCode};
use tokio::time::Instant;

use crate::body::Body;
use crate::cache::entry::Entry;
use crate::compress;
use crate::entity_tag;
use crate::range::{self, Wanted};

/// What a 304 says (RFC 9110, 15.4.5), beside its age.
const KEPT: [HeaderName; 7] = [
    header::CACHE_CONTROL,
    header::CONTENT_LOCATION,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::VARY,
];

/// What is said of the whole, and not of the word that there is no such part (416).
const OF_THE_WHOLE: [HeaderName; 5] = [
    header::AGE,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::EXPIRES,
    HeaderName::from_static("cdn-cache-control"),
];

/// Answers a GET or HEAD.
pub(crate) fn serve(
    entry: &Entry,
    method: &Method,
    asked: &HeaderMap,
    now: Instant,
) -> Response<Body> {
    let age = entry.life.age(now);
    if entry.status == StatusCode::OK && is_known(entry, asked) {
        return not_modified(entry, age);
    }
    let mut response = Response::new(Body::Whole(entry.body.clone()));
    *response.status_mut() = entry.status;
    response.headers_mut().clone_from(&entry.headers);
    let length = entry.body.len();
    let headers = response.headers_mut();
    headers.insert(header::AGE, seconds(age));
    if length > 0 || headers.contains_key(header::CONTENT_LENGTH) {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    if *method == Method::HEAD {
        *response.body_mut() = Body::Empty;
    } else if entry.status == StatusCode::OK {
        cut(entry, asked, &mut response);
    }
    response
}

fn seconds(age: Duration) -> HeaderValue {
    HeaderValue::from(age.as_secs())
}

fn not_modified(entry: &Entry, age: Duration) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    for name in &KEPT {
        for value in entry.headers.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    headers.insert(header::AGE, seconds(age));
    if compress::varies(&entry.headers, Some(entry.body.len() as u64)) {
        compress::vary(headers);
    }
    response
}

/// Whether the visitor has this version (RFC 9110, 13.1.2 and 13.1.3; 9111, 4.3.2).
fn is_known(entry: &Entry, asked: &HeaderMap) -> bool {
    if asked.contains_key(header::IF_NONE_MATCH) {
        let tag = entry.headers.get(header::ETAG);
        let tag = tag.map(|tag| entity_tag::opaque(tag.as_bytes()));
        let mut tags = entity_tag::listed(asked, &header::IF_NONE_MATCH);
        return tags.any(|one| one == b"*" || tag == Some(entity_tag::opaque(one)));
    }
    let date = |headers: &HeaderMap, name: &HeaderName| {
        httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
    };
    let modified = date(&entry.headers, &header::LAST_MODIFIED)
        .or_else(|| date(&entry.headers, &header::DATE));
    match (date(asked, &header::IF_MODIFIED_SINCE), modified) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

/// Cuts a part out, where one is asked for. Several at once are too rare to be cut: all of it is an
/// answer as well (RFC 9110, 14.2).
fn cut(entry: &Entry, asked: &HeaderMap, response: &mut Response<Body>) {
    let length = entry.body.len() as u64;
    let mut fields = asked.get_all(header::RANGE).into_iter();
    let wanted = match (fields.next(), fields.next()) {
        (Some(field), None) if range_counts(entry, asked) => {
            range::wanted(field.to_str().ok(), length)
        }
        _ => Wanted::Whole,
    };
    let (status, content) = match wanted {
        Wanted::Parts(parts) if parts.len() == 1 => {
            let (start, end) = (parts[0].start, parts[0].end);
            let part = usize::try_from(start).ok().zip(usize::try_from(end).ok());
            let Some((from, to)) = part else { return };
            *response.body_mut() = Body::Whole(entry.body.slice(from..to));
            let content = format!("bytes {start}-{}/{length}", end - 1);
            (StatusCode::PARTIAL_CONTENT, content)
        }
        Wanted::Unsatisfiable => {
            *response.body_mut() = Body::Empty;
            let headers = response.headers_mut();
            for name in OF_THE_WHOLE {
                headers.remove(name);
            }
            let never = HeaderValue::from_static("no-store");
            headers.insert(header::CACHE_CONTROL, never);
            (
                StatusCode::RANGE_NOT_SATISFIABLE,
                format!("bytes */{length}"),
            )
        }
        Wanted::Parts(_) | Wanted::Whole => return,
    };
    *response.status_mut() = status;
    let length = hyper::body::Body::size_hint(response.body()).lower();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    let content = HeaderValue::from_str(&content).expect("digits");
    headers.insert(header::CONTENT_RANGE, content);
}

/// Whether a part of this version is wanted (RFC 9110, 13.1.5).
fn range_counts(entry: &Entry, asked: &HeaderMap) -> bool {
    let Some(condition) = asked.get(header::IF_RANGE) else {
        return true;
    };
    let is = |name: &HeaderName| entry.headers.get(name) == Some(condition);
    let is_strong = condition.as_bytes().starts_with(b"\"");
    (is_strong && is(&header::ETAG)) || is(&header::LAST_MODIFIED)
}
