//! The one form of a path that routing, access rules, files and the app all see.
//!
//! Two spellings of one path must never be told apart by us and confused by the app, or the other
//! way round: that is how rules in front of an app are stepped around. So there is one spelling
//! (RFC 3986, 6.2.2): what may stand plainly stands plainly, everything else is `%XX` in upper
//! case, and dot segments are gone. Empty segments stay as they are for the app; the route table
//! skips them (`route.rs`).

use std::borrow::Cow;
use std::fmt::Write as _;

/// A path that has no canonical form: a broken escape, or an escaped slash, backslash or NUL, which
/// apps and servers read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPath;

/// The canonical form of an absolute path; borrowed where it is canonical already.
pub(crate) fn canonical(path: &str) -> Result<Cow<'_, str>, BadPath> {
    if !path.starts_with('/') {
        return Err(BadPath);
    }
    if is_plain(path.as_bytes()) {
        return Ok(Cow::Borrowed(path));
    }
    let spelled = respell(path.as_bytes())?;
    Ok(Cow::Owned(without_dot_segments(&spelled)))
}

/// Whether a look is enough: no escapes, nothing to escape, nothing that may be a dot segment.
fn is_plain(path: &[u8]) -> bool {
    let mut previous = 0;
    path.iter().all(|&byte| {
        let dot_segment = previous == b'/' && byte == b'.';
        previous = byte;
        (byte == b'/' || is_plain_byte(byte)) && !dot_segment
    })
}

/// `pchar` of RFC 3986, 3.3, without escapes.
fn is_plain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

fn respell(path: &[u8]) -> Result<String, BadPath> {
    let mut out = String::with_capacity(path.len() + 16);
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        let (byte, tail) = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => (unescape(*high, *low)?, tail),
            (b'%' | b'\\' | 0, _) => return Err(BadPath),
            (b'/', tail) => {
                out.push('/');
                rest = tail;
                continue;
            }
            (byte, tail) => (*byte, tail),
        };
        rest = tail;
        if is_plain_byte(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Ok(out)
}

fn unescape(high: u8, low: u8) -> Result<u8, BadPath> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(BadPath);
    match u8::try_from(digit(high)? << 4 | digit(low)?) {
        Ok(b'/' | b'\\' | 0) | Err(_) => Err(BadPath),
        Ok(byte) => Ok(byte),
    }
}

/// RFC 3986, 5.2.4.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for segment in path[1..].split('/') {
        ends_in_folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    if ends_in_folder {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

/// The bytes that a canonical path stands for.
pub(crate) fn decode(path: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) if unescape(*high, *low).is_ok() => {
                out.extend(unescape(*high, *low));
                tail
            }
            (byte, tail) => {
                out.push(*byte);
                tail
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_path_has_one_spelling() {
        for (written, canonical_form) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/%2e%2E/b", "/b"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a//../b", "/a/b"),
            ("/a/.", "/a/"),
            ("/.well-known/x", "/.well-known/x"),
            ("/%61dmin", "/admin"),
            ("/a%3ab", "/a:b"),
            ("/caf\u{e9}", "/caf%C3%A9"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/{x}", "/%7Bx%7D"),
            ("/%252e%252e/x", "/%252e%252e/x"),
            ("//a///b", "//a///b"),
        ] {
            assert_eq!(canonical(written).unwrap(), canonical_form, "{written}");
        }
    }

    #[test]
    fn what_apps_read_differently_is_refused() {
        for path in [
            "", "a", "*", "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a%00", "/%", "/%4", "/%zz",
        ] {
            assert_eq!(canonical(path), Err(BadPath), "{path}");
        }
    }

    #[test]
    fn decoding_gives_back_the_bytes() {
        assert_eq!(decode("/caf%C3%A9%20x"), "/caf\u{e9} x".as_bytes());
        assert_eq!(decode("/100%"), b"/100%");
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(path in "/(%[0-9a-fA-F]{2}|[a-c./%é{:\\\\]){0,24}") {
            if let Ok(once) = canonical(&path) {
                prop_assert_eq!(canonical(&once).unwrap(), once.as_ref());
                prop_assert!(once.split('/').all(|segment| segment != "." && segment != ".."));
            }
        }

        #[test]
        fn no_input_panics(path in any::<String>()) {
            let _ = canonical(&path);
            let _ = decode(&path);
        }
    }
}
