//! An answer that is kept, and for which requests it is one (RFC 9111, 4.1).

use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};

use crate::accept_encoding::Accepts;
use crate::cache::life::Life;
use crate::head::Scheme;

/// What a visitor asks for, beside the fields that an answer varies by. The host is as the visitor
/// wrote it, because the app sees it like that and may write it into the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) scheme: Scheme,
    pub(crate) host: HeaderValue,
    /// Path and query.
    pub(crate) target: Box<str>,
}

/// An answer that is kept.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) life: Life,
    /// What the request said that this is the answer to, by the names of `Vary`.
    pub(crate) varies: Vec<(HeaderName, Option<Vec<u8>>)>,
    /// Its tag is ours and says nothing to the app.
    pub(crate) own_tag: bool,
    /// It was used since it was last looked at for room.
    pub(crate) used: AtomicBool,
}

impl Entry {
    /// Bytes of memory, roughly.
    pub(crate) fn size(&self) -> usize {
        let head: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 64)
            .sum();
        self.body.len() + head + self.key.target.len() + 512
    }

    /// Whether this answers a request. What only the manifest made fresh was made for nobody, and is
    /// not for somebody who has a cookie.
    pub(crate) fn fits(&self, key: &Key, headers: &HeaderMap) -> bool {
        self.key.scheme == key.scheme
            && self.key.host == key.host
            && (self.life.is_own || !is_personal(headers))
            && self.varies.iter().all(|(name, value)| {
                let asked = said(headers, name);
                asked == *value || self.means_the_same(name, headers, value.as_deref())
            })
    }

    /// `gzip,br` and `br, gzip` are one wish, as long as the answer is in a coding that we know; `de, en`
    /// and `DE,en;q=1.0` as well.
    fn means_the_same(&self, name: &HeaderName, headers: &HeaderMap, value: Option<&[u8]>) -> bool {
        if *name == header::ACCEPT_LANGUAGE {
            let (first, second) = (value.and_then(languages), said(headers, name));
            return first.is_some() && first == second.as_deref().and_then(languages);
        }
        let coding = self.headers.get(header::CONTENT_ENCODING);
        let known = coding.is_none_or(|coding| {
            ["gzip", "br", "zstd", "identity"]
                .iter()
                .any(|known| coding == known)
        });
        if *name != header::ACCEPT_ENCODING || !known {
            return false;
        }
        let mut stored = HeaderMap::new();
        let value = value.and_then(|value| HeaderValue::from_bytes(value).ok());
        stored.extend(value.map(|value| (header::ACCEPT_ENCODING, value)));
        Accepts::of(&stored) == Accepts::of(headers)
    }
}

/// The languages of a field, as [`said`] gives it, in one spelling: tags have no case (RFC 5646, 2.1.1),
/// and weights may be written in several ways (RFC 9110, 12.4.2). Their order is kept: Django and others
/// take the first of those with the same weight. `None` where it breaks the grammar.
fn languages(field: &[u8]) -> Option<Vec<(String, u16)>> {
    let field = std::str::from_utf8(field).ok()?;
    let elements = field.split(',').map(str::trim).filter(|it| !it.is_empty());
    let language = |element: &str| {
        let (tag, weight) = match element.split_once(';') {
            None => (element, 1000),
            Some((tag, weight)) => (tag.trim_end(), thousandths(weight.trim_start())?),
        };
        let is_tag = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*');
        let is_one = !tag.is_empty() && tag.bytes().all(is_tag);
        is_one.then(|| (tag.to_ascii_lowercase(), weight))
    };
    elements.map(language).collect()
}

/// `q=0.5` as 500.
fn thousandths(weight: &str) -> Option<u16> {
    let (name, value) = weight.split_at_checked(2)?;
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let is_part = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !name.eq_ignore_ascii_case("q=") || !is_part {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

/// Whether a request may be about the one who sent it.
pub(crate) fn is_personal(headers: &HeaderMap) -> bool {
    headers.contains_key(header::COOKIE) || headers.contains_key(header::AUTHORIZATION)
}

/// What a request says in the fields of this name, with blanks and commas made alike.
pub(crate) fn said(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut all = headers.get_all(name).into_iter().peekable();
    all.peek()?;
    let elements = all.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    let elements: Vec<&[u8]> = elements.map(<[u8]>::trim_ascii).collect();
    Some(elements.join(&b','))
}

/// What a request says in the fields that its answer varies by; `None` where the answer is no
/// other request's.
pub(crate) fn varies(
    answer: &HeaderMap,
    request: &HeaderMap,
) -> Option<Vec<(HeaderName, Option<Vec<u8>>)>> {
    let mut varies = Vec::new();
    for field in answer.get_all(header::VARY) {
        for name in field.as_bytes().split(|byte| *byte == b',') {
            let name = name.trim_ascii();
            if name.is_empty() {
                continue;
            }
            // `*` is no name.
            let name = HeaderName::from_bytes(name).ok().filter(|_| name != b"*")?;
            let value = said(request, &name);
            varies.push((name, value));
        }
    }
    Some(varies)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::time::Instant;

    pub(crate) fn key(target: &str) -> Key {
        Key {
            scheme: Scheme::Http,
            host: HeaderValue::from_static("blog.test"),
            target: target.into(),
        }
    }

    pub(crate) fn entry(target: &str, body: &'static [u8]) -> Entry {
        Entry {
            key: key(target),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body),
            life: Life::spent(Instant::now()),
            varies: Vec::new(),
            own_tag: false,
            used: AtomicBool::new(false),
        }
    }

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        map
    }

    /// Whether the answer to a request with `first` also answers one with `second`.
    fn shared(vary: &str, first: &[(&str, &str)], second: &[(&str, &str)]) -> bool {
        let answer = map(&[("vary", vary)]);
        varies(&answer, &map(first)).is_some_and(|varies| {
            let entry = Entry {
                varies,
                ..entry("/", b"")
            };
            entry.fits(&key("/"), &map(second))
        })
    }

    #[test]
    fn an_answer_is_shared_by_requests_that_say_the_same() {
        let german = [("accept-language", "de, en")];
        assert!(shared("Accept-Language", &german, &german));
        assert!(shared(
            "accept-language",
            &german,
            &[("accept-language", "de,en")]
        ));
        assert!(!shared(
            "accept-language",
            &german,
            &[("accept-language", "en")]
        ));
        assert!(!shared("accept-language", &german, &[]));
        assert!(!shared("accept, accept-language", &german, &[]));
        assert!(shared("", &german, &[]));
        assert!(!shared("*", &german, &german));
        assert!(!shared("accept, *", &german, &german));
    }

    #[test]
    fn languages_in_another_spelling_are_the_same_wish_and_in_another_order_they_are_not() {
        let same = |first: &'static str, second: &'static str| {
            let field = "accept-language";
            shared(field, &[(field, first)], &[(field, second)])
        };
        for other in [
            "eN, De",
            " en ,   de",
            "en;q=1,de;Q=1.000",
            "en ; q=1.0, de,",
        ] {
            assert!(same("en, de", other), "{other}");
        }
        assert!(same("de-AT, de;q=0.50", "DE-at,de;q=0.5"));
        for other in ["de, en", "en", "en, de;q=0.9", "en, de-AT", "", "en, de, *"] {
            assert!(!same("en, de", other), "{other}");
        }
        // What breaks the grammar is nobody's wish but of whoever says the same.
        for broken in ["en;q=2", "en;q=0.1234", "en;q=", "e n", "en;level=1"] {
            assert!(same(broken, broken));
            assert!(!same(broken, "en"), "{broken}");
            assert!(
                !same(broken, &*broken.to_ascii_uppercase().leak()),
                "{broken}"
            );
        }
    }

    #[test]
    fn codings_in_another_order_are_the_same_wish() {
        let chrome = [("accept-encoding", "gzip, deflate, br, zstd")];
        assert!(shared(
            "accept-encoding",
            &chrome,
            &[("accept-encoding", "br,gzip, zstd")]
        ));
        assert!(!shared(
            "accept-encoding",
            &chrome,
            &[("accept-encoding", "gzip")]
        ));
        assert!(!shared("accept-encoding", &chrome, &[]));
    }

    #[tokio::test]
    async fn another_host_or_scheme_has_another_answer() {
        let one = entry("/", b"");
        let other = Key {
            host: HeaderValue::from_static("blog.test:8000"),
            ..key("/")
        };
        assert!(!one.fits(&other, &HeaderMap::new()));
        let other = Key {
            scheme: Scheme::Https,
            ..key("/")
        };
        assert!(!one.fits(&other, &HeaderMap::new()));
    }

    proptest! {
        /// However it is spelled, and only if nothing else differs.
        #[test]
        fn a_list_of_languages_is_the_same_as_its_other_spellings(
            list in prop::collection::vec(("[a-z]{2}(-[a-z]{2})?", 0u16..=1000), 1..5),
            blanks in prop::collection::vec(0usize..3, 5),
            upper in any::<bool>(),
        ) {
            let write = |blanks: &[usize], upper: bool| {
                let each = list.iter().enumerate().map(|(at, (tag, weight))| {
                    let tag = if upper { tag.to_uppercase() } else { tag.clone() };
                    let blank = " ".repeat(blanks[at]);
                    let weight = format!("{}.{:03}", weight / 1000, weight % 1000);
                    format!("{blank}{tag}{blank};{blank}q={weight}{blank}")
                });
                each.collect::<Vec<_>>().join(",")
            };
            let (plain, other) = (write(&[0; 5], false), write(&blanks, upper));
            let field = "accept-language";
            prop_assert!(shared(field, &[(field, &plain)], &[(field, &other)]));
            let mut turned = list.clone();
            turned.rotate_left(1);
            if turned != list {
                let each = turned.iter().map(|(tag, weight)| format!("{tag};q={}.{:03}", weight / 1000, weight % 1000));
                let turned = each.collect::<Vec<_>>().join(",");
                prop_assert!(!shared(field, &[(field, &plain)], &[(field, &turned)]));
            }
        }

        /// Whatever differs in a field that the answer varies by is another answer; what differs
        /// elsewhere is not.
        #[test]
        fn the_fields_of_vary_decide_and_no_others(
            first in "[a-c ,]{0,8}", second in "[a-c ,]{0,8}", third in "[a-c]{0,4}",
        ) {
            let elements = |text: &str| {
                let all: Vec<_> = text.split(',').map(|one| one.trim().to_owned()).collect();
                all
            };
            let one = [("x-a", first.as_str()), ("x-b", "1")];
            let two = [("x-a", second.as_str()), ("x-b", third.as_str())];
            prop_assert_eq!(shared("x-a", &one, &two), elements(&first) == elements(&second));
        }
    }
}
