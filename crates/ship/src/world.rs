//! What this process was given, read once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use ship_base::paths::{Folders, NoHome};

/// Arguments, environment and folder of this process.
#[derive(Debug, Clone)]
pub struct World {
    arguments: Vec<OsString>,
    variables: BTreeMap<OsString, OsString>,
    folder: PathBuf,
}

impl World {
    /// Reads them; the one place that does.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the environment is read once"
    )]
    pub fn of_this_process() -> Self {
        Self {
            arguments: std::env::args_os().collect(),
            variables: std::env::vars_os().collect(),
            // A folder that was removed under the caller has no name; `.` fails where it is used,
            // with a message that names it.
            folder: std::env::current_dir().unwrap_or_else(|_| ".".into()),
        }
    }

    /// The arguments, the program's own name first.
    pub(crate) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// The folder the command was given in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// One variable.
    pub(crate) fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(OsStr::new(name)).cloned()
    }

    /// All variables, sorted by name.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let pairs = self.variables.iter();
        pairs.map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// The folders of this user's installation.
    pub(crate) fn folders(&self) -> Result<Folders, NoHome> {
        if self.is_server() {
            return Ok(Folders::of_server());
        }
        Folders::of_user(|name| self.variable(name))
    }

    /// Whether we are root on a machine that `ship server install` made a server.
    pub(crate) fn is_server(&self) -> bool {
        let own = self.variable("SHIP_HOME").is_none();
        own && rustix::process::getuid().is_root() && Path::new(crate::config::PATH).exists()
    }

    /// `path` as the caller means it: relative to the caller's folder, without the dots of `./shop`.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.folder.join(path).components().collect()
    }

    /// The program that every role runs as. `/proc/self/exe` is this very file, also after it was
    /// replaced by a newer one; a role of another version would not understand us.
    pub(crate) fn program() -> PathBuf {
        let link = PathBuf::from("/proc/self/exe");
        if link.exists() {
            return link;
        }
        std::env::current_exe().unwrap_or_else(|_| "ship".into())
    }
}

#[cfg(test)]
impl World {
    /// A world of a test's own.
    pub(crate) fn made(folder: &Path, variables: &[(&str, &str)]) -> Self {
        Self {
            arguments: Vec::new(),
            variables: variables
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            folder: folder.to_owned(),
        }
    }
}
