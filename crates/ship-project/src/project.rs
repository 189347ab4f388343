//! What detection knows of a project: its files, its modules, its packages, its settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::dotenv::{self, DotenvEntry};
use crate::files::pyproject::Pyproject;
use crate::manifest::Manifest;
use crate::packages::{self, Packages};
use crate::plan::Place;
use crate::python::index::Index;
use crate::tree::Tree;

/// The project, read once.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    pub(crate) tree: Tree,
    pub(crate) index: Index,
    pub(crate) pyproject: Option<Pyproject>,
    /// Packages named at the root; a row that starts in another folder looks there, too.
    pub(crate) packages: Packages,
    pub(crate) dotenv: Vec<DotenvEntry>,
    /// Plain settings that tell how to start: `.flaskenv`, and what the manifest adds.
    pub(crate) hints: BTreeMap<String, (String, Place)>,
}

impl Project {
    /// Reads everything below `root` that detection looks at.
    pub(crate) fn read(root: &Path, manifest: &Manifest) -> Result<Self> {
        let tree = Tree::read(root);
        let dotenv = read_settings(&tree, ".env")?;
        let mut hints = BTreeMap::new();
        for entry in read_settings(&tree, ".flaskenv")?.iter().chain(&dotenv) {
            let value = entry.value.reveal().clone();
            hints.insert(entry.name.clone(), (value, entry.place.clone()));
        }
        for (name, value) in &manifest.env {
            hints.insert(name.clone(), (value.value.clone(), value.place.clone()));
        }
        // Only what names code: other values of `.env` are secret and stay there.
        hints.retain(|name, _| ["FLASK_APP", "DJANGO_SETTINGS_MODULE"].contains(&name.as_str()));
        Ok(Self {
            root: root.to_owned(),
            index: Index::read(&tree)?,
            pyproject: packages::pyproject_in(&tree, Path::new(""))?,
            packages: Packages::read(&tree, &[PathBuf::new()])?,
            dotenv,
            hints,
            tree,
        })
    }
}

fn read_settings(tree: &Tree, file: &str) -> Result<Vec<DotenvEntry>> {
    match tree.text(file)? {
        Some(text) => dotenv::parse(Path::new(file), &text),
        None => Ok(Vec::new()),
    }
}
