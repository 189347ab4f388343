//! Why a program was not started.

use std::io;
use std::path::PathBuf;

use ship_base::fault::FaultKind;
use ship_base::hint::Hints;

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program itself: not there, not executable, of another architecture.
    #[error("cannot execute `{program}`")]
    Execute {
        /// As it was asked for.
        program: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The folder it was to start in.
    #[error("cannot start `{program}` in `{}`", folder.display())]
    Folder {
        /// As it was asked for.
        program: String,
        /// The folder.
        folder: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A step of the shim.
    #[error("cannot {step} for `{program}`")]
    Prepare {
        /// What was tried: `begin a session`.
        step: String,
        /// The program it was for.
        program: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The shim ended without a word or said something else.
    #[error("the process that was to become `{program}` ended before it did")]
    Silent {
        /// The program it was for.
        program: String,
    },
    /// There is nothing to start.
    #[error("the command is empty")]
    Empty,
}

impl Error {
    /// Whose move it is.
    pub fn fault(&self) -> FaultKind {
        match self {
            Self::Execute { .. } | Self::Empty => FaultKind::User,
            Self::Folder { .. } | Self::Prepare { .. } => FaultKind::Outside,
            Self::Silent { .. } => FaultKind::Bug,
        }
    }
}

impl Hints for Error {
    fn hints(&self) -> Vec<String> {
        let Self::Execute { program, source } = self else {
            return Vec::new();
        };
        match source.kind() {
            io::ErrorKind::NotFound if program.contains('/') => vec![format!(
                "is it there, and does its first line name an interpreter that is? `head -1 {program}`"
            )],
            io::ErrorKind::NotFound => vec![format!(
                "no folder of the app's PATH has `{program}`: is the package that brings it among the dependencies?"
            )],
            io::ErrorKind::PermissionDenied => {
                vec![format!("make it executable: `chmod +x {program}`")]
            }
            _ => Vec::new(),
        }
    }
}
