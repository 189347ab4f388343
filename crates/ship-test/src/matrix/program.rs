//! The binary in a place of its own, where another can be put.

use std::path::{Path, PathBuf};

/// Two copies of a program, of which one lies in its place.
pub(super) struct Program {
    folder: tempfile::TempDir,
    second: bool,
}

impl Program {
    pub(super) fn new(original: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let program = Self {
            folder,
            second: false,
        };
        for copy in ["first", "second"] {
            std::fs::copy(original, program.folder.path().join(copy)).expect("a copy");
        }
        program.put();
        program
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("ship")
    }

    /// As an upgrade does it: another file under the same name.
    pub(super) fn replace(&mut self) {
        self.second = !self.second;
        self.put();
    }

    fn put(&self) {
        let copy = if self.second { "second" } else { "first" };
        let at = |name: &str| self.folder.path().join(name);
        std::fs::hard_link(at(copy), at("new")).expect("a link");
        std::fs::rename(at("new"), self.path()).expect("a name");
    }
}
