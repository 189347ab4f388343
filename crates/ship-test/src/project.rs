//! Folders with projects.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A project in a temporary folder; removed when dropped.
#[derive(Debug)]
pub struct Project {
    _parent: TempDir,
    folder: PathBuf,
}

impl Project {
    /// An empty folder with this name, which becomes the app's name.
    pub fn named(name: &str) -> Self {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join(name);
        fs::create_dir(&folder).expect("a new folder");
        Self {
            _parent: parent,
            folder,
        }
    }

    /// A copy of `fixtures/apps/<name>`.
    pub fn fixture(name: &str) -> Self {
        let project = Self::named(name);
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/apps");
        copy_folder(&fixtures.join(name), &project.folder);
        project
    }

    /// With this file, new or replaced.
    pub fn file(self, path: &str, content: &str) -> Self {
        self.write(path, content);
        self
    }

    /// Writes a file, new or replaced.
    pub fn write(&self, path: &str, content: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
        fs::write(&path, content).expect("a file");
    }

    /// Reads a file of the project.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).expect("a file")
    }

    /// Removes a file of the project.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.folder.join(path)).expect("a file");
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}
