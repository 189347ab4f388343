//! Which packages a project names, and where.
//!
//! [`READERS`] is the order in which the files of a folder are looked at: locks before lists, lists
//! that are for everyone before those of one tool. The first that names packages counts.

mod beside;
mod lists;
mod locks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::pyproject::{self, Pyproject};
use crate::files::requirements::{Requirement, line_of, normalise};
use crate::plan::{Dependencies, Note, Place, Sourced};
use crate::tree::Tree;

/// Extras that bring a web server with them, or pages, where no lock tells.
const IMPLIED: [(&str, &str, &str); 8] = [
    ("fastapi", "standard", "uvicorn"),
    ("fastapi", "all", "uvicorn"),
    ("fastapi-cli", "standard", "uvicorn"),
    ("channels", "daphne", "daphne"),
    ("litestar", "standard", "uvicorn"),
    ("connexion", "uvicorn", "uvicorn"),
    ("flet", "web", "flet-web"),
    ("flet", "all", "flet-web"),
];

/// Reads one kind of file; tells whether it names packages.
type Reader = fn(&mut Packages, &Folder<'_>) -> Result<bool>;

/// What is looked for in a folder, in order.
const READERS: [Reader; 11] = [
    locks::uv,
    locks::pylock,
    locks::poetry,
    locks::pdm,
    locks::pipenv,
    lists::requirements,
    lists::pyproject,
    lists::pipfile,
    lists::setup,
    lists::conda,
    lists::inline,
];

/// A folder of the project that may name packages.
struct Folder<'a> {
    tree: &'a Tree,
    path: &'a Path,
    pyproject: Option<&'a Pyproject>,
    /// All folders that may name packages, this one among them.
    all: &'a [PathBuf],
}

impl Folder<'_> {
    /// A file of it with its text, if it is there.
    fn file(&self, name: &str) -> Result<Option<(PathBuf, String)>> {
        let path = self.path.join(name);
        let text = self.tree.text(&path)?;
        Ok(text.map(|text| (path, text)))
    }
}

/// The packages of a project.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    /// Normalised name to exact version, where it is known.
    versions: BTreeMap<String, Option<String>>,
    /// Where they are named; `None` when nowhere.
    pub(crate) dependencies: Option<Sourced<Dependencies>>,
    /// A list that is there and names nothing: what counts where nothing else names packages.
    empty: Option<Sourced<Dependencies>>,
    /// `requires-python` of lock or project.
    pub(crate) requires_python: Option<(String, Place)>,
    /// The Python that the list of packages names, where no file of its own does.
    pub(crate) python: Option<(String, Place)>,
    /// Some come with a folder or an archive, or are told by a program of the project's: only a build
    /// knows them.
    pub(crate) names_more: bool,
    /// The file names packages and cannot be used.
    pub(crate) refused: Option<Refused>,
    pub(crate) notes: Vec<Note>,
}

/// A file that names packages and cannot be used.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) place: Place,
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Packages {
    /// Looks for the files in `folders`, in order; the first folder that names packages counts.
    pub(crate) fn read(tree: &Tree, folders: &[PathBuf]) -> Result<Self> {
        let mut read = Self::default();
        for path in folders {
            let project = pyproject_in(tree, path)?;
            let folder = Folder {
                tree,
                path,
                pyproject: project.as_ref(),
                all: folders,
            };
            let packages = Self::in_folder(&folder)?;
            if packages.dependencies.is_some() {
                return Ok(packages);
            }
            read.empty = read.empty.or(packages.empty);
            read.python = read.python.or(packages.python);
            read.refused = read.refused.or(packages.refused);
            read.requires_python = read.requires_python.or(packages.requires_python);
            read.notes.extend(packages.notes);
        }
        if read.refused.is_none() && read.empty.is_some() {
            read.dependencies = read.empty.take();
        }
        Ok(read)
    }

    fn in_folder(folder: &Folder<'_>) -> Result<Self> {
        let project = folder.pyproject;
        let mut packages = Self {
            requires_python: project.and_then(|project| project.requires_python.clone()),
            ..Self::default()
        };
        for reader in READERS {
            if reader(&mut packages, folder)? {
                beside::passed_over(&mut packages, folder)?;
                return Ok(packages);
            }
        }
        let misspelt = lists::misspelt(folder);
        packages
            .notes
            .extend(misspelt.or_else(|| beside::by_another_name(folder)));
        packages.notes.extend(lists::extras(folder));
        Ok(packages)
    }

    fn named(&mut self, value: Dependencies, place: Place) {
        self.dependencies = Some(Sourced::from(value, place));
    }

    fn add(&mut self, entries: &[Requirement]) {
        self.names_more |= entries.iter().any(|entry| entry.name.is_empty());
        for entry in entries.iter().filter(|entry| !entry.name.is_empty()) {
            self.versions
                .insert(entry.name.clone(), entry.version.clone());
            let brings = IMPLIED.iter().filter(|(package, extra, _)| {
                entry.name == *package && entry.extras.iter().any(|e| e == extra)
            });
            for (_, _, package) in brings {
                self.versions.entry((*package).to_owned()).or_default();
            }
        }
    }

    fn add_lines(&mut self, lines: &[String], file: &Path) {
        let read = lines.iter();
        let entries: Vec<Requirement> = read
            .filter_map(|line| line_of(line, Place::file(file)))
            .collect();
        self.add(&entries);
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
