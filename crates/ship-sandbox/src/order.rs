//! What the parent tells the shim, and what the shim answers if it cannot become the program.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ship_base::lend::User;

/// What the shim is told, as a line of JSON on its standard input; what the program is to read there
/// follows it. The environment is not in it: the shim has it already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Program and arguments; none ends everything that its user runs.
    pub(crate) argv: Vec<String>,
    /// The folder to start in.
    pub(crate) folder: PathBuf,
    /// As whom, where it is not for the folder to say.
    pub(crate) user: Option<User>,
    /// The process whose end is the program's end.
    pub(crate) parent: i32,
    /// The `cgroup.procs` to enter.
    pub(crate) enter: Option<PathBuf>,
}

/// What the shim says when it fails; when it succeeds, its end of the socket closes in silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// What it tried.
    pub(crate) step: Step,
    /// The system's answer (errno(3)).
    pub(crate) errno: i32,
}

/// A step of the shim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Arranging the surroundings; the text says which.
    Prepare(String),
    /// Entering the folder.
    Folder,
    /// Becoming the program.
    Execute,
}
