//! A failure on the wire: the same words on the laptop as on the server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ship_base::fault::FaultKind;
use ship_base::hint::{Hints, causes};

/// The content type of a failure.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// An error as it travels, after RFC 9457 in spirit: what, why, what next, what still serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
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

impl Problem {
    /// A failure that has no cause, hint or output.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            output: Vec::new(),
            still: None,
        }
    }

    /// An error with its causes and hints.
    pub fn of(kind: FaultKind, error: &(impl Hints + 'static)) -> Self {
        Self {
            causes: causes(error),
            hints: error.hints(),
            ..Self::new(kind, error.to_string())
        }
    }

    /// The HTTP status it travels with, where a route has no better one (404, 405).
    pub fn status(&self) -> u16 {
        match self.kind {
            FaultKind::Usage => 400,
            FaultKind::User | FaultKind::Manifest => 422,
            FaultKind::Outside => 502,
            FaultKind::Bug => 500,
        }
    }
}
