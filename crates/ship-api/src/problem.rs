//! A failure on the wire: the same words on the laptop as on the server.

use serde::{Deserialize, Serialize};
use ship_base::fault::FaultKind;

/// An error as it travels, after RFC 9457 in spirit: what, why, what next, what still serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// Whose move it is.
    pub kind: FaultKind,
    /// What was tried and what happened.
    pub message: String,
    /// Causes, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
    /// The last lines of the failing program, oldest first.
    pub output: Vec<String>,
    /// What still serves: `r1 still serves http://blog.localhost:8000`.
    pub still: Option<String>,
}
