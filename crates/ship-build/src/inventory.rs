//! What of a project would become part of a release, without copying it: what a deploy sends.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ship_base::file::WithPath as _;
use ship_project::plan::Plan;

use crate::build::dependency_files;
use crate::error::Error;
use crate::source::{Choice, below, link_target, listing_failed, walk};

/// Something of a project's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Relative to the project.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
}

/// What an [`Item`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file with its permission bits and its time of change.
    File {
        /// The lower nine bits.
        mode: u32,
        /// When its content was changed.
        modified: SystemTime,
    },
    /// A link with its target, relative to its own folder; it stays inside the project.
    Link(PathBuf),
}

/// Everything that a snapshot of `project` takes, and what seeds the data folder: folders before
/// what is in them. Ignore files decide; the files that name the packages of `plan` come along even
/// where an ignore file names them.
pub fn inventory(project: &Path, plan: &Plan) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    for entry in walk(project, &Choice::default()) {
        let entry = entry.map_err(|error| listing_failed(project, error))?;
        items.extend(item(project, below(project, entry.path()))?);
    }
    let named = dependency_files(project, plan.dependencies.as_ref().map(|d| &d.value));
    for path in named {
        if !items.iter().any(|item| item.path == path) && project.join(&path).is_file() {
            items.extend(item(project, path)?);
        }
    }
    Ok(items)
}

/// `None` for what has gone while we looked, and for sockets, pipes and devices.
fn item(project: &Path, path: PathBuf) -> Result<Option<Item>, Error> {
    let from = project.join(&path);
    let metadata = match from.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.with_path("look at", &from)?,
    };
    let kind = if metadata.is_dir() {
        Kind::Folder
    } else if metadata.is_symlink() {
        Kind::Link(link_target(project, &path)?)
    } else if metadata.is_file() {
        file_of(&metadata, &from)?
    } else {
        return Ok(None);
    };
    Ok(Some(Item { path, kind }))
}

fn file_of(metadata: &Metadata, from: &Path) -> Result<Kind, Error> {
    Ok(Kind::File {
        mode: metadata.permissions().mode() & 0o777,
        modified: metadata.modified().with_path("look at", from)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_base::file;

    #[test]
    fn what_is_ignored_stays_at_home_and_named_locks_travel() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path();
        for (path, content) in [
            (".env", "SECRET=1"),
            (".gitignore", "requirements.txt\n*.log\n"),
            ("requirements.txt", "flask==3.1.0\n"),
            ("app.log", ""),
            ("app.py", "import flask\napp = flask.Flask(__name__)\n"),
        ] {
            file::write_whole(&project.join(path), content.as_bytes()).unwrap();
        }
        let plan = ship_project::read(project).unwrap().plan;
        let items = inventory(project, &plan).unwrap();
        let mut paths: Vec<_> = items
            .iter()
            .map(|item| item.path.to_str().unwrap())
            .collect();
        paths.sort_unstable();
        assert_eq!(paths, [".gitignore", "app.py", "requirements.txt"]);
    }
}
