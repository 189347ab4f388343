//! [`Logs`] as the query of a URL, both ways.

use std::fmt::Write as _;
use std::str::FromStr;

use crate::request::Logs;

/// A query parameter that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a value for `{name}`")]
pub struct QueryError {
    /// The parameter.
    pub name: String,
    /// Its value as it came.
    pub value: String,
}

impl Logs {
    /// `follow=true&process=web`, without the `?`; empty when everything is at its default.
    pub fn to_query(&self) -> String {
        let fields = [
            ("access", self.access.then(|| "true".to_owned())),
            ("follow", self.follow.then(|| "true".to_owned())),
            ("process", self.process.as_ref().map(ToString::to_string)),
            ("release", self.release.as_ref().map(ToString::to_string)),
            ("since", self.since.as_ref().map(ToString::to_string)),
            ("grep", self.grep.clone()),
            ("tail", self.tail.as_ref().map(ToString::to_string)),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| {
            let value = value?;
            Some(format!("{name}={}", encode(&value)))
        });
        fields.collect::<Vec<_>>().join("&")
    }

    /// Reads what [`Logs::to_query`] writes; parameters it does not know are ignored.
    pub fn from_query(query: &str) -> Result<Self, QueryError> {
        let mut logs = Self::default();
        for field in query.split('&').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let value = decode(value).ok_or_else(|| wrong(name, value))?;
            match name {
                "access" => logs.access = read(name, &value)?,
                "follow" => logs.follow = read(name, &value)?,
                "process" => logs.process = Some(read(name, &value)?),
                "release" => logs.release = Some(read(name, &value)?),
                "since" => logs.since = Some(read(name, &value)?),
                "grep" => logs.grep = Some(value),
                "tail" => logs.tail = Some(read(name, &value)?),
                _ => {}
            }
        }
        Ok(logs)
    }
}

fn read<T: FromStr>(name: &str, value: &str) -> Result<T, QueryError> {
    value.parse().map_err(|_| wrong(name, value))
}

fn wrong(name: &str, value: &str) -> QueryError {
    QueryError {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, section 2.3.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into());
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// The inverse of [`encode`]; `None` for a broken escape or bytes that are not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_query_reads_as_people_would_write_it() {
        let logs = Logs {
            access: true,
            follow: true,
            process: Some("web".parse().unwrap()),
            release: Some("r7".parse().unwrap()),
            since: Some("2026-11-21T08:00:00Z".parse().unwrap()),
            grep: Some("GET /a&b".into()),
            tail: Some(20),
        };
        let query = logs.to_query();
        assert_eq!(
            query,
            "access=true&follow=true&process=web&release=r7&since=2026-11-21T08%3A00%3A00.000Z\
             &grep=GET%20%2Fa%26b&tail=20"
        );
        assert_eq!(Logs::from_query(&query).unwrap().to_query(), query);
        assert_eq!(Logs::default().to_query(), "");
    }

    #[test]
    fn a_wrong_value_is_named() {
        let error = Logs::from_query("tail=many").unwrap_err();
        assert_eq!(error.to_string(), "`many` is not a value for `tail`");
        assert!(Logs::from_query("grep=%zz").is_err());
    }

    proptest! {
        #[test]
        fn any_text_travels_in_a_query(text in ".*") {
            let logs = Logs { grep: Some(text.clone()), ..Logs::default() };
            prop_assert_eq!(Logs::from_query(&logs.to_query()).unwrap().grep, Some(text));
        }
    }
}
