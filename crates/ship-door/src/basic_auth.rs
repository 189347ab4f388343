//! Names and passwords that a route asks for itself (RFC 7617).

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{self, HeaderValue};
use ship_base::hash::ContentHash;
use tokio::time::Instant;

use crate::rate::Rate;
use crate::stack::Failure;
use crate::table;

/// Wrong credentials that one address may try in [`WITHIN`]: enough for a person who mistypes, and
/// a hundred days for the hundred thousand passwords of a list.
const TRIES: u32 = 10;
const WITHIN: Duration = Duration::from_mins(15);

/// Longer fields are no credentials.
const LONGEST: usize = 1024;

/// Who may come in.
#[derive(Debug)]
pub(crate) struct BasicAuth {
    realm: String,
    users: HashSet<ContentHash>,
    challenge: HeaderValue,
    wrong: Arc<Rate>,
}

impl BasicAuth {
    /// `None` where the realm cannot stand in a field.
    pub(crate) fn new(written: &table::BasicAuth) -> Option<Self> {
        let quotable = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if !written.realm.bytes().all(quotable) {
            return None;
        }
        let challenge = format!("Basic realm=\"{}\", charset=\"UTF-8\"", written.realm);
        Some(Self {
            realm: written.realm.clone(),
            users: written.users.iter().copied().collect(),
            challenge: HeaderValue::from_str(&challenge).ok()?,
            wrong: Arc::new(Rate::new(TRIES, WITHIN)?),
        })
    }

    /// Goes on counting where the one of the last table has stopped, if it let in the same users.
    pub(crate) fn after(self, last: Option<&Self>) -> Self {
        let same = |last: &&Self| last.realm == self.realm && last.users == self.users;
        match last.filter(same) {
            Some(last) => Self {
                wrong: last.wrong.clone(),
                ..self
            },
            None => self,
        }
    }

    /// An address that has tried too many is not heard, whatever it says: a right guess must look
    /// like a wrong one.
    pub(crate) fn check(&self, from: IpAddr, headers: &HeaderMap) -> Result<(), Failure> {
        let asked = || Failure::NotSignedIn(self.challenge.clone());
        let mut fields = headers.get_all(header::AUTHORIZATION).into_iter();
        let (Some(field), None) = (fields.next(), fields.next()) else {
            return Err(asked());
        };
        let now = Instant::now();
        self.wrong.look(from, now).map_err(Failure::TooOften)?;
        if self.is_of_a_user(field) {
            return Ok(());
        }
        // The last one that is counted is answered as those before it.
        let _ = self.wrong.take(from, now);
        Err(asked())
    }

    fn is_of_a_user(&self, field: &HeaderValue) -> bool {
        let text = field.to_str().ok().filter(|text| text.len() <= LONGEST);
        // The name of a scheme may be in any case (RFC 9110, 11.1).
        let credentials = text.and_then(|text| {
            let (scheme, rest) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("basic").then(|| rest.trim())
        });
        credentials.is_some_and(|text| {
            let credential = table::encoded_credential(&self.realm, text);
            self.users.contains(&credential)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(users: &[&str]) -> BasicAuth {
        let users = users.iter().map(|user| table::credential("shop", user));
        BasicAuth::new(&table::BasicAuth {
            realm: "shop".to_owned(),
            users: users.collect(),
        })
        .unwrap()
    }

    fn says(auth: &BasicAuth, field: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, field.parse().unwrap());
        auth.check("192.0.2.1".parse().unwrap(), &headers).is_ok()
    }

    #[test]
    fn the_example_of_the_standard_is_let_in_and_nobody_else() {
        let auth = auth(&["Aladdin:open sesame", "test:123\u{a3}"]);
        assert!(says(&auth, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(says(&auth, "basic  dGVzdDoxMjPCow=="));
        for wrong in [
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZ",
            "Basic QWxhZGRpbg==",
            "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "Basic",
            "",
        ] {
            assert!(!says(&auth, wrong), "{wrong}");
        }
    }

    #[test]
    fn without_users_nobody_is_let_in() {
        assert!(!says(&auth(&[]), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(!says(&auth(&[""]), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    }

    #[test]
    fn who_guesses_is_not_heard_even_when_the_guess_is_right() {
        let auth = auth(&["Aladdin:open sesame"]);
        for _ in 0..TRIES {
            assert!(!says(&auth, "Basic eDp5"));
        }
        assert!(!says(&auth, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        let mut headers = HeaderMap::new();
        let value = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".parse().unwrap();
        headers.insert(header::AUTHORIZATION, value);
        assert!(auth.check("192.0.2.2".parse().unwrap(), &headers).is_ok());
    }
}
