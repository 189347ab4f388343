//! `Cache-Control` (RFC 9111, 5.2). What cannot be read makes an answer older, never younger.

use hyper::HeaderMap;
use hyper::header;

/// Seconds beyond which no answer is kept: 2³¹ (RFC 9111, 1.2.2).
pub(crate) const LONGEST: u64 = 1 << 31;

/// What the fields of one message say. Times are in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) must_understand: bool,
    /// A request wants nothing but what is kept (RFC 9111, 5.2.1.7).
    pub(crate) only_if_cached: bool,
    /// `must-revalidate` or `proxy-revalidate`.
    pub(crate) must_revalidate: bool,
    pub(crate) max_age: Option<u64>,
    pub(crate) s_maxage: Option<u64>,
    pub(crate) stale_while_revalidate: Option<u64>,
    pub(crate) stale_if_error: Option<u64>,
}

impl Directives {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut all = Self::default();
        for field in headers.get_all(header::CACHE_CONTROL) {
            let mut rest = field.as_bytes();
            while !rest.is_empty() {
                let (directive, after) = rest.split_at(end_of_element(rest));
                all.add(directive.trim_ascii());
                rest = after.get(1..).unwrap_or_default();
            }
        }
        all
    }

    /// `no-cache="field"` and `private="field"` are taken for the whole answer, which is allowed.
    fn add(&mut self, directive: &[u8]) {
        let equals = directive.iter().position(|byte| *byte == b'=');
        let (name, value) = directive.split_at(equals.unwrap_or(directive.len()));
        let value = value.get(1..).unwrap_or_default();
        match name.to_ascii_lowercase().as_slice() {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"must-understand" => self.must_understand = true,
            b"must-revalidate" | b"proxy-revalidate" => self.must_revalidate = true,
            b"max-age" => least(&mut self.max_age, value),
            b"s-maxage" => least(&mut self.s_maxage, value),
            b"stale-while-revalidate" => least(&mut self.stale_while_revalidate, value),
            b"stale-if-error" => least(&mut self.stale_if_error, value),
            _ => {}
        }
    }
}

/// Of contradicting times the shortest counts.
fn least(slot: &mut Option<u64>, value: &[u8]) {
    let unquoted = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    let seconds = seconds(unquoted.unwrap_or(value)).unwrap_or(0);
    *slot = Some(slot.map_or(seconds, |other| other.min(seconds)));
}

/// Digits only; what does not fit is the longest time there is.
pub(crate) fn seconds(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse();
    Some(number.unwrap_or(LONGEST).min(LONGEST))
}

/// Where an element of a list ends: at a comma that is not in quotes.
fn end_of_element(text: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    fn read(fields: &[&str]) -> Directives {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::CACHE_CONTROL, field.parse().unwrap());
        }
        Directives::of(&headers)
    }

    #[test]
    fn names_have_no_case_and_values_may_be_quoted() {
        let all = read(&["PubLic, MAX-age=60,s-maxage=\"5\"", "must-revalidate"]);
        assert!(all.public && all.must_revalidate);
        assert_eq!((all.max_age, all.s_maxage), (Some(60), Some(5)));
    }

    #[test]
    fn what_cannot_be_read_is_no_time_at_all() {
        for value in ["a", "", "-1", "3600.0", "'3600'", " 60", "60s"] {
            assert_eq!(
                read(&[&format!("max-age={value}")]).max_age,
                Some(0),
                "{value}"
            );
        }
        assert_eq!(
            read(&["max-age=99999999999999999999"]).max_age,
            Some(LONGEST)
        );
        assert_eq!(read(&["max-age =60"]).max_age, None);
    }

    #[test]
    fn the_shortest_of_several_times_counts() {
        assert_eq!(read(&["max-age=60, max-age=1"]).max_age, Some(1));
        assert_eq!(read(&["max-age=1", "max-age=60"]).max_age, Some(1));
    }

    #[test]
    fn nothing_is_read_in_quotes() {
        let all = read(&["ext=\"a, max-age=60 \\\", no-store\", private=\"x\""]);
        assert_eq!((all.max_age, all.no_store), (None, false));
        assert!(all.private);
    }

    proptest! {
        #[test]
        fn any_field_is_read_without_a_panic(
            field in prop::collection::vec(prop_oneof![
                prop::sample::select(b"max-age=0123456789\", \\;private".to_vec()),
                0x20u8..0x7f,
            ], 0..60)
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_bytes(&field).unwrap());
            let read = Directives::of(&headers);
            prop_assert!(read.max_age.is_none_or(|age| age <= LONGEST));
        }
    }
}
