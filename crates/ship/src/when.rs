//! Points in time as people type and read them.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use ship_base::clock::Moment;

/// What `--since` understands: `90s`, `10m`, `2h`, `3d` back from now; `2026-11-21`,
/// `2026-11-21 08:00` and `08:00` (today) in the machine's time zone; or RFC 3339 with a zone.
pub(crate) fn since(text: &str) -> Result<Moment, String> {
    parse(text, Moment::now(), &TimeZone::system())
}

fn parse(text: &str, now: Moment, zone: &TimeZone) -> Result<Moment, String> {
    let text = text.trim();
    ago(text)
        .map(|ago| now.before(ago))
        .or_else(|| text.parse().ok())
        .or_else(|| local(text, now, zone))
        .ok_or_else(|| {
            "write `10m`, `2h`, `3d`, `2026-11-21`, `\"2026-11-21 08:00\"` or `08:00`".to_owned()
        })
}

fn ago(text: &str) -> Option<Duration> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[number.len()..] {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

fn local(text: &str, now: Moment, zone: &TimeZone) -> Option<Moment> {
    let today = timestamp(now).to_zoned(zone.clone()).date();
    let at = if let Ok(at) = text.parse::<civil::DateTime>() {
        at
    } else if let Ok(date) = text.parse::<civil::Date>() {
        date.at(0, 0, 0, 0)
    } else if text.contains(':') {
        today.to_datetime(text.parse::<civil::Time>().ok()?)
    } else {
        // jiff reads `10` as ten o'clock; here a unit was forgotten.
        return None;
    };
    let at = at.to_zoned(zone.clone()).ok()?;
    Some(Moment::from_millis(at.timestamp().as_millisecond()))
}

/// The time of day in the machine's time zone: `08:00:05.123`.
pub(crate) fn time_of_day(moment: Moment) -> String {
    let zoned = timestamp(moment).to_zoned(TimeZone::system());
    zoned.strftime("%H:%M:%S%.3f").to_string()
}

/// As the combined form of web logs has it, in UTC: `21/Nov/2026:08:00:05 +0000`.
pub(crate) fn of_web_log(moment: Moment) -> String {
    let zoned = timestamp(moment).to_zoned(TimeZone::UTC);
    zoned.strftime("%d/%b/%Y:%H:%M:%S %z").to_string()
}

/// Date and time to the minute in the machine's time zone: `2026-11-21 08:00`.
pub(crate) fn date_and_time(moment: Moment) -> String {
    let zoned = timestamp(moment).to_zoned(TimeZone::system());
    zoned.strftime("%Y-%m-%d %H:%M").to_string()
}

fn timestamp(moment: Moment) -> Timestamp {
    Timestamp::from_millisecond(moment.as_millis()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> String {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        parse(text, now, &zone).map_or_else(|error| error, |moment| moment.to_string())
    }

    #[test]
    fn since_takes_what_people_type() {
        assert_eq!(at("10m"), "2026-11-21T11:50:00.000Z");
        assert_eq!(at("90s"), "2026-11-21T11:58:30.000Z");
        assert_eq!(at("2h"), "2026-11-21T10:00:00.000Z");
        assert_eq!(at("1d"), "2026-11-20T12:00:00.000Z");
        assert_eq!(at("2026-11-21"), "2026-11-20T22:00:00.000Z");
        assert_eq!(at("2026-11-21 08:00"), "2026-11-21T06:00:00.000Z");
        assert_eq!(at("08:30"), "2026-11-21T06:30:00.000Z");
        assert_eq!(at("2026-11-21T08:00:00+01:00"), "2026-11-21T07:00:00.000Z");
        for wrong in ["", "m", "10", "-5m", "yesterday", "99999999999999999999d"] {
            assert!(at(wrong).starts_with("write `10m`"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = since(&text);
        }
    }
}
