//! From when until when a certificate is valid, read out of its bytes.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::der::{self, one};

/// In milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) since: i64,
    pub(crate) until: i64,
}

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
