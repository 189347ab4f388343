//! What a build writes down of itself: `build.json` in the release.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ship_base::file;
use ship_base::hash::ContentHash;

use crate::error::Error;
use crate::front_end;
use crate::python::Interpreter;

/// The version of `build.json`; raised when an older reader would misread it.
const VERSION: u32 = 1;
const NAME: &str = "build.json";

/// Facts of a build that the next one, and every start, can rely on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) version: u32,
    /// The address of the release.
    pub(crate) content: ContentHash,
    /// The address of all that went in: source, plan, environment, settings. It is made with the
    /// settings' values and therefore as private as they are: the file is its owner's alone.
    pub(crate) inputs: ContentHash,
    /// The address of what the lock was made from.
    pub(crate) lock_inputs: Option<ContentHash>,
    pub(crate) environment: Option<ContentHash>,
    pub(crate) layer: Option<ContentHash>,
    /// The interpreter's file and version.
    pub(crate) python: Option<(PathBuf, String)>,
    /// The uv that was used, where one was.
    pub(crate) uv: Option<String>,
    /// Django's STATIC_ROOT where it lies in the source, relative to it: a link to the collected
    /// files stands there in a working copy, because storages look for their manifest in it.
    pub(crate) static_root: Option<PathBuf>,
    /// The address of all that decides about the collected files, where it is known.
    #[serde(default)]
    pub(crate) static_inputs: Option<ContentHash>,
    /// What the front ends came to.
    #[serde(default)]
    pub(crate) front_end: Option<front_end::Built>,
}

impl Facts {
    /// Facts of a build with these inputs; the rest is filled in as it becomes known.
    pub(crate) fn new(inputs: ContentHash) -> Self {
        Self {
            version: VERSION,
            content: inputs,
            inputs,
            lock_inputs: None,
            environment: None,
            layer: None,
            python: None,
            uv: None,
            static_root: None,
            static_inputs: None,
            front_end: None,
        }
    }

    pub(crate) fn with_python(mut self, python: &Interpreter) -> Self {
        self.python = Some((python.path.clone(), python.about.version.to_string()));
        self
    }

    /// The facts of a whole release.
    pub(crate) fn read(release: &Path) -> Result<Self, Error> {
        let path = release.join(NAME);
        let text = file::read_text(&path)?;
        serde_json::from_str(&text).map_err(|source| Error::Unreadable {
            what: format!("`{}`", path.display()),
            source: source.into(),
        })
    }

    pub(crate) fn write(&self, release: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self).map_err(|source| Error::Unreadable {
            what: "a path of this release as text".to_owned(),
            source: source.into(),
        })?;
        Ok(file::write_whole(&release.join(NAME), &text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_the_first_format_are_still_read() {
        let facts: Facts =
            serde_json::from_str(include_str!("../tests/formats/build-1.json")).unwrap();
        assert_eq!(facts.version, 1);
        assert_eq!(facts.static_root.as_deref(), Some(Path::new("staticfiles")));
        assert!(facts.python.is_some());
    }
}
