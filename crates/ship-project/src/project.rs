//! What detection knows of a project: its files, its modules, its packages, its settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::app_json;
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
    /// What the manifest sets.
    set: BTreeMap<String, String>,
    /// What `app.json` sets, where nothing else does.
    by_app_json: BTreeMap<String, String>,
    /// Those of files, without the manifest.
    of_files: BTreeMap<String, (String, Place)>,
}

impl Project {
    /// Reads everything that detection looks at.
    pub(crate) fn read(at: &Whereabouts, manifest: &Manifest) -> Result<Self> {
        let tree = Tree::read(&at.root);
        let dotenv = read_settings(&tree, &at.folder.join(".env"))?;
        let mut of_files = BTreeMap::new();
        for entry in read_settings(&tree, &at.folder.join(".flaskenv"))?
            .iter()
            .chain(&dotenv)
        {
            let value = entry.value.reveal().clone();
            of_files.insert(entry.name.clone(), (value, entry.place.clone()));
        }
        // Only what names code: other values of `.env` are secret and stay there.
        of_files.retain(|name, _| names_code(name));
        let mut project = Self {
            root: at.root.clone(),
            folder: at.folder.clone(),
            index: Index::read(&tree, &at.folder)?,
            pyproject: packages::pyproject_in(&tree, &at.folder)?,
            packages: Packages::read(&tree, &[PathBuf::new(), at.folder.clone()])?,
            dotenv,
            hints: BTreeMap::new(),
            set: BTreeMap::new(),
            by_app_json: by_app_json(&tree, &at.folder)?,
            of_files,
            tree,
        };
        project.under(manifest);
        Ok(project)
    }

    /// The same files in the light of another manifest.
    pub(crate) fn under(&mut self, manifest: &Manifest) {
        self.hints.clone_from(&self.of_files);
        let set = manifest.env.iter();
        self.set = set
            .map(|(name, value)| (name.clone(), value.value.clone()))
            .collect();
        for (name, value) in manifest.env.iter().filter(|(name, _)| names_code(name)) {
            let hint = (value.value.clone(), value.place.clone());
            self.hints.insert(name.clone(), hint);
        }
    }
}

fn names_code(name: &str) -> bool {
    [
        "FLASK_APP",
        "LITESTAR_APP",
        "DJANGO_SETTINGS_MODULE",
        "DJANGO_CONFIGURATION",
    ]
    .contains(&name)
}

impl Project {
    /// The value that the manifest, `.env` or `app.json` gives a variable.
    pub(crate) fn given(&self, name: &str) -> Option<String> {
        let of_file = || {
            let entry = self.dotenv.iter().find(|entry| entry.name == name)?;
            Some(entry.value.reveal().clone())
        };
        let set = self.set.get(name).cloned();
        set.or_else(of_file)
            .or_else(|| self.by_app_json.get(name).cloned())
    }

    /// Whether the manifest, `.env` or `app.json` gives a variable.
    pub(crate) fn gives(&self, name: &str) -> bool {
        self.set.contains_key(name)
            || self.dotenv.iter().any(|entry| entry.name == name)
            || self.by_app_json.contains_key(name)
    }

    /// Whether its lock has members in folders of their own.
    pub(crate) fn is_workspace(&self) -> bool {
        let text = self.tree.text("uv.lock").ok().flatten();
        let members = text.and_then(|text| uv_lock::members(&text).ok());
        members.is_some_and(|members| members.keys().any(|folder| folder.iter().next().is_some()))
    }
}

/// One that cannot be read is told where the plan is put together.
fn by_app_json(tree: &Tree, folder: &Path) -> Result<BTreeMap<String, String>> {
    let text = tree.text(folder.join("app.json"))?;
    let read = text.and_then(|text| app_json::parse(&text).ok());
    let settings = read.map(|read| read.settings).unwrap_or_default();
    let values = settings.into_iter();
    Ok(values
        .filter_map(|setting| Some((setting.name, setting.value?)))
        .collect())
}

fn read_settings(tree: &Tree, file: &Path) -> Result<Vec<DotenvEntry>> {
    match tree.text(file)? {
        Some(text) => dotenv::parse(file, &text),
        None => Ok(Vec::new()),
    }
}
