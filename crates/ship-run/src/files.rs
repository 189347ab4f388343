//! What a keeper keeps on the disk while it lives, and how the next control process finds it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ship_base::file::{self, FileError};
use ship_base::name::{InstanceId, ReleaseId};
use ship_base::paths::instance_file_name;

use crate::event::Report;
use crate::process::ProcessKey;

/// The variable that every process of an instance carries. By it the remains of a killed keeper are
/// known, wherever they went in the process tree.
pub(crate) const MARKER: &str = "SHIP_KEEPER";

/// The value of [`MARKER`] for the instance of this keeper.
pub(crate) fn marker(keeper: ProcessKey) -> String {
    format!("{}.{}", keeper.pid, keeper.start)
}

/// The names of one keeper's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    folder: PathBuf,
    stem: String,
}

impl Files {
    pub(crate) fn new(folder: &Path, instance: &InstanceId, release: ReleaseId) -> Self {
        Self {
            folder: folder.to_owned(),
            stem: instance_file_name(instance, release),
        }
    }

    /// From the path of a state file.
    pub(crate) fn of_state(state: &Path) -> Option<Self> {
        let stem = state.file_name()?.to_str()?.strip_suffix(".json")?;
        Some(Self {
            folder: state.parent()?.to_owned(),
            stem: stem.to_owned(),
        })
    }

    /// The folder they are in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.with(".keep")
    }

    /// The state file.
    pub(crate) fn state(&self) -> PathBuf {
        self.with(".json")
    }

    /// The keeper's standard error: empty unless it has a bug.
    pub(crate) fn errors(&self) -> PathBuf {
        self.with(".err")
    }

    fn with(&self, end: &str) -> PathBuf {
        self.folder.join(format!("{}{end}", self.stem))
    }

    /// Removes them all; the state file last, for it tells of the others.
    pub(crate) fn remove(&self) -> Result<(), FileError> {
        file::remove(&self.errors())?;
        file::remove(&self.socket())?;
        file::remove(&self.state())
    }
}

/// The content of a state file. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Of which boot: process numbers and start times mean nothing in another.
    pub(crate) boot: String,
    /// The socket the instance listens on.
    pub(crate) listens: Option<PathBuf>,
    /// The last report.
    pub(crate) report: Report,
}

impl Record {
    /// The record in a state file; `None` when it is not there or not whole.
    pub(crate) fn read(state: &Path) -> Option<Self> {
        serde_json::from_slice(&file::read(state).ok()?).ok()
    }

    /// Whether its process numbers mean something now.
    pub(crate) fn is_of_this_boot(&self) -> bool {
        self.boot == boot()
    }
}

/// The kernel's name for this boot (random(4)).
pub(crate) fn boot() -> String {
    let text = file::read_text(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default();
    text.trim().to_owned()
}
