//! Whose move an error is. The kind decides the exit code of the command and the status of the API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sorts every failure by who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The user's input or project: a name, a missing setting, a syntax error in the app.
    User,
    /// `ship.toml` (or a file read in its place), with place.
    Manifest,
    /// The command line itself.
    Usage,
    /// Something outside: uv, the network, a database, the app's own crash, a full disk.
    Outside,
    /// Ours.
    Bug,
}
