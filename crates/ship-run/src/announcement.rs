//! The one thing a keeper says on its standard output: whether it has begun.

use serde::{Deserialize, Serialize};

/// Whether a keeper has begun; said once, before its standard output is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Announcement {
    /// Its socket listens and its state file is there.
    Began,
    /// Another keeper of the same instance and release lives.
    Taken,
    /// It gave up, and why.
    Failed(String),
}
