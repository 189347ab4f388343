//! A folder that is a member of a uv workspace: its lock, and the packages beside it, lie above it.

use std::path::{Path, PathBuf};

use ship_base::file;

use crate::error::Result;
use crate::files::uv_lock;

/// How far above a member its workspace is looked for.
const HIGHEST: usize = 6;

/// Where a project is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whereabouts {
    /// The folder that becomes the source: the project, or the workspace it is a member of.
    pub(crate) root: PathBuf,
    /// The project within; empty where it is the source itself.
    pub(crate) folder: PathBuf,
}

impl Whereabouts {
    /// The project as its own source.
    pub(crate) fn alone(project: &Path) -> Self {
        Self {
            root: project.to_owned(),
            folder: PathBuf::new(),
        }
    }

    /// The workspace whose lock has `project` as a member; else the project itself. What a lock
    /// does not list is none of its members, whatever lies above.
    pub(crate) fn of(project: &Path) -> Result<Self> {
        let alone = Self::alone(project);
        if !project.join("pyproject.toml").is_file() || project.join("uv.lock").is_file() {
            return Ok(alone);
        }
        let Ok(whole) = project.canonicalize() else {
            return Ok(alone);
        };
        for root in whole.ancestors().skip(1).take(HIGHEST) {
            let Some(text) = file::read_text_if_there(&root.join("uv.lock"))? else {
                continue;
            };
            let folder = whole.strip_prefix(root).unwrap_or(Path::new(""));
            let members = uv_lock::members(&text).unwrap_or_default();
            if members.contains_key(folder) {
                return Ok(Self {
                    root: root.to_owned(),
                    folder: folder.to_owned(),
                });
            }
            break;
        }
        Ok(alone)
    }

    /// The way from the project to the source: `../..`; `None` where they are the same.
    pub(crate) fn above(&self) -> Option<PathBuf> {
        let up: PathBuf = self.folder.components().map(|_| "..").collect();
        self.folder.iter().next().map(|_| up)
    }
}
