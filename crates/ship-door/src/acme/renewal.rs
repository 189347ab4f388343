//! When an authority wants a certificate renewed (ACME Renewal Information, RFC 9773).
//!
//! It is asked by plain HTTP, without an account: `instant-acme` would need one, and takes an answer
//! without `Retry-After` for an error, which the RFC only recommends.

use std::time::Duration;

use instant_acme::CertificateIdentifier;
use rustls::pki_types::Der;
use serde::{Deserialize, Serialize};
use ship_base::clock::Moment;
use ship_base::hash;

use super::client::{self, Client};
use crate::tls::Identity;

/// The pause after an answer that names none, and after none (RFC 9773, 4.3.2 and 4.3.3).
const PAUSE: Duration = Duration::from_hours(6);

/// The bounds of a pause that an authority names (RFC 9773, 4.3.2).
const PAUSES: [Duration; 2] = [Duration::from_mins(1), Duration::from_hours(24)];

/// What is known about the renewal of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Renewal {
    /// The certificate's identifier: what is known of another says nothing about this one.
    of: String,
    /// The last that was named; `None` where the authority names none.
    window: Option<Window>,
    /// When to ask again, in milliseconds since 1970.
    look: i64,
}

/// The time in which an authority wants to sign the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    /// In milliseconds since 1970.
    start: i64,
    end: i64,
    /// The page that says why.
    #[serde(default)]
    why: Option<String>,
}

impl Window {
    /// A moment in it, evenly spread over all certificates. It is drawn from the certificate's own
    /// serial number, so it is the same however often it is asked for, and moves only when the
    /// window does.
    fn moment(&self, of: &str) -> i64 {
        let drawn = hash::sha256(format!("{of} {} {}", self.start, self.end).as_bytes());
        let drawn = drawn[..8]
            .iter()
            .fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        let length = u128::try_from(self.end - self.start).unwrap_or(0);
        let part = (length * u128::from(drawn)) >> 64;
        self.start
            .saturating_add(i64::try_from(part).unwrap_or(i64::MAX))
    }
}

/// What an authority answered: a window, or that it has none; and when to ask again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) window: Option<Window>,
    pub(super) again: Duration,
}

impl Renewal {
    /// What is known now. Where there was no answer, what was known before goes on.
    pub(super) fn new(
        before: Option<&Self>,
        identity: &Identity,
        answer: Option<Answer>,
        now: Moment,
    ) -> Self {
        let of = identifier(identity).to_string();
        match answer {
            Some(Answer { window, again }) => {
                let look = now.after(again).as_millis();
                Self { of, window, look }
            }
            None => Self {
                window: before
                    .filter(|before| before.of == of)
                    .and_then(|before| before.window.clone()),
                of,
                look: now.after(PAUSE).as_millis(),
            },
        }
    }

    fn is_of(&self, identity: &Identity) -> bool {
        self.of == identifier(identity).to_string()
    }

    /// When to renew this certificate, where its authority says so: in milliseconds since 1970, and
    /// the page that says why.
    pub(super) fn moment(&self, identity: &Identity) -> Option<(i64, Option<&str>)> {
        let window = self.window.as_ref().filter(|_| self.is_of(identity))?;
        Some((window.moment(&self.of), window.why.as_deref()))
    }

    /// Whether to ask now.
    pub(super) fn is_due(&self, identity: &Identity, now: Moment) -> bool {
        // A pause longer than the longest is a clock that went back.
        let longest = now.after(PAUSES[1]).as_millis();
        !self.is_of(identity) || self.look <= now.as_millis() || self.look > longest
    }
}

/// As authorities write it (RFC 9773, 4.1).
pub(super) fn identifier(identity: &Identity) -> CertificateIdentifier<'static> {
    CertificateIdentifier::new(
        Der::from_slice(&identity.authority_key),
        Der::from_slice(&identity.serial),
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Directory {
    renewal_info: Option<String>,
}

/// RFC 9773, 4.2.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    suggested_window: Suggested,
    #[serde(rename = "explanationURL")]
    explanation_url: Option<String>,
}

#[derive(Deserialize)]
struct Suggested {
    start: Moment,
    end: Moment,
}

/// Asks an authority when it wants a certificate of its own renewed.
pub(super) async fn ask(
    http: &Client,
    directory: &str,
    identity: &Identity,
) -> Result<Answer, client::Cause> {
    let answer = http.get(directory).await?;
    let directory: Directory = serde_json::from_slice(answer.body())?;
    let Some(url) = directory.renewal_info else {
        let (window, again) = (None, PAUSES[1]);
        return Ok(Answer { window, again });
    };
    let url = format!("{}/{}", url.trim_end_matches('/'), identifier(identity));
    let answer = http.get(&url).await?;
    let again = client::retry_after(answer.headers()).unwrap_or(PAUSE);
    read(answer.body(), again.clamp(PAUSES[0], PAUSES[1]))
}

fn read(text: &[u8], again: Duration) -> Result<Answer, client::Cause> {
    let info: Info = serde_json::from_slice(text)?;
    let Suggested { start, end } = info.suggested_window;
    if end <= start {
        return Err("the window ends before it begins".into());
    }
    let window = Window {
        start: start.as_millis(),
        end: end.as_millis(),
        why: info.explanation_url,
    };
    let window = Some(window);
    Ok(Answer { window, again })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn identity(serial: u8) -> Identity {
        Identity {
            authority_key: vec![7; 20],
            serial: vec![serial],
        }
    }

    fn answer(start: i64, end: i64) -> Answer {
        let why = None;
        Answer {
            window: Some(Window { start, end, why }),
            again: PAUSE,
        }
    }

    #[test]
    fn the_identifier_is_that_of_the_standards_example() {
        let key = [
            0x69, 0x88, 0x5B, 0x6B, 0x87, 0x46, 0x40, 0x41, 0xE1, 0xB3, 0x7B, 0x84, 0x7B, 0xA0,
            0xAE, 0x2C, 0xDE, 0x01, 0xC8, 0xD4,
        ];
        let identity = Identity {
            authority_key: key.to_vec(),
            serial: vec![0, 0x87, 0x65, 0x43, 0x21],
        };
        // RFC 9773, 4.1.
        assert_eq!(
            identifier(&identity).to_string(),
            "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
        );
    }

    #[test]
    fn the_answer_of_the_standards_example_is_read() {
        // RFC 9773, 4.2.
        let text = br#"{
            "suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z"},
            "explanationURL": "https://acme.example.com/docs/ari"
        }"#;
        let window = read(text, PAUSE).unwrap().window.unwrap();
        assert_eq!(window.end - window.start, 24 * HOUR);
        assert_eq!(
            window.why.as_deref(),
            Some("https://acme.example.com/docs/ari")
        );
        let backwards = br#"{"suggestedWindow":
            {"start": "2025-01-03T04:00:00Z", "end": "2025-01-02T04:00:00Z"}}"#;
        assert!(read(backwards, PAUSE).is_err());
    }

    #[test]
    fn the_moment_lies_in_the_window_and_moves_only_with_it() {
        let now = Moment::from_millis(0);
        let moment = |serial: u8, end: i64| {
            let identity = identity(serial);
            let renewal = Renewal::new(None, &identity, Some(answer(HOUR, end)), now);
            renewal.moment(&identity).unwrap().0
        };
        let all: Vec<i64> = (0..100).map(|serial| moment(serial, 25 * HOUR)).collect();
        assert!(all.iter().all(|at| (HOUR..25 * HOUR).contains(at)));
        // Spread over it: neither half is empty.
        let early = all.iter().filter(|at| **at < 13 * HOUR).count();
        assert!((20..80).contains(&early), "{early}");
        assert_eq!(moment(1, 25 * HOUR), moment(1, 25 * HOUR));
        assert_ne!(moment(1, 25 * HOUR), moment(1, 26 * HOUR));
    }

    #[test]
    fn a_window_outlives_silence_but_not_its_certificate() {
        let now = Moment::from_millis(0);
        let one = identity(1);
        let known = Renewal::new(None, &one, Some(answer(HOUR, 2 * HOUR)), now);
        let silent = Renewal::new(Some(&known), &one, None, now);
        assert_eq!(silent.moment(&one), known.moment(&one));
        let next = identity(2);
        assert_eq!(known.moment(&next), None);
        assert!(known.is_due(&next, now));
        let silent = Renewal::new(Some(&known), &next, None, now);
        assert_eq!(silent.moment(&next), None);
    }

    #[test]
    fn it_is_asked_again_when_the_authority_said_so() {
        let one = identity(1);
        let known = Renewal::new(None, &one, Some(answer(0, 1)), Moment::from_millis(0));
        assert!(!known.is_due(&one, Moment::from_millis(6 * HOUR - 1)));
        assert!(known.is_due(&one, Moment::from_millis(6 * HOUR)));
        // A clock that went back by years.
        assert!(known.is_due(&one, Moment::from_millis(-1000 * 24 * HOUR)));
    }
}
