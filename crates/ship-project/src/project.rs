//! What detection knows of a project: its files, its modules, its packages, its settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::dotenv::{self, DotenvEntry};
use crate::files::pyproject::Pyproject;
use crate::files::uv_lock;
use crate::manifest::Manifest;
use crate::packages::{self, Packages};
use crate::plan::Place;
use crate::python::index::Index;
use crate::tree::Tree;
use crate::workspace::Whereabouts;

/// The project, read once.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder that becomes the source.
    pub(crate) root: PathBuf,
    /// The project within it; empty but for a member of a workspace.
    pub(crate) folder: PathBuf,
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
    /// Reads everything that detection looks at.
    pub(crate) fn read(at: &Whereabouts, manifest: &Manifest) -> Result<Self> {
        let tree = Tree::read(&at.root);
        let dotenv = read_settings(&tree, &at.folder.join(".env"))?;
        let mut hints = BTreeMap::new();
        for entry in read_settings(&tree, &at.folder.join(".flaskenv"))?
            .iter()
            .chain(&dotenv)
        {
            let value = entry.value.reveal().clone();
            hints.insert(entry.name.clone(), (value, entry.place.clone()));
        }
        for (name, value) in &manifest.env {
            hints.insert(name.clone(), (value.value.clone(), value.place.clone()));
        }
        // Only what names code: other values of `.env` are secret and stay there.
        hints.retain(|name, _| ["FLASK_APP", "DJANGO_SETTINGS_MODULE"].contains(&name.as_str()));
        Ok(Self {
            root: at.root.clone(),
            folder: at.folder.clone(),
            index: Index::read(&tree, &at.folder)?,
            pyproject: packages::pyproject_in(&tree, &at.folder)?,
            packages: Packages::read(&tree, &[PathBuf::new(), at.folder.clone()])?,
            dotenv,
            hints,
            tree,
        })
    }
}

impl Project {
    /// Whether its lock has members in folders of their own.
    pub(crate) fn is_workspace(&self) -> bool {
        let text = self.tree.text("uv.lock").ok().flatten();
        let members = text.and_then(|text| uv_lock::members(&text).ok());
        members.is_some_and(|members| members.keys().any(|folder| folder.iter().next().is_some()))
    }
}

fn read_settings(tree: &Tree, file: &Path) -> Result<Vec<DotenvEntry>> {
    match tree.text(file)? {
        Some(text) => dotenv::parse(file, &text),
        None => Ok(Vec::new()),
    }
}
