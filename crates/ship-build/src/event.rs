//! What a build tells while it works.

use std::time::Duration;

/// A step of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Fetching uv itself.
    Uv,
    /// Finding or fetching Python.
    Python,
    /// Locking what was unlocked.
    Lock,
    /// Copying the source.
    Source,
    /// Building or finding the environment.
    Environment,
    /// Compiling byte code.
    ByteCode,
    /// Building a JavaScript front end.
    FrontEnd,
    /// Importing the application.
    Proof,
    /// Static files and build commands.
    Assets,
}

/// Something worth showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A phase begins.
    Begin(Phase),
    /// Bytes or files of a phase, where the total is known.
    Progress {
        /// Of which phase.
        phase: Phase,
        /// So far.
        done: u64,
        /// In all.
        total: u64,
    },
    /// A line that the tool itself wrote.
    Output {
        /// In which phase.
        phase: Phase,
        /// The line, without its end.
        line: String,
    },
    /// A phase is done. `detail` says with what result: `cached`, `41 packages`, `CPython 3.12.4`.
    Done {
        /// Which.
        phase: Phase,
        /// How long it took.
        took: Duration,
        /// What came of it; may be empty.
        detail: String,
    },
    /// The proof or the build changed the plan: a sentence with the reason.
    Corrected(String),
    /// Something the author should know.
    Note(ship_project::plan::Note),
}
