//! Which answers may be kept (RFC 9111, 3), and what is kept of them.

use std::time::SystemTime;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use tokio::time::Instant;

use crate::cache::Told;
use crate::cache::directives::Directives;
use crate::cache::entry::{self, is_personal};
use crate::cache::life::{Life, Use};
use crate::compress;

/// What a 304 does not change: it speaks of the content that we have.
const OF_THE_CONTENT: [HeaderName; 7] = [
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    HeaderName::from_static("content-md5"),
    header::ETAG,
    header::SET_COOKIE,
    header::AGE,
];

/// When the request went out and the answer came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) asked: Instant,
    pub(crate) came: Instant,
    pub(crate) clock: SystemTime,
}

/// What an answer is kept with.
pub(crate) struct Terms {
    pub(crate) life: Life,
    pub(crate) varies: Vec<(HeaderName, Option<Vec<u8>>)>,
}

/// The terms on which an answer may be kept; `None` where it may not, or need not.
pub(crate) fn terms(
    asked: &HeaderMap,
    status: StatusCode,
    headers: &HeaderMap,
    told: Option<&Told>,
    times: Times,
) -> Option<Terms> {
    let says = Directives::of(headers);
    // RFC 9111, 5.2.2.3: `no-store` is for those who do not understand the status.
    let may_store = if says.must_understand {
        status.canonical_reason().is_some()
    } else {
        !says.no_store
    };
    let is_for_one = says.private
        || !may_store
        || Directives::of(asked).no_store
        // Whoever sets a cookie means one visitor, whatever else it says.
        || headers.contains_key(header::SET_COOKIE)
        // It has no end, and is about the time in which it is sent.
        || compress::is_lasting(headers);
    // RFC 9111, 3.5.
    let is_for_all = says.public || says.must_revalidate || says.s_maxage.is_some();
    if is_for_one || !is_final(status) || (asked.contains_key(header::AUTHORIZATION) && !is_for_all)
    {
        return None;
    }
    let told = told.filter(|_| !is_personal(asked) && lasts_by_itself(status));
    let life = Life::of(headers, told, times.asked, times.came, times.clock)?;
    let mut varies = entry::varies(headers, asked)?;
    if status == StatusCode::PARTIAL_CONTENT {
        // A part is the answer to whoever asks for the same part, and to nobody else.
        varies.extend([header::RANGE, header::IF_RANGE].map(|name| {
            let value = entry::said(asked, &name);
            (name, value)
        }));
    }
    let is_kept = if life.asks_always {
        is_worth_asking(asked, status, headers)
    } else {
        life.now(times.came) != Use::Stale
    };
    is_kept.then_some(Terms { life, varies })
}

/// Whether an answer about which the app wants to be asked each time is kept, to be asked about. Only
/// what was made for nobody: tags of some apps do not tell visitors apart.
fn is_worth_asking(asked: &HeaderMap, status: StatusCode, headers: &HeaderMap) -> bool {
    let has_validator =
        headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED);
    status == StatusCode::OK && has_validator && !is_personal(asked)
}

fn is_final(status: StatusCode) -> bool {
    !status.is_informational() && status != StatusCode::NOT_MODIFIED
}

/// What the manifest may keep without a word of the app's (RFC 9110, 15.1), but for parts.
fn lasts_by_itself(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// The fields that are kept of an answer: its age is counted from now on.
pub(crate) fn kept(headers: &HeaderMap, clock: SystemTime) -> HeaderMap {
    let mut kept = headers.clone();
    kept.remove(header::AGE);
    if !kept.contains_key(header::DATE) {
        let date = HeaderValue::from_str(&httpdate::fmt_http_date(clock));
        kept.extend(date.ok().map(|date| (header::DATE, date)));
    }
    kept
}

/// The fields of an answer of which the app says that it is still the one (RFC 9111, 3.2).
pub(crate) fn freshened(old: &HeaderMap, news: &HeaderMap) -> HeaderMap {
    let mut headers = old.clone();
    headers.remove(header::DATE);
    for name in news.keys() {
        let new = news.get_all(name).into_iter();
        if name == header::AGE || !OF_THE_CONTENT.contains(name) {
            headers.remove(name);
            for value in new {
                headers.append(name, value.clone());
            }
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        map
    }

    fn may(status: u16, asked: &[(&str, &str)], answer: &[(&str, &str)], told: bool) -> bool {
        let now = Instant::now();
        let times = Times {
            asked: now,
            came: now,
            clock: SystemTime::now(),
        };
        let rule = Told {
            fresh: Duration::from_mins(1),
            share: None,
            stale: Duration::ZERO,
        };
        let status = StatusCode::from_u16(status).unwrap();
        let told = told.then_some(&rule);
        terms(&map(asked), status, &map(answer), told, times).is_some()
    }

    #[tokio::test]
    async fn only_what_the_app_allows_is_kept() {
        let cc = |value| [("cache-control", value)];
        assert!(may(200, &[], &cc("max-age=60"), false));
        assert!(may(500, &[], &cc("max-age=60"), false));
        assert!(may(
            200,
            &[],
            &cc("max-age=60, no-store, must-understand"),
            false
        ));
        assert!(!may(599, &[], &cc("max-age=60, must-understand"), false));
        for refused in [
            "no-store, max-age=60",
            "private, max-age=60",
            "no-cache",
            "max-age=0",
            "public",
        ] {
            assert!(!may(200, &[], &cc(refused), false), "{refused}");
        }
        assert!(!may(
            200,
            &[],
            &[("last-modified", "Thu, 01 Jan 1970 00:16:40 GMT")],
            false
        ));
        assert!(!may(200, &cc("no-store"), &cc("max-age=60"), false));
        assert!(may(
            206,
            &[("range", "bytes=0-1")],
            &cc("max-age=60"),
            false
        ));
        assert!(!may(206, &[("range", "bytes=0-1")], &[], true));
        assert!(!may(304, &[], &cc("max-age=60"), false));
        let star = [("cache-control", "max-age=60"), ("vary", "*")];
        assert!(!may(200, &[], &star, false));
        let cookie = [
            ("cache-control", "public, max-age=60"),
            ("set-cookie", "a=b"),
        ];
        assert!(!may(200, &[], &cookie, false));
        let events = [
            ("cache-control", "max-age=60"),
            ("content-type", "Text/Event-Stream; charset=utf-8"),
        ];
        assert!(!may(200, &[], &events, false));
        assert!(!may(200, &[], &events[1..], true));
    }

    #[tokio::test]
    async fn no_cache_is_kept_to_be_asked_about_where_it_was_made_for_nobody() {
        let tagged = [("cache-control", "no-cache"), ("etag", "\"1\"")];
        let dated = [
            ("cache-control", "max-age=60, no-cache"),
            ("last-modified", "Thu, 01 Jan 1970 00:16:40 GMT"),
        ];
        for answer in [tagged, dated] {
            assert!(may(200, &[], &answer, false));
            assert!(may(200, &[], &answer, true));
            assert!(!may(404, &[], &answer, false));
            assert!(!may(200, &[("cookie", "a=b")], &answer, false));
            assert!(!may(
                200,
                &[("authorization", "Basic eDp4")],
                &answer,
                false
            ));
            assert!(!may(200, &[("cache-control", "no-store")], &answer, false));
        }
        let private = [("cache-control", "no-cache, private"), ("etag", "\"1\"")];
        assert!(!may(200, &[], &private, false));
        let session = [
            ("cache-control", "no-cache"),
            ("etag", "\"1\""),
            ("set-cookie", "a=b"),
        ];
        assert!(!may(200, &[], &session, false));
    }

    #[tokio::test]
    async fn a_part_answers_who_asks_for_the_same_part() {
        let now = Instant::now();
        let times = Times {
            asked: now,
            came: now,
            clock: SystemTime::now(),
        };
        let answer = map(&[("cache-control", "max-age=60")]);
        let asked = map(&[("range", "bytes=0-1")]);
        let terms = terms(&asked, StatusCode::PARTIAL_CONTENT, &answer, None, times).unwrap();
        let value = Some(b"bytes=0-1".to_vec());
        assert_eq!(
            terms.varies,
            [(header::RANGE, value), (header::IF_RANGE, None)]
        );
    }

    #[tokio::test]
    async fn what_was_asked_with_authorization_is_kept_only_where_that_is_said() {
        let asked = [("authorization", "Basic eDp4")];
        let cc = |value| [("cache-control", value)];
        assert!(!may(200, &asked, &cc("max-age=60"), false));
        for allowed in [
            "public, max-age=60",
            "max-age=60, must-revalidate",
            "s-maxage=60",
        ] {
            assert!(may(200, &asked, &cc(allowed), false), "{allowed}");
        }
    }

    #[tokio::test]
    async fn the_manifest_keeps_what_the_app_does_not_forbid_and_nobodys_own() {
        assert!(may(200, &[], &[], true));
        assert!(may(404, &[], &[], true));
        assert!(!may(500, &[], &[], true));
        assert!(!may(200, &[("cookie", "a=b")], &[], true));
        assert!(!may(200, &[("authorization", "Basic eDp4")], &[], true));
        assert!(!may(200, &[], &[("set-cookie", "a=b")], true));
        assert!(!may(200, &[], &[("cache-control", "private")], true));
        assert!(!may(200, &[], &[("cache-control", "no-cache")], true));
    }

    #[test]
    fn a_304_renews_all_but_what_is_about_the_content() {
        let old = map(&[
            ("x", "1"),
            ("y", "1"),
            ("etag", "\"1\""),
            ("content-length", "5"),
            ("date", "then"),
        ]);
        let news = map(&[
            ("x", "2"),
            ("x", "3"),
            ("etag", "\"2\""),
            ("content-length", "0"),
            ("age", "7"),
        ]);
        let now = freshened(&old, &news);
        let all: Vec<_> = now.get_all("x").into_iter().collect();
        assert_eq!(all, ["2", "3"]);
        assert_eq!(
            ["y", "etag", "content-length"].map(|name| &now[name]),
            ["1", "\"1\"", "5"]
        );
        assert_eq!(now["age"], "7");
        assert!(!now.contains_key("date"));
    }
}
