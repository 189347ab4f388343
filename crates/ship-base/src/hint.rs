//! Advice, kept apart from what went wrong.

use std::error::Error;
use std::fmt::Write as _;

/// An error that can tell what to do next.
pub trait Hints: Error {
    /// Remedies in the order they are to be read; each a fragment, ideally with a command to copy.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The causes of `error`, outermost first, without `error` itself.
pub fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

/// `error` and its causes on one line, for logs: `a: b: c`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        let _ = write!(text, ": {cause}");
    }
    text
}
