//! The one form of a host name: lower case, no port, no final dot.

use std::borrow::Cow;

/// A `Host` header, or the authority of a request target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host<'a> {
    /// `blog.localhost`, `127.0.0.1`, `[::1]`.
    pub(crate) name: Cow<'a, str>,
    /// The port, where one is named.
    pub(crate) port: Option<u16>,
}

/// Reads `host[:port]` (RFC 9110, 7.2); `None` for anything that is not just that.
pub(crate) fn parse(text: &str) -> Option<Host<'_>> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (text, None),
    };
    // `blog.localhost:` is allowed, and means the scheme's own port (RFC 3986, 3.2.3).
    let port = match port {
        None | Some("") => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok()?)
        }
        Some(_) => return None,
    };
    // A final dot is the root of all names, which an address has not.
    let name = match name.strip_suffix('.') {
        Some(rest) if !rest.ends_with(']') => rest,
        _ => name,
    };
    is_name(name).then(|| Host {
        name: lower(name),
        port,
    })
}

fn is_name(name: &str) -> bool {
    match name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inside) => inside.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_registered_name(name.as_bytes()),
    }
}

/// Letters, digits, hyphens and the underscores that internal names have, between dots; 253 bytes at
/// most (RFC 1035, 2.3.4).
fn is_registered_name(name: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let mut labels = name.split(|byte| *byte == b'.');
    name.len() <= 253 && labels.all(|label| !label.is_empty() && label.iter().all(allowed))
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_port_and_final_dot_do_not_matter() {
        for text in [
            "blog.localhost",
            "BLOG.localhost",
            "blog.localhost.",
            "blog.localhost:8000",
            "blog.localhost:",
        ] {
            assert_eq!(parse(text).unwrap().name, "blog.localhost", "{text}");
        }
        assert_eq!(parse("[::1]:8000").unwrap().port, Some(8000));
        assert_eq!(parse("[::1]").unwrap().name, "[::1]");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            ".",
            ":80",
            "a b",
            "user@host",
            "a/b",
            "a,b",
            "host:80:80",
            "host:+80",
            "host:99999",
            "[::1",
            "[::1].",
            "blog..",
            "a..b",
            ".a",
            "[x]",
            "::1",
            "h\u{f6}st",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_its_own_canonical_form(text in "[A-Za-z0-9.:\\[\\]_-]{0,20}") {
            if let Some(host) = parse(&text) {
                let name = host.name.into_owned();
                prop_assert_eq!(&parse(&name).unwrap().name, &name);
            }
        }
    }
}
