//! The `Range` of a request (RFC 9110, 14).

use std::ops::Range;

/// The most ranges in one request; 416 beyond.
const MOST: usize = 8;

/// What a `Range` field asks of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: there is no such field, or one that must be ignored.
    Whole,
    /// These parts, each not empty and within the file, in the order asked for.
    Parts(Vec<Range<u64>>),
    /// Nothing that the file has, or too much at once: 416.
    Unsatisfiable,
}

/// Reads a `Range` field for a file of `length` bytes.
pub(crate) fn wanted(field: Option<&str>, length: u64) -> Wanted {
    let Some(specs) = field.and_then(bytes_unit) else {
        return Wanted::Whole;
    };
    let mut parts = Vec::new();
    let mut count = 0;
    for spec in specs.split(',').map(|spec| spec.trim_matches([' ', '\t'])) {
        // A list may have empty elements (RFC 9110, 5.6.1).
        if spec.is_empty() {
            continue;
        }
        count += 1;
        match one(spec, length) {
            // A field that breaks the grammar is ignored, as if it were not there.
            None => return Wanted::Whole,
            Some(part) if part.is_empty() => {}
            Some(part) => parts.push(part),
        }
    }
    match parts.len() {
        0 if count == 0 => Wanted::Whole,
        0 => Wanted::Unsatisfiable,
        _ if count > MOST || overlaps(&parts) => Wanted::Unsatisfiable,
        _ => Wanted::Parts(parts),
    }
}

fn bytes_unit(field: &str) -> Option<&str> {
    let (unit, specs) = field.split_once('=')?;
    unit.trim().eq_ignore_ascii_case("bytes").then_some(specs)
}

/// `first-last`, `first-` or `-suffix`; empty where it lies beyond the file.
fn one(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    match (first, last) {
        ("", suffix) => Some(length.saturating_sub(number(suffix)?)..length),
        (first, "") => Some(number(first)?.min(length)..length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| first.min(length)..last.saturating_add(1).min(length))
        }
    }
}

/// Digits only; numbers beyond 64 bits are beyond every file.
fn number(digits: &str) -> Option<u64> {
    let only_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// More than two parts that share bytes are a request for more than the file holds, and are only
/// asked for to cause work (RFC 9110, 14.2).
fn overlaps(parts: &[Range<u64>]) -> bool {
    let mut sorted: Vec<_> = parts.iter().map(|part| (part.start, part.end)).collect();
    sorted.sort_unstable();
    let shared = sorted
        .windows(2)
        .filter(|pair| pair[1].0 < pair[0].1)
        .count();
    shared > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_grammar_of_rfc_9110() {
        let parts = |parts: &[(u64, u64)]| {
            Wanted::Parts(parts.iter().map(|(start, end)| *start..*end).collect())
        };
        for (field, wanted_of_100) in [
            ("bytes=0-9", parts(&[(0, 10)])),
            ("bytes=90-", parts(&[(90, 100)])),
            ("bytes=-10", parts(&[(90, 100)])),
            ("bytes=-1000", parts(&[(0, 100)])),
            ("bytes=50-1000", parts(&[(50, 100)])),
            ("BYTES=0-0, -1", parts(&[(0, 1), (99, 100)])),
            ("bytes= 0-0 ,, 5-6", parts(&[(0, 1), (5, 7)])),
            ("bytes=100-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=0-1,100-", parts(&[(0, 2)])),
            ("bytes=9-0", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=1", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("lines=0-9", Wanted::Whole),
            ("bytes=0-99999999999999999999999", parts(&[(0, 100)])),
            ("bytes=0-,0-,0-", Wanted::Unsatisfiable),
        ] {
            assert_eq!(wanted(Some(field), 100), wanted_of_100, "{field}");
        }
        assert_eq!(wanted(None, 100), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn ranges_beyond_eight_get_416() {
        let field = |count: u64| {
            let specs: Vec<_> = (0..count).map(|n| format!("{}-{}", n * 2, n * 2)).collect();
            format!("bytes={}", specs.join(","))
        };
        assert!(matches!(wanted(Some(&field(8)), 100), Wanted::Parts(parts) if parts.len() == 8));
        assert_eq!(wanted(Some(&field(9)), 100), Wanted::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn a_range_is_the_slice_it_names(
            length in 0..50usize,
            first in prop::option::of(0..60usize),
            last in prop::option::of(0..60usize),
        ) {
            let file: Vec<u8> = (0..length as u8).collect();
            let text = |number: Option<usize>| number.map(|n| n.to_string()).unwrap_or_default();
            let field = format!("bytes={}-{}", text(first), text(last));
            let naive: Option<Vec<u8>> = match (first, last) {
                (Some(first), Some(last)) if first <= last => {
                    Some(file.iter().skip(first).take(last - first + 1).copied().collect())
                }
                (Some(first), None) => Some(file.iter().skip(first).copied().collect()),
                (None, Some(suffix)) => {
                    Some(file.iter().skip(length.saturating_sub(suffix)).copied().collect())
                }
                _ => None,
            };
            match (wanted(Some(&field), length as u64), naive) {
                (Wanted::Whole, None) => {}
                (Wanted::Unsatisfiable, Some(slice)) => prop_assert!(slice.is_empty()),
                (Wanted::Parts(parts), Some(slice)) => {
                    prop_assert_eq!(parts.len(), 1);
                    let part = parts[0].start as usize..parts[0].end as usize;
                    prop_assert_eq!(&file[part], &slice[..]);
                }
                (wanted, naive) => prop_assert!(false, "{:?} for {:?}", wanted, naive),
            }
        }

        #[test]
        fn parts_lie_within_the_file(field in "bytes=[0-9,-]{0,24}", length in 0..1000u64) {
            if let Wanted::Parts(parts) = wanted(Some(&field), length) {
                prop_assert!(parts.len() <= MOST);
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
            }
        }
    }
}
