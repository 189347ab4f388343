//! Conditional requests (RFC 9110, 13): whether the visitor's copy of a file is still good.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};

use crate::accept_encoding::Coding;
use crate::entity_tag;

/// What tells one version of a file from another.
#[derive(Debug, Clone)]
pub(crate) struct Validators {
    /// With its quotes; strong.
    pub(crate) etag: String,
    /// In whole seconds, as the header has it.
    pub(crate) modified: SystemTime,
}

/// What the conditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send the file.
    Send,
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

impl Validators {
    /// `modified` and `changed` (mtime and ctime) in nanoseconds since 1970.
    ///
    /// The tag is made of everything that a file system changes when content does: builds that
    /// set all times to one value, and copies within one tick of the clock, differ in the inode or
    /// in the time of change, which nobody can set. It is a hash, because a plain inode number
    /// tells visitors about the disk (CVE-2003-1418).
    pub(crate) fn new(length: u64, modified: i128, changed: i128, inode: u64) -> Self {
        let mut hash = Fnv::default();
        hash.add(&modified.to_le_bytes());
        hash.add(&changed.to_le_bytes());
        hash.add(&inode.to_le_bytes());
        let seconds = u64::try_from(modified.div_euclid(1_000_000_000)).unwrap_or(0);
        Self {
            etag: format!("\"{length:x}-{:016x}\"", hash.0),
            modified: UNIX_EPOCH + Duration::from_secs(seconds),
        }
    }

    /// Of the same version in a coding: other bytes, so another tag.
    pub(crate) fn coded(mut self, coding: Coding) -> Self {
        let inside = self.etag.len() - 1;
        self.etag.insert(inside, '-');
        self.etag.insert_str(inside + 1, coding.token());
        self
    }

    /// Judges a GET or HEAD, in the order of RFC 9110, 13.2.2.
    pub(crate) fn judge(&self, headers: &HeaderMap) -> Verdict {
        if headers.contains_key(header::IF_MATCH) {
            if !self.is_listed(headers, &header::IF_MATCH, Comparison::Strong) {
                return Verdict::Failed;
            }
        } else if date(headers, &header::IF_UNMODIFIED_SINCE).is_some_and(|at| self.modified > at) {
            return Verdict::Failed;
        }
        let same = if headers.contains_key(header::IF_NONE_MATCH) {
            self.is_listed(headers, &header::IF_NONE_MATCH, Comparison::Weak)
        } else {
            date(headers, &header::IF_MODIFIED_SINCE).is_some_and(|at| self.modified <= at)
        };
        if same {
            Verdict::NotModified
        } else {
            Verdict::Send
        }
    }

    /// Whether a `Range` counts: there is no `If-Range`, or it names this very version.
    pub(crate) fn range_counts(&self, headers: &HeaderMap) -> bool {
        let Some(condition) = headers.get(header::IF_RANGE) else {
            return true;
        };
        let tag = condition.as_bytes();
        tag == self.etag.as_bytes()
            || (!tag.contains(&b'"')
                && date(headers, &header::IF_RANGE).is_some_and(|at| at == self.modified))
    }

    fn is_listed(&self, headers: &HeaderMap, name: &HeaderName, comparison: Comparison) -> bool {
        entity_tag::listed(headers, name).any(|tag| {
            let tag = match comparison {
                Comparison::Weak => entity_tag::opaque(tag),
                Comparison::Strong => tag,
            };
            tag == b"*" || tag == self.etag.as_bytes()
        })
    }

    /// Writes both into an answer.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let etag = HeaderValue::from_str(&self.etag).expect("hexadecimal digits in quotes");
        headers.insert(header::ETAG, etag);
        let modified = httpdate::fmt_http_date(self.modified);
        let modified = HeaderValue::from_str(&modified).expect("a date in ASCII");
        headers.insert(header::LAST_MODIFIED, modified);
    }
}

/// RFC 9110, 8.8.3.2.
#[derive(Clone, Copy)]
enum Comparison {
    Strong,
    Weak,
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// FNV-1a, 64 bits: the same in every version of us, and for nobody to trust.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "Thu, 01 Jan 1970 00:16:40 GMT";
    const BEFORE: &str = "Thu, 01 Jan 1970 00:16:39 GMT";

    fn file() -> Validators {
        Validators::new(10, 1_000_500_000_000, 0, 1)
    }

    fn judge(fields: &[(HeaderName, &str)]) -> Verdict {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, value.parse().unwrap());
        }
        file().judge(&headers)
    }

    #[test]
    fn the_order_of_rfc_9110() {
        let etag = file().etag;
        let weak = format!("\"x\", W/{etag}");
        for (fields, verdict) in [
            (vec![], Verdict::Send),
            (
                vec![(header::IF_NONE_MATCH, etag.as_str())],
                Verdict::NotModified,
            ),
            (
                vec![(header::IF_NONE_MATCH, weak.as_str())],
                Verdict::NotModified,
            ),
            (vec![(header::IF_NONE_MATCH, "*")], Verdict::NotModified),
            // What stands in the quotes of another tag is no tag.
            (vec![(header::IF_NONE_MATCH, "\"a,*,b\"")], Verdict::Send),
            (vec![(header::IF_MATCH, "\"a,*,b\"")], Verdict::Failed),
            (vec![(header::IF_MODIFIED_SINCE, DAY)], Verdict::NotModified),
            (vec![(header::IF_MODIFIED_SINCE, BEFORE)], Verdict::Send),
            (
                vec![(header::IF_MODIFIED_SINCE, "yesterday")],
                Verdict::Send,
            ),
            // A tag that differs counts more than a date that does not.
            (
                vec![
                    (header::IF_NONE_MATCH, "\"x\""),
                    (header::IF_MODIFIED_SINCE, DAY),
                ],
                Verdict::Send,
            ),
            (vec![(header::IF_MATCH, "\"x\"")], Verdict::Failed),
            (vec![(header::IF_MATCH, weak.as_str())], Verdict::Failed),
            (vec![(header::IF_MATCH, etag.as_str())], Verdict::Send),
            (vec![(header::IF_UNMODIFIED_SINCE, BEFORE)], Verdict::Failed),
            (vec![(header::IF_UNMODIFIED_SINCE, DAY)], Verdict::Send),
        ] {
            assert_eq!(judge(&fields), verdict, "{fields:?}");
        }
    }

    #[test]
    fn a_range_of_another_version_does_not_count() {
        let counts = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_RANGE, value.parse().unwrap());
            file().range_counts(&headers)
        };
        assert!(counts(&file().etag));
        assert!(counts(DAY));
        assert!(!counts(BEFORE));
        assert!(!counts("\"x\""));
        assert!(!counts(&format!("W/{}", file().etag)));
        assert!(file().range_counts(&HeaderMap::new()));
    }

    #[test]
    fn every_part_of_the_validators_makes_another_tag() {
        let tags = [
            Validators::new(10, 5, 5, 5),
            Validators::new(11, 5, 5, 5),
            Validators::new(10, 6, 5, 5),
            Validators::new(10, 5, 6, 5),
            Validators::new(10, 5, 5, 6),
        ];
        let mut tags: Vec<_> = tags.into_iter().map(|file| file.etag).collect();
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 5);
    }
}
