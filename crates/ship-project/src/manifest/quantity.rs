//! Durations and sizes as people write them.

use std::time::Duration;

use crate::plan::Rate;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// `30s`, `500ms`, `5m`, `1h30m`. A number needs its unit.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut milliseconds: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        let end = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
        milliseconds = milliseconds.checked_add(number.checked_mul(*factor)?)?;
        rest = next;
    }
    Some(Duration::from_millis(milliseconds))
}

/// The longest that a share of an answer's age keeps it.
const LONGEST_SHARE: Duration = Duration::from_hours(24);

/// `60s`, or `10%`: a share of an answer's age, for a day at most.
pub(crate) fn keeping(text: &str) -> Option<(Duration, Option<u32>)> {
    match text.trim().strip_suffix('%') {
        None => Some((duration(text)?, None)),
        Some(share) => {
            let share = share.trim_end().parse().ok();
            let share = share.filter(|share| (1..=100).contains(share))?;
            Some((LONGEST_SHARE, Some(share)))
        }
    }
}

/// `512M`, `1G`, `64K`, `1048576`: powers of 1024, as systemd and Docker read them. `MB` and `MiB`
/// are the same.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = number(text.trim())?;
    let unit = unit.trim();
    let letter = unit
        .strip_suffix("iB")
        .or_else(|| unit.strip_suffix('B'))
        .unwrap_or(unit);
    let power = match letter {
        "" if unit != "iB" => 0,
        "k" | "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return None,
    };
    number.checked_mul(1024u64.pow(power))
}

/// `2T`, `500G`, `1.5 TB`: bytes in powers of 1000, as providers of networks count them; `TiB` is a
/// power of 1024. A number needs its unit, and comes to whole megabytes.
pub(crate) fn traffic(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 3 {
        return None;
    }
    let unit = unit.trim();
    let (letter, base) = match unit.strip_suffix("iB") {
        Some(letter) => (letter, 1024_u64),
        None => (unit.strip_suffix('B').unwrap_or(unit), 1000),
    };
    let power = match letter {
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        _ => return None,
    };
    let unit = base.checked_pow(power)?;
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    let bytes = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let bytes = bytes.checked_add(unit.checked_mul(part)? / 1000)?;
    let is_whole = bytes.is_multiple_of(base * base);
    (bytes > 0 && is_whole).then_some(bytes)
}

/// `0.5`, `2`, `1.25`: cores, as thousandths of one. The kernel gives no less than a hundredth
/// (1 ms of 100).
pub(crate) fn cores(text: &str) -> Option<u32> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 3 {
        return None;
    }
    let part: u32 = format!("{part:0<3}").parse().ok()?;
    let all = whole
        .parse::<u32>()
        .ok()?
        .checked_mul(1000)?
        .checked_add(part)?;
    (10..=MOST_CORES * 1000).contains(&all).then_some(all)
}

/// More than any machine has.
const MOST_CORES: u32 = 4096;

/// `100/m`, `5/10s`: requests, and the time for them, of at least a second and at most a day. More
/// than one a microsecond is no limit.
pub(crate) fn rate(text: &str) -> Option<Rate> {
    let (requests, time) = text.split_once('/')?;
    let requests: u32 = requests.trim().parse().ok().filter(|&it| it > 0)?;
    let time = time.trim();
    let time = if time.starts_with(|c: char| c.is_ascii_digit()) {
        duration(time)?
    } else {
        duration(&format!("1{time}"))?
    };
    let seconds = u32::try_from(time.as_secs()).ok()?;
    let whole = time.subsec_nanos() == 0 && (1..=86_400).contains(&seconds);
    (whole && requests <= seconds.saturating_mul(1_000_000)).then_some(Rate { requests, seconds })
}

fn number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cores_are_read_to_a_thousandth() {
        for (text, thousandths) in [("1", 1000), ("1.5", 1500), ("0.01", 10), (" 0.125 ", 125)] {
            assert_eq!(cores(text), Some(thousandths), "{text}");
        }
        for wrong in [
            "", ".5", "1.", "0", "0.009", "-1", "1.2345", "1e3", "9999", "150%",
        ] {
            assert_eq!(cores(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        for wrong in ["", "30", "s", "30x", "-1s", "1.5s", "99999999999999999999s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn answers_are_kept_for_a_time_or_for_a_share_of_their_age() {
        let day = Duration::from_hours(24);
        assert_eq!(keeping("60s"), Some((Duration::from_mins(1), None)));
        for (text, share) in [("10%", 10), (" 1 % ", 1), ("100%", 100)] {
            assert_eq!(keeping(text), Some((day, Some(share))), "{text}");
        }
        for wrong in ["", "%", "0%", "101%", "-1%", "1.5%", "10", "10%%", "1s%"] {
            assert_eq!(keeping(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, bytes) in [
            ("512M", 512 << 20),
            ("1G", 1 << 30),
            ("64KiB", 65536),
            ("10MB", 10 << 20),
            ("7", 7),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for wrong in ["", "M", "5X", "1.5G", "-1M", "iB", "99999999999T"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn traffic_is_counted_in_powers_of_1000() {
        for (text, bytes) in [
            ("2T", 2_000_000_000_000),
            ("500G", 500_000_000_000),
            ("1.5 TB", 1_500_000_000_000),
            ("0.25T", 250_000_000_000),
            ("1TiB", 1 << 40),
            ("1M", 1_000_000),
            ("1.5TiB", 3 << 39),
        ] {
            assert_eq!(traffic(text), Some(bytes), "{text}");
        }
        for wrong in [
            "",
            "2",
            "T",
            "0T",
            "-1T",
            "0.5M",
            "2K",
            "1.T",
            ".5T",
            "1.2345T",
            "1e3G",
            "1.5M",
            "2 TB a month",
            "99999999999P",
            "2t",
        ] {
            assert_eq!(traffic(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rates_are_requests_in_a_time() {
        let of = |requests, seconds| Some(Rate { requests, seconds });
        assert_eq!(rate("100/m"), of(100, 60));
        assert_eq!(rate("5/10s"), of(5, 10));
        assert_eq!(rate("1 / h"), of(1, 3600));
        assert_eq!(rate("1/d"), of(1, 86_400));
        for wrong in [
            "",
            "100",
            "/m",
            "0/m",
            "-1/s",
            "5/",
            "5/s/s",
            "5/500ms",
            "5/2d",
            "9999999/s",
        ] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = (duration(&text), size(&text), rate(&text), traffic(&text));
        }
    }
}
