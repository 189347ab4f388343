//! Fields that make browsers more careful, where an app does not say them itself.

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};

/// What is said, where nothing is said yet. Nothing that could break a page which works without:
/// a `Content-Security-Policy` has to be written by somebody who knows the app.
const FIELDS: [(HeaderName, HeaderValue); 2] = [
    // A file is what its type says: an upload that is called a picture does not run as a script.
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    // Other sites learn the host that a visitor came from, and no path: what browsers do by
    // themselves today, for those that do not.
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("strict-origin-when-cross-origin"),
    ),
];

/// Adds them; `framed` where pages of other sites may show ours in a frame.
pub(crate) fn apply(headers: &mut HeaderMap, framed: bool) {
    for (name, value) in FIELDS {
        headers.entry(name).or_insert(value);
    }
    // Pages of other sites do not show ours in a frame, where a click means something else. An app
    // that knows better says `frame-ancestors` (CSP 3, 7.7.1: it counts in place of this).
    if !framed && !mentions_frames(headers) {
        headers
            .entry(header::X_FRAME_OPTIONS)
            .or_insert(HeaderValue::from_static("SAMEORIGIN"));
    }
}

fn mentions_frames(headers: &HeaderMap) -> bool {
    let policies = headers.get_all(header::CONTENT_SECURITY_POLICY);
    policies.iter().any(|policy| {
        let policy = policy.as_bytes().to_ascii_lowercase();
        let wanted: &[u8] = b"frame-ancestors";
        policy.windows(wanted.len()).any(|part| part == wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pairs = fields.iter().cloned();
        let mut headers: HeaderMap = pairs
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect();
        apply(&mut headers, false);
        headers
    }

    #[test]
    fn an_app_that_says_nothing_gets_all_of_them() {
        let headers = after(&[]);
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::X_FRAME_OPTIONS], "SAMEORIGIN");
        let referrer = &headers[header::REFERRER_POLICY];
        assert_eq!(referrer, "strict-origin-when-cross-origin");
    }

    #[test]
    fn what_may_be_shown_in_frames_has_no_word_about_them() {
        let mut headers = HeaderMap::new();
        apply(&mut headers, true);
        assert!(!headers.contains_key(header::X_FRAME_OPTIONS));
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }

    #[test]
    fn what_an_app_says_itself_counts() {
        let headers = after(&[
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "no-referrer"),
        ]);
        assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(headers.get_all(header::X_FRAME_OPTIONS).iter().count(), 1);
    }

    #[test]
    fn an_app_that_says_who_may_frame_it_is_not_contradicted() {
        let policy = "default-src 'self'; Frame-Ancestors https://other.example";
        let headers = after(&[(header::CONTENT_SECURITY_POLICY, policy)]);
        assert!(!headers.contains_key(header::X_FRAME_OPTIONS));
    }
}
