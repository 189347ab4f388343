//! Which packages a project names, and where: `uv.lock`, requirements files, `pyproject.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::pyproject::{self, Pyproject};
use crate::files::requirements::{Requirement, Requirements, normalise};
use crate::files::uv_lock;
use crate::plan::{Dependencies, Note, Place, Sourced};
use crate::tree::Tree;

/// Names of requirements files, the ones for production first.
const REQUIREMENTS: [&str; 9] = [
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/base.txt",
    "requirements/requirements.txt",
    "requirements-prod.txt",
    "requirements-production.txt",
    "requirements/common.txt",
    "requirements.in",
];

/// Extras that bring a web server with them, where no lock tells.
const IMPLIED: [(&str, &str, &str); 6] = [
    ("fastapi", "standard", "uvicorn"),
    ("fastapi", "all", "uvicorn"),
    ("fastapi-cli", "standard", "uvicorn"),
    ("channels", "daphne", "daphne"),
    ("litestar", "standard", "uvicorn"),
    ("connexion", "uvicorn", "uvicorn"),
];

/// The packages of a project.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    /// Normalised name to exact version, where it is known.
    versions: BTreeMap<String, Option<String>>,
    /// Where they are named; `None` when nowhere.
    pub(crate) dependencies: Option<Sourced<Dependencies>>,
    /// `requires-python` of lock or project.
    pub(crate) requires_python: Option<(String, Place)>,
    /// Packages named in Poetry's own format, where no other file names any.
    pub(crate) poetry: Option<Place>,
    pub(crate) notes: Vec<Note>,
}

impl Packages {
    /// Looks for the files in `folders`, in order; the first folder that names packages counts.
    pub(crate) fn read(tree: &Tree, folders: &[PathBuf]) -> Result<Self> {
        let mut read = Self::default();
        for folder in folders {
            let project = pyproject_in(tree, folder)?;
            let packages = Self::in_folder(tree, folder, project.as_ref())?;
            if packages.dependencies.is_some() {
                return Ok(packages);
            }
            read.poetry = read.poetry.or(packages.poetry);
            read.requires_python = read.requires_python.or(packages.requires_python);
        }
        Ok(read)
    }

    fn in_folder(tree: &Tree, folder: &Path, project: Option<&Pyproject>) -> Result<Self> {
        let requires = project.and_then(|project| project.requires_python.clone());
        let mut packages = Self {
            requires_python: requires,
            ..Self::default()
        };
        let lock = folder.join("uv.lock");
        if let (Some(_), Some(text)) = (project, tree.text(&lock)?) {
            packages.lock(&lock, &text)?;
        } else if !packages.requirements(tree, folder)? {
            packages.pyproject(folder, project);
        }
        Ok(packages)
    }

    fn lock(&mut self, file: &Path, text: &str) -> Result<()> {
        let lock = uv_lock::parse(text).map_err(|e| pyproject::toml_error(file, text, &e))?;
        let value = Dependencies::UvLock {
            lock: file.to_owned(),
            packages: lock.packages.len(),
        };
        self.dependencies = Some(Sourced::from(value, Place::file(file)));
        if let Some(python) = lock.requires_python {
            self.requires_python
                .get_or_insert((python, Place::file(file)));
        }
        let versions = lock.packages.into_iter();
        self.versions = versions
            .map(|(name, version)| (name, Some(version)))
            .collect();
        Ok(())
    }

    fn requirements(&mut self, tree: &Tree, folder: &Path) -> Result<bool> {
        for name in REQUIREMENTS {
            let file = folder.join(name);
            if tree.text(&file)?.is_none() {
                continue;
            }
            let read = Requirements::read(&file, &|path| tree.text(path).ok().flatten());
            let value = Dependencies::Requirements {
                files: vec![file.clone()],
                packages: read.entries.len(),
                pinned: read.pinned(),
            };
            self.dependencies = Some(Sourced::from(value, Place::file(&file)));
            self.notes.extend(read.missing.iter().map(missing_include));
            self.add(&read.entries);
            return Ok(true);
        }
        Ok(false)
    }

    fn pyproject(&mut self, folder: &Path, project: Option<&Pyproject>) {
        let Some(project) = project else { return };
        let file = folder.join("pyproject.toml");
        if !project.dependencies.is_empty() || project.dynamic_dependencies {
            self.add(&project.dependencies);
            let value = Dependencies::Pyproject { file: file.clone() };
            self.dependencies = Some(Sourced::from(value, Place::file(file)));
        }
        self.poetry.clone_from(&project.poetry);
    }

    fn add(&mut self, entries: &[Requirement]) {
        for entry in entries.iter().filter(|entry| !entry.name.is_empty()) {
            self.versions
                .insert(entry.name.clone(), entry.version.clone());
            let brings = IMPLIED.iter().filter(|(package, extra, _)| {
                entry.name == *package && entry.extras.iter().any(|e| e == extra)
            });
            for (_, _, server) in brings {
                self.versions.entry((*server).to_owned()).or_default();
            }
        }
    }

    /// Whether the project names this package (normalised).
    pub(crate) fn has(&self, name: &str) -> bool {
        self.versions.contains_key(name)
    }

    /// Normalised names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.versions.keys().map(String::as_str)
    }

    /// The exact version, where it is known.
    pub(crate) fn version(&self, name: &str) -> Option<&str> {
        self.versions.get(&normalise(name))?.as_deref()
    }
}

/// The `pyproject.toml` of a folder.
pub(crate) fn pyproject_in(tree: &Tree, folder: &Path) -> Result<Option<Pyproject>> {
    let file = folder.join("pyproject.toml");
    let text = tree.text(&file)?;
    text.map(|text| pyproject::parse(&file, &text)).transpose()
}

fn missing_include((path, place): &(PathBuf, Place)) -> Note {
    Note {
        text: format!("`{}` is included and not there", path.display()),
        hint: None,
        place: Some(place.clone()),
    }
}
