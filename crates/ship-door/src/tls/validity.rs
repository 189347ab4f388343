//! From when until when a certificate is valid, read out of its bytes.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ship_base::clock::Moment;

use super::der::{self, one};

/// In milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) since: i64,
    pub(crate) until: i64,
}

impl Validity {
    /// Whether `now` is in its time.
    pub(crate) fn holds_at(self, now: Moment) -> bool {
        (self.since..=self.until).contains(&now.as_millis())
    }

    /// What its owner should know about its time; `None` where that goes on for long.
    pub(crate) fn trouble(self, now: Moment) -> Option<String> {
        let day = |millis| Moment::from_millis(millis).day();
        let third = Duration::from_millis(u64::try_from(self.until - self.since).unwrap_or(0)) / 3;
        if now.as_millis() < self.since {
            Some(format!("it is not valid before {}", day(self.since)))
        } else if now.as_millis() > self.until {
            Some(format!("it was valid until {}", day(self.until)))
        } else if !self.holds_at(now.after(third.min(SOON))) {
            Some(format!("it is valid until {} only", day(self.until)))
        } else {
            None
        }
    }
}

/// How long before its end that is told, or a third of its life where that is less: by then, what
/// renews it by itself should have done so.
const SOON: Duration = Duration::from_hours(24 * 21);

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Reads the validity of a certificate.
pub(super) fn of(certificate: &[u8]) -> Option<Validity> {
    let (validity, _) = der::validity(certificate)?;
    let (since, rest) = moment(validity)?;
    let (until, _) = moment(rest)?;
    Some(Validity { since, until })
}

/// `YYMMDDHHMMSSZ`, of 1950 to 2049, or the same with four digits of the year.
fn moment(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (digits, rest, full) = match (one(bytes, UTC_TIME), one(bytes, GENERALIZED_TIME)) {
        (Some((digits, rest)), _) => (digits, rest, false),
        (None, Some((digits, rest))) => (digits, rest, true),
        (None, None) => return None,
    };
    let text = std::str::from_utf8(digits).ok()?;
    let text = match (full, text.get(..2)?) {
        (true, _) => text.to_owned(),
        (false, year) if year < "50" => format!("20{text}"),
        (false, _) => format!("19{text}"),
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?;
    Some((time.timestamp().as_millisecond(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn both_kinds_of_time_are_read() {
        let day = 86_400_000;
        let validity = of(&made((1970, 1, 11), (2049, 12, 31))).unwrap();
        assert_eq!(validity.since, 10 * day);
        assert_eq!(validity.until, 2_524_521_600_000);
        let validity = of(&made((2049, 12, 31), (2050, 1, 1))).unwrap();
        assert_eq!(validity.until - validity.since, day);
    }

    #[test]
    fn the_end_is_told_three_weeks_before_or_a_third_of_its_life() {
        let day = 86_400_000;
        let told = |days: i64, at: i64| {
            let (since, until) = (100 * day, (100 + days) * day);
            Validity { since, until }.trouble(Moment::from_millis((100 + at) * day))
        };
        assert_eq!(told(90, 68), None);
        assert_eq!(told(90, 70).unwrap(), "it is valid until 1970-07-10 only");
        assert_eq!(told(90, 91).unwrap(), "it was valid until 1970-07-10");
        assert_eq!(told(90, -1).unwrap(), "it is not valid before 1970-04-11");
        assert_eq!(told(6, 3), None);
        assert!(told(6, 5).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let _ = of(&bytes);
            let mut certificate = made((2020, 1, 1), (2030, 1, 1));
            let place = place.index(certificate.len());
            certificate[place] = byte;
            let _ = of(&certificate);
        }
    }
}
