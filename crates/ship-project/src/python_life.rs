//! Since when each Python is there, and how long it gets security fixes.
//!
//! Source: <https://peps.python.org/api/release-cycle.json>, as of 2026-11-26. Where only a month is
//! announced, its last day stands here.

/// The oldest Python that can be used here.
pub const OLDEST: (u32, u32) = (3, 8);

/// The newest Python that is known here.
pub(crate) const NEWEST: (u32, u32) = LIVES[LIVES.len() - 1].0;

/// The day up to which [`LIVES`] is known: what had ended then has ended for good.
pub(crate) const AS_OF: &str = "2026-11-26";

/// Minor versions with the day of their first release and that of their last security fix, oldest
/// first.
const LIVES: &[((u32, u32), &str, &str)] = &[
    ((2, 7), "2010-07-03", "2020-01-01"),
    ((3, 0), "2008-12-03", "2009-06-27"),
    ((3, 1), "2009-06-27", "2012-04-09"),
    ((3, 2), "2011-02-20", "2016-02-20"),
    ((3, 3), "2012-09-29", "2017-09-29"),
    ((3, 4), "2014-03-16", "2019-03-18"),
    ((3, 5), "2015-09-13", "2020-09-30"),
    ((3, 6), "2016-12-23", "2021-12-23"),
    ((3, 7), "2018-06-27", "2023-06-27"),
    ((3, 8), "2019-10-14", "2024-10-07"),
    ((3, 9), "2020-10-05", "2025-10-31"),
    ((3, 10), "2021-10-04", "2026-10-31"),
    ((3, 11), "2022-10-24", "2027-10-31"),
    ((3, 12), "2023-10-02", "2028-10-31"),
    ((3, 13), "2024-10-07", "2029-10-31"),
    ((3, 14), "2025-10-07", "2030-10-31"),
    ((3, 15), "2026-10-01", "2031-10-31"),
];

/// The day on which a minor version ended, if that was before `today`; both as `2026-11-26`.
pub fn ended(minor: (u32, u32), today: &str) -> Option<&'static str> {
    let (.., end) = LIVES.iter().find(|(known, ..)| *known == minor)?;
    (*end < today).then_some(*end)
}

/// Whether a minor version was there on `day`; one that is not listed here is newer than any day.
pub fn was_out(minor: (u32, u32), day: &str) -> bool {
    let life = LIVES.iter().find(|(known, ..)| *known == minor);
    life.is_some_and(|(_, first, _)| *first <= day)
}

/// The minor version that a request begins with: `2.7.18`, `>=3.6`, `pypy@3.10`.
pub fn minor(request: &str) -> Option<(u32, u32)> {
    let at = request.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = request[at..].split('.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit());
        part[..end.unwrap_or(part.len())].parse().ok()
    });
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_version_has_ended_once_its_last_day_is_over() {
        assert_eq!(ended((3, 9), "2026-11-26"), Some("2025-10-31"));
        assert_eq!(ended((3, 9), "2025-10-31"), None);
        assert_eq!(ended((3, 14), "2026-11-26"), None);
        assert_eq!(ended((4, 0), "2026-11-26"), None);
        assert!(LIVES.is_sorted_by_key(|(minor, ..)| *minor));
    }

    #[test]
    fn a_version_is_out_from_its_first_day_on() {
        assert!(was_out((3, 12), "2023-10-02"));
        assert!(!was_out((3, 12), "2023-10-01"));
        assert!(!was_out((3, 99), "2026-11-26"));
    }

    #[test]
    fn the_minor_version_of_a_request_is_found() {
        assert_eq!(minor("2.7.18"), Some((2, 7)));
        assert_eq!(minor(">=3.6,<4"), Some((3, 6)));
        assert_eq!(minor("pypy@3.10"), Some((3, 10)));
        assert_eq!(minor("3.13t"), Some((3, 13)));
        assert_eq!(minor("latest"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).*") {
            let _ = minor(&text);
        }
    }
}
