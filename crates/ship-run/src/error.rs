//! What can go wrong between control and keepers.

use std::io;
use std::path::PathBuf;

use ship_base::fault::FaultKind;
use ship_base::file::FileError;
use ship_base::hint::Hints;
use ship_base::name::{InstanceId, ReleaseId};

/// What can go wrong between control and keepers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The keeper's process could not be started.
    #[error("cannot start a keeper for `{instance}` with `{}`", program.display())]
    Start {
        /// For which instance.
        instance: InstanceId,
        /// With which binary.
        program: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The keeper started and gave up before it started the program.
    #[error("the keeper of `{instance}` could not begin: {why}")]
    Begin {
        /// Of which instance.
        instance: InstanceId,
        /// In the keeper's words.
        why: String,
    },
    /// A keeper of the same instance and release lives already.
    #[error("`{instance}` of release `{release}` has a keeper already")]
    Taken {
        /// Which instance.
        instance: InstanceId,
        /// Of which release.
        release: ReleaseId,
    },
    /// The keeper's socket.
    #[error("cannot talk to the keeper of `{instance}`")]
    Talk {
        /// Of which instance.
        instance: InstanceId,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The keeper said something that is no report.
    #[error("cannot understand the keeper of `{instance}`")]
    Understand {
        /// Of which instance.
        instance: InstanceId,
        /// Where its words went wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The keeper is gone.
    #[error("the keeper of `{instance}` is gone")]
    Gone {
        /// Of which instance.
        instance: InstanceId,
    },
    /// Some processes of an instance did not end, not even by SIGKILL.
    #[error("{count} processes of `{instance}` did not end after SIGKILL")]
    Unkillable {
        /// Of which instance.
        instance: InstanceId,
        /// How many.
        count: usize,
    },
    /// A file of ours.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Error {
    /// Whose move it is.
    pub fn fault(&self) -> FaultKind {
        match self {
            Self::Understand { .. } | Self::Taken { .. } => FaultKind::Bug,
            _ => FaultKind::Outside,
        }
    }
}

impl Hints for Error {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Unkillable { .. } => vec![
                "a process in state D waits for a disk or a network folder: `ps -eo pid,stat,wchan,args | grep ' D'`"
                    .to_owned(),
            ],
            _ => Vec::new(),
        }
    }
}
