//! Command lines: a list of arguments, or a shell line where the author's command asks for one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A command as it will be executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CommandLine {
    /// Program and arguments, executed directly. `$NAME` and `${NAME:-default}` in an argument
    /// are replaced at start from the process's own environment, as one argument, never re-split.
    Argv(Vec<String>),
    /// A line with `&&`, pipes, redirections or the like, given to `sh -c` as the author wrote it.
    Shell {
        /// The line.
        shell: String,
    },
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argv(argv) => f.write_str(&argv.join(" ")),
            Self::Shell { shell } => f.write_str(shell),
        }
    }
}
