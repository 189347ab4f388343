//! Heads on their way through: what belongs to one connection only, what a visitor must not claim,
//! and what we tell the app.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};

use crate::host::Host;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// How a visitor came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    /// Plain.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// From the name of a listener: `https:443` or anything else.
    pub(crate) fn of_listener(name: &str) -> Self {
        match name.split(':').next() {
            Some("https") => Self::Https,
            _ => Self::Http,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// What the app is told about a visitor's connection; the same for all requests on a connection
/// that name the same host.
#[derive(Debug)]
pub(crate) struct Marks {
    /// The `Host` these are for, as the visitor wrote it.
    pub(crate) written: HeaderValue,
    /// Its canonical name.
    pub(crate) host: String,
    client: HeaderValue,
    proto: HeaderValue,
    port: HeaderValue,
    forwarded: HeaderValue,
    /// That HTTP/3 is spoken at the port of UDP with the number that the visitor knows (RFC 7838).
    pub(crate) alternative: Option<HeaderValue>,
}

/// How long a browser may remember where HTTP/3 is spoken, in seconds: a day, as RFC 7838, 3.1 has it
/// where nothing is said.
const REMEMBERED: u32 = 86_400;

impl Marks {
    pub(crate) fn new(
        written: HeaderValue,
        host: &Host<'_>,
        peer: SocketAddr,
        scheme: Scheme,
    ) -> Self {
        let client = peer.ip().to_canonical();
        let port = host.port.unwrap_or(scheme.port());
        let alternative = || value(&format!("h3=\":{port}\"; ma={REMEMBERED}"));
        Self {
            alternative: (scheme == Scheme::Https).then(alternative),
            client: value(&client.to_string()),
            proto: HeaderValue::from_static(scheme.as_str()),
            port: HeaderValue::from(port),
            forwarded: value(&forwarded(client, &written, scheme)),
            host: host.name.clone().into_owned(),
            // A copy: as it came it is a part of the buffer that its request was read into, and would
            // keep all of it for as long as the connection is open.
            written: HeaderValue::from_bytes(written.as_bytes()).unwrap_or(written),
        }
    }
}

/// RFC 7239: `for=192.0.2.7;host="blog.example";proto=https`.
fn forwarded(client: IpAddr, host: &HeaderValue, scheme: Scheme) -> String {
    let mut out = String::new();
    let _ = match client {
        IpAddr::V4(client) => write!(out, "for={client}"),
        IpAddr::V6(client) => write!(out, "for=\"[{client}]\""),
    };
    let host = host.to_str().unwrap_or_default();
    let _ = write!(out, ";host=\"{host}\";proto={}", scheme.as_str());
    out
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("addresses and checked host names are visible ASCII")
}

/// Makes a visitor's head the app's. `websocket`: the upgrade is passed on.
pub(crate) fn for_app(headers: &mut HeaderMap, marks: &Marks, id: HeaderValue, websocket: bool) {
    let trailers = wants_trailers(headers);
    join_cookies(headers);
    remove_of_connection(headers);
    headers.remove(header::TE);
    // We answer it ourselves, when the app begins to read (RFC 9110, 10.1.1).
    headers.remove(header::EXPECT);
    remove_claims(headers);
    if websocket {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    } else {
        headers.remove(header::UPGRADE);
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.append(header::CONNECTION, HeaderValue::from_static("te"));
    }
    headers.insert(header::HOST, marks.written.clone());
    headers.insert(X_FORWARDED_FOR, marks.client.clone());
    headers.insert(X_FORWARDED_HOST, marks.written.clone());
    headers.insert(X_FORWARDED_PORT, marks.port.clone());
    headers.insert(X_FORWARDED_PROTO, marks.proto.clone());
    headers.insert(header::FORWARDED, marks.forwarded.clone());
    headers.insert(X_REQUEST_ID, id);
}

/// HTTP/2 packs cookies better when each is a field of its own; HTTP/1.1 has one field for all (RFC
/// 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut all = headers.get_all(header::COOKIE).into_iter();
    let (Some(first), Some(second)) = (all.next(), all.next()) else {
        return;
    };
    let mut joined = first.as_bytes().to_vec();
    for cookie in std::iter::once(second).chain(all) {
        joined.extend(b"; ");
        joined.extend(cookie.as_bytes());
    }
    // Visible bytes with more visible bytes between them.
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(header::COOKIE, joined);
    }
}

/// Makes an app's head the visitor's.
pub(crate) fn for_visitor(headers: &mut HeaderMap) {
    remove_of_connection(headers);
    headers.remove(header::UPGRADE);
    // The framing is ours to choose; a length beside a transfer coding never counts (RFC 9112, 6.3).
    if headers.remove(header::TRANSFER_ENCODING).is_some() {
        headers.remove(header::CONTENT_LENGTH);
    }
}

/// Fields that speak of one connection, and those that `Connection` names (RFC 9110, 7.6.1), but
/// none without which the message would be another one.
fn remove_of_connection(headers: &mut HeaderMap) {
    let mut fields = headers.get_all(header::CONNECTION).into_iter();
    match (fields.next(), fields.next()) {
        (None, _) => {}
        (Some(only), None) if names_no_field(only) => drop(headers.remove(header::CONNECTION)),
        _ => {
            remove_named(headers);
            headers.remove(header::CONNECTION);
        }
    }
    headers.remove(KEEP_ALIVE);
    headers.remove(PROXY_CONNECTION);
}

/// What nearly every `Connection` says.
fn names_no_field(connection: &HeaderValue) -> bool {
    let connection = connection.as_bytes();
    connection.eq_ignore_ascii_case(b"keep-alive") || connection.eq_ignore_ascii_case(b"close")
}

fn remove_named(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = tokens(headers, &header::CONNECTION)
        .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
        .filter(|name| !is_essential(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
}

fn is_essential(name: &HeaderName) -> bool {
    [
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONTENT_TYPE,
        header::AUTHORIZATION,
        header::COOKIE,
        header::SET_COOKIE,
        header::CACHE_CONTROL,
        header::UPGRADE,
    ]
    .contains(name)
}

/// The comma-separated words of all fields with this name.
fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn wants_trailers(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TE)
        && tokens(headers, &header::TE).any(|token| token.eq_ignore_ascii_case("trailers"))
}

/// Whether the visitor asks for a WebSocket (RFC 6455, 4.1). No other upgrade is passed on: `h2c`
/// is a known way around a proxy's rules.
pub(crate) fn wants_websocket(headers: &HeaderMap) -> bool {
    let has = |name: &HeaderName, word: &str| {
        tokens(headers, name).any(|token| token.eq_ignore_ascii_case(word))
    };
    headers.contains_key(header::UPGRADE)
        && has(&header::CONNECTION, "upgrade")
        && has(&header::UPGRADE, "websocket")
}

fn remove_claims(headers: &mut HeaderMap) {
    let claims: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_claim(name))
        .cloned()
        .collect();
    for name in claims {
        headers.remove(name);
    }
}

/// What only we may say; names with an underscore, which WSGI cannot tell from a hyphen; and
/// `Proxy`, which CGI-minded programs take for their own setting (httpoxy, CVE-2016-5385).
fn is_claim(name: &HeaderName) -> bool {
    let name = name.as_str();
    match name.as_bytes()[0] {
        b'f' if name == "forwarded" => true,
        b'p' if name == "proxy" => true,
        b'x' => {
            name.starts_with("x-forwarded-")
                || matches!(name, "x-real-ip" | "x-request-id")
                || name.contains('_')
        }
        _ => name.contains('_'),
    }
}

/// Whether trailers carry what frames or routes a message, and may not stand there (RFC 9110,
/// 6.5.1).
pub(crate) fn frames_anew(trailers: &HeaderMap) -> bool {
    let forbidden = [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::HOST,
    ];
    forbidden.iter().any(|name| trailers.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in fields.iter().map(pair) {
            map.append(name, value);
        }
        map
    }

    fn forwarded_as(fields: &[(&str, &str)], peer: &str) -> Vec<String> {
        let written = HeaderValue::from_static("Blog.test:8000");
        let host = crate::host::parse("Blog.test:8000").unwrap();
        let marks = Marks::new(written, &host, peer.parse().unwrap(), Scheme::Https);
        let mut map = map(fields);
        for_app(&mut map, &marks, HeaderValue::from_static("id"), false);
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        let mut lines: Vec<String> = map.iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_visitors_claims_are_replaced_by_what_we_know() {
        let claims = [
            ("host", "Blog.test:8000"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-ssl", "on"),
            ("x-real-ip", "1.1.1.1"),
            ("forwarded", "for=1.1.1.1"),
            ("x_forwarded_for", "1.1.1.1"),
            ("content_length", "3"),
            ("proxy", "http://evil"),
            ("x-request-id", "mine"),
            ("x-own", "kept"),
        ];
        let plain = [
            "forwarded: for=192.0.2.7;host=\"Blog.test:8000\";proto=https",
            "host: Blog.test:8000",
            "x-forwarded-for: 192.0.2.7",
            "x-forwarded-host: Blog.test:8000",
            "x-forwarded-port: 8000",
            "x-forwarded-proto: https",
            "x-own: kept",
            "x-request-id: id",
        ];
        assert_eq!(forwarded_as(&claims, "192.0.2.7:5000"), plain);
        let ipv6 = forwarded_as(&[], "[2001:db8::1]:5000");
        assert_eq!(
            ipv6[0],
            "forwarded: for=\"[2001:db8::1]\";host=\"Blog.test:8000\";proto=https"
        );
    }

    #[test]
    fn what_belongs_to_one_connection_goes_no_further() {
        let lines = forwarded_as(
            &[
                ("connection", "close, x-secret, cookie"),
                ("connection", "x-forwarded-for"),
                ("x-secret", "1"),
                ("cookie", "kept=1"),
                ("keep-alive", "timeout=5"),
                ("proxy-connection", "close"),
                ("upgrade", "h2c"),
                ("expect", "100-continue"),
                ("te", "gzip, trailers"),
            ],
            "192.0.2.7:5000",
        );
        assert!(lines.contains(&"x-forwarded-for: 192.0.2.7".to_owned()));
        assert!(lines.contains(&"cookie: kept=1".to_owned()));
        assert!(lines.contains(&"te: trailers".to_owned()));
        for gone in [
            "x-secret",
            "keep-alive",
            "proxy-connection",
            "upgrade",
            "expect",
        ] {
            assert!(!lines.iter().any(|line| line.starts_with(gone)), "{gone}");
        }
    }

    #[test]
    fn cookies_that_came_apart_reach_the_app_as_one_field() {
        let apart = [("cookie", "a=1"), ("cookie", "b=2; c=3"), ("cookie", "d=4")];
        let lines = forwarded_as(&apart, "192.0.2.7:5000");
        assert!(
            lines.contains(&"cookie: a=1; b=2; c=3; d=4".to_owned()),
            "{lines:?}"
        );
    }

    #[test]
    fn only_websockets_are_upgrades() {
        let asks = |connection, upgrade| {
            wants_websocket(&map(&[("connection", connection), ("upgrade", upgrade)]))
        };
        assert!(asks("keep-alive, Upgrade", "WebSocket"));
        assert!(!asks("keep-alive", "websocket"));
        assert!(!asks("upgrade", "h2c"));
    }

    #[test]
    fn a_length_beside_a_transfer_coding_is_not_passed_on() {
        let mut answer = map(&[("transfer-encoding", "chunked"), ("content-length", "5")]);
        for_visitor(&mut answer);
        assert!(answer.is_empty());
    }
}
