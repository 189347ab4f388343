//! Heads on their way through: what belongs to one connection only, what a visitor must not claim,
//! and what we tell the app.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut as _, BytesMut};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};

use crate::host::Host;

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
    /// The fields that say so, as they are written.
    fields: Box<str>,
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
            fields: fields(client, &written, port, scheme).into(),
            host: host.name.clone().into_owned(),
            // A copy: as it came it is a part of the buffer that its request was read into, and would
            // keep all of it for as long as the connection is open.
            written: HeaderValue::from_bytes(written.as_bytes()).unwrap_or(written),
        }
    }
}

/// `Host`, and in two languages who asked for it.
fn fields(client: IpAddr, host: &HeaderValue, port: u16, scheme: Scheme) -> String {
    let forwarded = forwarded(client, host, scheme);
    let host = host.to_str().unwrap_or_default();
    let proto = scheme.as_str();
    format!(
        "host: {host}\r\nx-forwarded-for: {client}\r\nx-forwarded-host: {host}\r\n\
         x-forwarded-port: {port}\r\nx-forwarded-proto: {proto}\r\nforwarded: {forwarded}\r\n"
    )
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

/// What of a visitor's head goes to an app, beside the target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'r> {
    pub(crate) method: &'r Method,
    pub(crate) headers: &'r HeaderMap,
}

/// The fields of a request as its app reads them, written from those of a visitor where they lie.
pub(crate) struct ForApp<'r> {
    pub(crate) marks: &'r Marks,
    pub(crate) id: &'r HeaderValue,
    /// What was taken off the path: `X-Forwarded-Prefix`, as Traefik and Caddy name it and Werkzeug's
    /// `ProxyFix` reads it.
    pub(crate) prefix: Option<&'r HeaderValue>,
    /// The upgrade is passed on.
    pub(crate) websocket: bool,
}

impl ForApp<'_> {
    /// Writes all but what frames the body, which is for whoever sends it to say.
    pub(crate) fn write(&self, visitors: &HeaderMap, head: &mut BytesMut) {
        head.put_slice(self.marks.fields.as_bytes());
        write(head, "x-request-id", self.id.as_bytes());
        if let Some(prefix) = self.prefix {
            write(head, "x-forwarded-prefix", prefix.as_bytes());
        }
        match (self.websocket, wants_trailers(visitors)) {
            (false, false) => {}
            (false, true) => head.put_slice(b"connection: te\r\nte: trailers\r\n"),
            (true, false) => head.put_slice(b"connection: upgrade\r\nupgrade: websocket\r\n"),
            (true, true) => {
                head.put_slice(
                    b"connection: upgrade, te\r\nupgrade: websocket\r\nte: trailers\r\n",
                );
            }
        }
        let named = named(visitors);
        let mut cookies = Vec::new();
        for (name, value) in visitors {
            if ends_here(name) || is_claim(name) || named.contains(name) {
                continue;
            }
            if name == header::COOKIE {
                cookies.push(value);
                continue;
            }
            write(head, name.as_str(), value.as_bytes());
        }
        // HTTP/2 packs cookies better when each is a field of its own; HTTP/1.1 has one field for all
        // (RFC 9113, 8.2.3).
        for (at, cookie) in cookies.iter().enumerate() {
            head.reserve(cookie.len() + 12);
            head.put_slice(if at == 0 { b"cookie: " } else { b"; " });
            head.put_slice(cookie.as_bytes());
        }
        if !cookies.is_empty() {
            head.put_slice(b"\r\n");
        }
    }

    /// The same for an app that speaks HTTP/2, without what belongs to a connection of HTTP/1.1 (RFC
    /// 9113, 8.2.2) or is a part of the target there.
    pub(crate) fn to_map(&self, visitors: &HeaderMap) -> HeaderMap {
        let mut head = BytesMut::with_capacity(1024);
        self.write(visitors, &mut head);
        let mut map = HeaderMap::with_capacity(visitors.len() + 8);
        for line in head.as_ref().split(|byte: &u8| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                continue;
            };
            let name = HeaderName::from_bytes(&line[..colon]);
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii_start());
            if let (Ok(name), Ok(value)) = (name, value)
                && ![header::HOST, header::CONNECTION, header::UPGRADE].contains(&name)
            {
                map.append(name, value);
            }
        }
        map
    }
}

/// Writes one field line.
pub(crate) fn write(head: &mut BytesMut, name: &str, value: &[u8]) {
    head.reserve(name.len() + value.len() + 4);
    head.put_slice(name.as_bytes());
    head.put_slice(b": ");
    head.put_slice(value);
    head.put_slice(b"\r\n");
}

/// What a visitor says of its own connection, of the framing of its body, and what we say ourselves.
fn ends_here(name: &HeaderName) -> bool {
    match name.as_str().len() {
        2 => name == header::TE,
        4 => name == header::HOST,
        // We answer an `Expect` ourselves, when the app begins to read (RFC 9110, 10.1.1).
        6 => name == header::EXPECT,
        7 => name == header::UPGRADE,
        10 => name == header::CONNECTION || *name == KEEP_ALIVE,
        14 => name == header::CONTENT_LENGTH,
        16 => *name == PROXY_CONNECTION,
        17 => name == header::TRANSFER_ENCODING,
        _ => false,
    }
}

/// Makes an app's head the visitor's.
pub(crate) fn for_visitor(headers: &mut HeaderMap) {
    // Most have nothing that ends here; a look at each name costs less than to ask for six.
    let ends_here = |name: &HeaderName| ends_here(name) && name != header::CONTENT_LENGTH;
    if !headers.keys().any(ends_here) {
        return;
    }
    remove_of_connection(headers);
    headers.remove(header::UPGRADE);
    // The framing is ours to choose; a length beside a transfer coding never counts (RFC 9112, 6.3).
    if headers.remove(header::TRANSFER_ENCODING).is_some() {
        headers.remove(header::CONTENT_LENGTH);
    }
}

/// Fields that speak of one connection, and those that `Connection` names.
fn remove_of_connection(headers: &mut HeaderMap) {
    for name in named(headers) {
        headers.remove(name);
    }
    headers.remove(header::CONNECTION);
    headers.remove(KEEP_ALIVE);
    headers.remove(PROXY_CONNECTION);
}

/// What `Connection` names (RFC 9110, 7.6.1), but nothing without which the message would be another
/// one.
fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    let fields = headers.get_all(header::CONNECTION).into_iter();
    let words = fields
        .filter(|field| !names_no_field(field.as_bytes()))
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','));
    words
        .filter_map(|word| HeaderName::from_bytes(word.trim().as_bytes()).ok())
        .filter(|name| !is_essential(name))
        .collect()
}

/// What nearly every `Connection` says.
pub(crate) fn names_no_field(connection: &[u8]) -> bool {
    connection.eq_ignore_ascii_case(b"keep-alive") || connection.eq_ignore_ascii_case(b"close")
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

/// Takes from an app's trailers what may not stand there: fields that frame, route, sign in, set
/// cookies, or say how an answer is to be read or kept (RFC 9110, 6.5.1). Over HTTP/1 only those go
/// on that the head has announced; HTTP/2 and 3 know no such word.
pub(crate) fn strip_trailers(trailers: &mut HeaderMap) {
    const NAMES: [HeaderName; 20] = [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::HOST,
        header::CONNECTION,
        header::UPGRADE,
        header::TE,
        header::TRAILER,
        header::SET_COOKIE,
        header::WWW_AUTHENTICATE,
        header::PROXY_AUTHENTICATE,
        header::CONTENT_ENCODING,
        header::CONTENT_TYPE,
        header::CONTENT_RANGE,
        header::CACHE_CONTROL,
        header::AGE,
        header::EXPIRES,
        header::VARY,
        header::LOCATION,
        header::RETRY_AFTER,
        header::STRICT_TRANSPORT_SECURITY,
    ];
    for name in NAMES {
        trailers.remove(name);
    }
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
        let id = HeaderValue::from_static("id");
        let for_app = ForApp {
            marks: &marks,
            id: &id,
            prefix: None,
            websocket: false,
        };
        let mut head = BytesMut::new();
        for_app.write(&map(fields), &mut head);
        let head = str::from_utf8(&head).unwrap();
        assert!(head.ends_with("\r\n"));
        let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
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
        assert!(lines.contains(&"connection: te".to_owned()));
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
