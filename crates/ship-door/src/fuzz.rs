//! What our readers promise of any bytes; driven by `ship_test::fuzz` and by `cargo xtask fuzz`.
//!
//! The targets are sorted by name. Those that need what only their folder sees are there.

use std::net::Ipv4Addr;
use std::path::{Component, Path};
use std::time::{Duration, UNIX_EPOCH};

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};

use crate::accept_encoding::{Accepts, Coding};
use crate::basic_auth::BasicAuth;
use crate::cache::directives::{Directives, LONGEST};
use crate::conditional::{Validators, Verdict};
use crate::entity_tag;
use crate::range::{Wanted, wanted};
use crate::table;
use crate::websocket::Frames;
use crate::{app_connection, error_page, framing, host, http3, path, tls};

/// The name of one, and what reads the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// By name, sorted.
pub const TARGETS: &[Target] = &[
    ("door-accept-encoding", accept_encoding),
    ("door-app-answer", app_connection::fuzz::answers),
    ("door-basic-auth", basic_auth),
    ("door-cache-control", cache_control),
    ("door-certificate", tls::fuzz::certificate),
    ("door-conditions", conditions),
    ("door-connection", framing::fuzz::connection),
    ("door-entity-tags", entity_tags),
    ("door-error-page", error_page::fuzz::page),
    ("door-framing", framing::fuzz::pieces),
    ("door-host", hosts),
    ("door-http3-control", http3::fuzz::control),
    ("door-http3-request", http3::fuzz::request),
    ("door-path", paths),
    ("door-range", range),
    ("door-websocket", websocket),
];

/// Lines as the fields of one name; `None` where one cannot be a field.
fn fields(name: &HeaderName, bytes: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        headers.append(name, HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}

/// What was not named, or named with a weight of nothing, is not sent.
fn accept_encoding(bytes: &[u8]) {
    let Some(headers) = fields(&header::ACCEPT_ENCODING, bytes) else {
        return;
    };
    let accepts = Accepts::of(&headers);
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    for offered in [&Coding::QUICKEST[..], &Coding::SMALLEST, &[Coding::Gzip]] {
        if let Some(coding) = accepts.best(offered) {
            assert!(offered.contains(&coding));
            assert!(text.contains(coding.token()) || text.contains('*'));
            let mut headers = headers.clone();
            let refusal = format!("{};q=0", coding.token());
            headers.append(header::ACCEPT_ENCODING, refusal.parse().expect("a field"));
            assert_eq!(Accepts::of(&headers).best(&[coding]), None);
        }
    }
}

/// Nobody comes in but with the one field that says it.
fn basic_auth(bytes: &[u8]) {
    let Some(headers) = fields(&header::AUTHORIZATION, bytes) else {
        return;
    };
    let auth = BasicAuth::new(&table::BasicAuth {
        realm: "shop".to_owned(),
        users: vec![table::credential("shop", "ana:secret")],
    });
    let auth = auth.expect("a realm that can stand in a field");
    let came_in = auth.check(Ipv4Addr::LOCALHOST.into(), &headers).is_ok();
    let words: Vec<&[u8]> = bytes.splitn(2, |byte| *byte == b' ').collect();
    let right = words.len() == 2
        && words[0].eq_ignore_ascii_case(b"basic")
        && words[1].trim_ascii() == b"YW5hOnNlY3JldA==";
    assert!(!came_in || right);
}

/// No time is longer than there is, and one more field never makes an answer younger.
fn cache_control(bytes: &[u8]) {
    let Some(mut headers) = fields(&header::CACHE_CONTROL, bytes) else {
        return;
    };
    let read = Directives::of(&headers);
    for time in [
        read.max_age,
        read.s_maxage,
        read.stale_while_revalidate,
        read.stale_if_error,
    ] {
        assert!(time.is_none_or(|time| time <= LONGEST));
    }
    let last = HeaderValue::from_static("no-store, max-age=5, private");
    headers.append(header::CACHE_CONTROL, last);
    let later = Directives::of(&headers);
    assert!(later.no_store && later.private);
    assert_eq!(later.max_age, Some(read.max_age.unwrap_or(5).min(5)));
    assert_eq!(later.no_cache, read.no_cache);
}

/// `kind` and then the value of a condition: a copy that was not named is never taken for the file.
fn conditions(bytes: &[u8]) {
    let Some((kind, value)) = bytes.split_first() else {
        return;
    };
    let kinds = [
        header::IF_NONE_MATCH,
        header::IF_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_UNMODIFIED_SINCE,
        header::IF_RANGE,
    ];
    let name = kinds[usize::from(*kind) % kinds.len()].clone();
    let Some(headers) = fields(&name, value) else {
        return;
    };
    let file = Validators::new(10, 1_000_000_000_000, 5, 7);
    let text = String::from_utf8_lossy(value);
    let named = entity_tag::listed(&headers, &name)
        .any(|tag| tag == b"*" || entity_tag::opaque(tag) == file.etag.as_bytes());
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let verdict = file.judge(&headers);
    if name == header::IF_NONE_MATCH && !named {
        assert_eq!(verdict, Verdict::Send);
    }
    if name == header::IF_MATCH && !named {
        assert_eq!(verdict, Verdict::Failed);
    }
    if name == header::IF_MODIFIED_SINCE && verdict == Verdict::NotModified {
        let first = text.lines().next().and_then(date).expect("a date");
        assert!(first >= UNIX_EPOCH + Duration::from_secs(1000));
    }
    if name == header::IF_RANGE && file.range_counts(&headers) {
        assert!(named || text.lines().next().and_then(date).is_some());
    }
}

/// Tags stand in their list, one after the other; joined again, and with one more, they are the same.
fn entity_tags(bytes: &[u8]) {
    let Some(headers) = fields(&header::IF_MATCH, bytes) else {
        return;
    };
    let tags: Vec<&[u8]> = entity_tag::listed(&headers, &header::IF_MATCH).collect();
    let mut rest = bytes;
    for tag in &tags {
        assert!(!tag.is_empty() && tag.trim_ascii() == *tag);
        let at = rest.windows(tag.len()).position(|part| part == *tag);
        rest = &rest[at.expect("a tag is a part of its list") + tag.len()..];
    }
    let is_closed = |tag: &&[u8]| !tag.split(|byte| *byte == b'"').count().is_multiple_of(2);
    let mut closed: Vec<&[u8]> = tags;
    closed.retain(is_closed);
    closed.push(b"W/\"a,b\"");
    let joined = closed.join(&b", "[..]);
    let again = fields(&header::IF_MATCH, &joined).expect("parts of fields are one");
    assert!(entity_tag::listed(&again, &header::IF_MATCH).eq(closed));
}

/// A name has one form, and nothing in it that could lead anywhere else.
fn hosts(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let Some(host) = host::parse(text) else {
        return;
    };
    let again = host::parse(&host.name).expect("a name is a host");
    assert_eq!((&again.name, again.port), (&host.name, None), "{text}");
    assert!(!host.name.contains(['/', '@', '?', '#', ' ', '\\', '%']));
    assert!(!host.name.bytes().any(|byte| byte.is_ascii_uppercase()));
    let written = match host.port {
        Some(port) => format!("{}:{port}", host.name),
        None => host.name.clone().into_owned(),
    };
    assert_eq!(host::parse(&written), Some(host));
}

/// A canonical path has one spelling, stays below its root, and stands for the same bytes.
fn paths(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let _ = path::decode(text);
    let Ok(canonical) = path::canonical(text) else {
        return;
    };
    assert!(canonical.starts_with('/') && canonical.is_ascii());
    assert_eq!(path::canonical(&canonical).as_deref(), Ok(&*canonical));
    let decoded = path::decode(&canonical);
    assert!(!decoded.contains(&0) && !decoded.contains(&b'\\'));
    let slashes = |text: &[u8]| text.split(|byte| *byte == b'/').count();
    assert_eq!(slashes(&decoded), slashes(canonical.as_bytes()));
    let decoded = String::from_utf8_lossy(&decoded);
    let below = Path::new(decoded.trim_start_matches('/'));
    assert!(
        below
            .components()
            .all(|part| matches!(part, Component::Normal(_))),
        "{text} is {canonical}"
    );
}

/// The first two bytes are the length of a file: parts lie in it, and are not many.
fn range(bytes: &[u8]) {
    let Some((length, field)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let length = u64::from(u16::from_be_bytes(*length));
    let Ok(field) = str::from_utf8(field) else {
        return;
    };
    for length in [0, length, u64::MAX] {
        if let Wanted::Parts(parts) = wanted(Some(field), length) {
            assert!((1..=8).contains(&parts.len()));
            assert!(parts.iter().all(|part| part.start < part.end));
            assert!(parts.iter().all(|part| part.end <= length));
            assert!(parts.len() <= field.matches(',').count() + 1);
        }
    }
}

/// The first byte is how many come at once: where frames end does not depend on it.
fn websocket(bytes: &[u8]) {
    let Some((step, stream)) = bytes.split_first() else {
        return;
    };
    let ends = |step: usize| {
        let mut frames = Frames::default();
        let (mut ends, mut at) = (Vec::new(), 0);
        for piece in stream.chunks(step) {
            let mut rest = piece;
            while !rest.is_empty() {
                let taken = frames.follow_one(rest);
                assert!((1..=rest.len()).contains(&taken));
                rest = &rest[taken..];
                at += taken;
                if frames.at_boundary() {
                    ends.push(at);
                }
            }
        }
        (ends, frames.closing)
    };
    let whole = ends(stream.len().max(1));
    assert_eq!(ends(usize::from(*step).max(1)), whole);
    let mut frames = Frames::default();
    frames.follow(stream);
    assert_eq!(frames.closing, whole.1);
    let last = whole.0.last().copied().unwrap_or_default();
    assert_eq!(frames.at_boundary(), last == stream.len());
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_reader_keeps_its_promise_whatever_it_reads() {
        ship_test::fuzz::hold(super::TARGETS);
    }
}
