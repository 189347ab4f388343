//! Which coding of an answer a visitor would rather have (RFC 9110, 12.5.3).

use hyper::HeaderMap;
use hyper::header::{self, HeaderValue};

/// A way to compress an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Zstandard (RFC 8878).
    Zstd,
    /// Brotli (RFC 7932).
    Brotli,
    /// The one that every program knows.
    Gzip,
}

impl Coding {
    /// Best first for what is compressed while it is sent: the first costs the least for its size.
    pub(crate) const QUICKEST: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// Best first for what lies ready: the first is the smallest.
    pub(crate) const SMALLEST: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// As `Content-Encoding` has it.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    pub(crate) fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.token())
    }

    /// What a file's name ends with that lies ready in this coding.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Zstd => ".zst",
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// `x-gzip` is the same as `gzip` (RFC 9110, 8.4.1.3).
    fn of(token: &str) -> Option<Self> {
        let is = |name| token.eq_ignore_ascii_case(name);
        if is("gzip") || is("x-gzip") {
            Some(Self::Gzip)
        } else if is("br") {
            Some(Self::Brotli)
        } else {
            is("zstd").then_some(Self::Zstd)
        }
    }
}

/// How much a visitor wants each coding, in thousandths; `None` where it does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Accepts {
    codings: [Option<u16>; 3],
    identity: Option<u16>,
    others: Option<u16>,
}

impl Accepts {
    /// Reads the fields of a request; without one, a visitor asks for nothing.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut accepts = Self::default();
        let fields = headers.get_all(header::ACCEPT_ENCODING).into_iter();
        let fields = fields.filter_map(|field| field.to_str().ok());
        for element in fields.flat_map(|field| field.split(',')) {
            accepts.add(element);
        }
        accepts
    }

    /// An element that breaks the grammar says nothing.
    fn add(&mut self, element: &str) {
        let (token, weight) = match element.split_once(';') {
            Some((token, weight)) => (token, quality(weight)),
            None => (element, Some(1000)),
        };
        let (token, Some(weight)) = (token.trim(), weight) else {
            return;
        };
        if let Some(coding) = Coding::of(token) {
            self.codings[coding as usize] = Some(weight);
        } else if token.eq_ignore_ascii_case("identity") {
            self.identity = Some(weight);
        } else if token == "*" {
            self.others = Some(weight);
        }
    }

    /// The coding to use of those that there are, best first; `None`: the answer as it is. That is
    /// also what a visitor gets who wants nothing that there is, since an answer that it can throw
    /// away is better than none.
    pub(crate) fn best(&self, offered: &[Coding]) -> Option<Coding> {
        let mut best = None;
        let mut most = 0;
        for coding in offered {
            let weight = self.codings[*coding as usize].or(self.others).unwrap_or(0);
            if weight > most {
                (best, most) = (Some(*coding), weight);
            }
        }
        let plain = self.identity.or(self.others).unwrap_or(0);
        best.filter(|_| most >= plain)
    }

    /// Whether any coding would be taken.
    #[cfg(test)]
    pub(crate) fn any(&self) -> bool {
        self.best(&Coding::QUICKEST).is_some()
    }
}

/// `q=0.5` in thousandths; three digits at most (RFC 9110, 12.4.2).
fn quality(weight: &str) -> Option<u16> {
    let (name, value) = weight.trim().split_once('=')?;
    if !name.eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(*b"000").take(3);
    let thousandths = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accepts(fields: &[&str]) -> Accepts {
        let mut headers = HeaderMap::new();
        for field in fields {
            let value = HeaderValue::from_bytes(field.as_bytes()).unwrap();
            headers.append(header::ACCEPT_ENCODING, value);
        }
        Accepts::of(&headers)
    }

    fn best(field: &str) -> Option<Coding> {
        accepts(&[field]).best(&Coding::QUICKEST)
    }

    #[test]
    fn the_best_of_what_both_know_is_chosen() {
        use Coding::{Brotli, Gzip, Zstd};
        for (field, coding) in [
            ("gzip, deflate, br, zstd", Some(Zstd)),
            ("gzip, deflate, br", Some(Brotli)),
            ("gzip;q=1.0, br;q=0.5", Some(Gzip)),
            ("GZIP ; Q=0.001", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("*", Some(Zstd)),
            ("*, zstd;q=0", Some(Brotli)),
            ("gzip, identity", Some(Gzip)),
            ("gzip;q=0.5, identity", None),
            ("gzip;q=0", None),
            ("*;q=0", None),
            ("identity;q=0", None),
            ("deflate, dcb", None),
            ("", None),
            // What breaks the grammar says nothing.
            ("gzip;q=2", None),
            ("gzip;q=0.1234", None),
            ("gzip;q=", None),
            ("gzip;level=9", None),
            ("gzip;q=-1", None),
        ] {
            assert_eq!(best(field), coding, "{field}");
        }
        assert!(!Accepts::of(&HeaderMap::new()).any());
    }

    #[test]
    fn several_fields_are_one_list() {
        assert_eq!(
            accepts(&["gzip;q=0.2", "br"]).best(&Coding::QUICKEST),
            Some(Coding::Brotli)
        );
    }

    #[test]
    fn only_what_there_is_can_be_chosen() {
        assert_eq!(
            accepts(&["zstd, gzip;q=0.1"]).best(&[Coding::Gzip]),
            Some(Coding::Gzip)
        );
        assert_eq!(accepts(&["zstd"]).best(&[]), None);
    }

    proptest! {
        #[test]
        fn any_field_is_read_without_a_panic(
            field in prop::collection::vec(any::<u8>().prop_filter("a field", |byte| {
                *byte >= 0x20 && *byte != 0x7f
            }), 0..60)
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_bytes(&field).unwrap());
            let _ = Accepts::of(&headers).any();
        }

        #[test]
        fn what_is_refused_is_never_chosen(
            weights in prop::array::uniform3(0u16..=1000), identity in 0u16..=1000
        ) {
            let text = |weight: u16| format!("{}.{:03}", weight / 1000, weight % 1000);
            let [zstd, br, gzip] = weights.map(text);
            let identity_text = text(identity);
            let field = format!("zstd;q={zstd},br;q={br},gzip;q={gzip},identity;q={identity_text}");
            match best(&field) {
                Some(coding) => {
                    let weight = weights[coding as usize];
                    prop_assert!(weight > 0 && weight >= identity);
                    prop_assert_eq!(weight, *weights.iter().max().unwrap());
                }
                None => prop_assert!(weights.iter().all(|weight| *weight == 0 || *weight < identity)),
            }
        }
    }
}
