//! A lock of Poetry, PDM or Pipenv as what uv is told of it: nothing is resolved here, and nothing is
//! left to be chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::excerpt::Excerpt;
use crate::files::other_lock::{Origin, OtherLock, Package};
use crate::files::pyproject::{self, Pyproject};
use crate::files::requirements::{self, Requirement, Requirements, line_of, normalise};
use crate::files::{pdm_lock, pipfile, poetry_lock, setup};
use crate::plan::{LockTool, Place};
use crate::python::module::Module;

/// Poetry and Pipenv long left these out of their locks: each environment had them anyway.
pub const LEFT_OUT: [&str; 4] = ["distribute", "pip", "setuptools", "wheel"];

/// Locks without setuptools are of a time when it still had `pkg_resources`, which left it in 82.
const SETUPTOOLS: &str = "setuptools<81";

/// What uv is told of a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What is asked for, as lines of a requirements file, with the indexes the lock names.
    pub requirements: Vec<String>,
    /// What limits the choice, in the same form.
    pub constraints: Vec<String>,
    /// The requirements are all there is: nothing that they need in turn may be added.
    pub is_complete: bool,
    /// By normalised name, each version that is locked with the SHA-256 of its files. A package
    /// that comes from elsewhere than an index has no version here that could be compared.
    pub files: BTreeMap<String, Vec<LockedVersion>>,
}

/// A version of a package in a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockedVersion {
    /// As it is written there; empty for a folder of the project.
    pub version: String,
    /// SHA-256 in hexadecimal of each file; empty where the lock has none.
    pub hashes: BTreeSet<String>,
}

/// A lock with the list that it was made from.
pub(crate) struct Beside {
    pub(crate) lock: OtherLock,
    /// The project's own requirements, as lines.
    lines: Vec<String>,
    pub(crate) roots: Vec<Requirement>,
    indexes: Vec<String>,
    /// The one Python that a Pipfile names.
    pub(crate) python: Option<(String, Place)>,
}

/// Reads `lock`, a path relative to the folder `root`, for one Python: `[3, 12, 4]`.
pub fn read(root: &Path, tool: LockTool, lock: &Path, python: [u32; 3]) -> Result<Told> {
    let text_of = |file: &Path| Ok(ship_base::file::read_text_if_there(&root.join(file))?);
    let beside = Beside::read(&text_of, tool, lock)?;
    Ok(beside.map(|beside| beside.told(python)).unwrap_or_default())
}

impl Beside {
    /// Reads a lock and its list by `text_of`; `None` where either is missing.
    pub(crate) fn read(
        text_of: &dyn Fn(&Path) -> Result<Option<String>>,
        tool: LockTool,
        lock: &Path,
    ) -> Result<Option<Self>> {
        let manifest = lock.with_file_name(tool.manifest());
        let (Some(text), Some(list)) = (text_of(lock)?, text_of(&manifest)?) else {
            return Ok(None);
        };
        let mut beside = match tool {
            LockTool::Pipenv => Self::pipenv(lock, &text, &manifest, &list)?,
            LockTool::Poetry | LockTool::Pdm => {
                Self::pyproject(tool, lock, &text, &manifest, &list)?
            }
        };
        if tool == LockTool::Pipenv {
            beside.keep_own_name(lock, text_of)?;
        }
        beside.indexes.retain({
            let mut seen = BTreeSet::new();
            move |index| seen.insert(index.clone())
        });
        let place = || Place::file(&manifest);
        let roots = beside.lines.iter();
        beside.roots = roots.filter_map(|line| line_of(line, place())).collect();
        match beside.lock.lacks(&beside.roots) {
            Some(root) => Err(stale(tool, lock, &manifest, &list, &root.name)),
            None => Ok(Some(beside)),
        }
    }

    fn pipenv(lock: &Path, text: &str, manifest: &Path, list: &str) -> Result<Self> {
        let table: toml::Table =
            toml::from_str(list).map_err(|e| pyproject::toml_error(manifest, list, &e))?;
        let file = pipfile::parse(&table);
        let locked = pipfile::parse_lock(text).map_err(|e| json_error(lock, text, &e))?;
        Ok(Self {
            indexes: [file.indexes, locked.indexes.clone()].concat(),
            lock: locked,
            lines: file.requirements,
            roots: Vec::new(),
            python: file.python.map(|version| {
                let line = crate::excerpt::line_of(list, list.find(&version).unwrap_or(0));
                (version, Place::line(manifest, line))
            }),
        })
    }

    fn pyproject(
        tool: LockTool,
        lock: &Path,
        text: &str,
        manifest: &Path,
        list: &str,
    ) -> Result<Self> {
        let project = pyproject::parse(manifest, list)?;
        let groups = project
            .poetry
            .as_ref()
            .map(|poetry| poetry.groups.as_slice());
        let read = match tool {
            LockTool::Pdm => pdm_lock::parse(text),
            _ => poetry_lock::parse(text, groups.unwrap_or_default()),
        };
        let read = read.map_err(|e| pyproject::toml_error(lock, text, &e))?;
        let mut indexes = project.indexes.clone();
        indexes.extend(project.poetry.iter().flat_map(|p| p.indexes.clone()));
        indexes.extend(read.indexes.clone());
        Ok(Self {
            lock: read,
            lines: own_lines(&project),
            roots: Vec::new(),
            indexes,
            python: None,
        })
    }

    /// Some locks name the project itself as if an index had it. Whatever has that name there is
    /// somebody else's.
    fn keep_own_name(
        &mut self,
        lock: &Path,
        text_of: &dyn Fn(&Path) -> Result<Option<String>>,
    ) -> Result<()> {
        let script = lock.with_file_name("setup.py");
        let Some(text) = text_of(&script)? else {
            return Ok(());
        };
        let named = setup::python(&Module::read(&script, &text)).name;
        let own = normalise(&named.map(|(name, _)| name).unwrap_or_default());
        let mut packages = self.lock.packages.iter_mut();
        let is_own = |p: &&mut Package| p.name == own && p.hashes.is_empty();
        if let Some(package) = packages.find(is_own).filter(|p| p.origin == Origin::Index) {
            package.origin = Origin::Folder(".".to_owned());
        }
        Ok(())
    }

    /// What uv is told, for this Python.
    fn told(&self, python: [u32; 3]) -> Told {
        let indexes = self.indexes.iter();
        let mut requirements: Vec<String> = indexes
            .map(|index| format!("--extra-index-url {index}"))
            .collect();
        let mut constraints = Vec::new();
        if self.lock.is_complete {
            requirements.extend(self.lock.lines());
            constraints.extend(self.lines.iter().filter_map(|line| constraint(line)));
        } else {
            let elsewhere = self.lock.beside_index(&self.roots);
            // What stands in the lock as a commit or a folder is asked for as that.
            let mut plain = self.lines.clone();
            plain.retain(|line| constraint(line).is_some());
            requirements.extend(plain);
            requirements.extend(elsewhere);
            constraints = self.lock.pins(python);
            if !self.lock.packages.iter().any(|p| p.name == "setuptools") {
                constraints.push(SETUPTOOLS.to_owned());
            }
        }
        Told {
            requirements,
            constraints,
            is_complete: self.lock.is_complete,
            files: self.files(),
        }
    }

    fn files(&self) -> BTreeMap<String, Vec<LockedVersion>> {
        let mut files: BTreeMap<String, Vec<LockedVersion>> = BTreeMap::new();
        for package in &self.lock.packages {
            files
                .entry(package.name.clone())
                .or_default()
                .push(LockedVersion {
                    version: package.version.clone(),
                    hashes: package.hashes.clone(),
                });
        }
        files
    }
}

/// The project's own requirements: of `[project]`, else of Poetry's table; of its groups besides.
fn own_lines(project: &Pyproject) -> Vec<String> {
    let poetry = project.poetry.as_ref();
    let lines = poetry.map(|poetry| poetry.requirements.clone());
    if !project.has_list {
        return lines.unwrap_or_default();
    }
    let mut own = project.lines.clone();
    // Beside `[project] dependencies`, Poetry's table says more about the same packages.
    let groups = poetry.filter(|poetry| !poetry.groups.is_empty());
    own.extend(
        groups
            .map(|poetry| poetry.requirements.clone())
            .into_iter()
            .flatten(),
    );
    own
}

/// A requirement as a constraint: a range of versions, without extras. `None` where it names a
/// place.
fn constraint(line: &str) -> Option<String> {
    if line.starts_with('-') || line.starts_with(['.', '/']) || line.contains(" @ ") {
        return None;
    }
    match (line.find('['), line.find(']')) {
        (Some(from), Some(to)) if from < to => {
            Some(format!("{}{}", &line[..from], &line[to + 1..]))
        }
        _ => Some(line.to_owned()),
    }
}

fn stale(tool: LockTool, lock: &Path, manifest: &Path, list: &str, name: &str) -> Error {
    let wanted = list
        .lines()
        .position(|line| {
            let start = line
                .trim_start()
                .trim_start_matches(['"', '\''])
                .to_lowercase();
            start.replace('_', "-").starts_with(name)
        })
        .map_or(1, |at| at as u32 + 1);
    Error::Manifest {
        excerpt: Box::new(Excerpt::of_line(manifest, list, wanted)),
        message: format!("`{}` does not have `{name}`", lock.display()),
        hint: Some(format!("`{}` brings it up to date", tool.command())),
    }
}

/// A JSON reader's mistake with our excerpt.
pub(crate) fn json_error(file: &Path, text: &str, error: &serde_json::Error) -> Error {
    let above = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let at = above.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    Error::Manifest {
        excerpt: Box::new(Excerpt::new(file, text, at..at)),
        message: format!("the JSON cannot be read: {error}"),
        hint: None,
    }
}

/// What requirements files, paths relative to `root`, say of hashes: by normalised name, where a
/// line has some.
pub fn hashes(root: &Path, files: &[PathBuf]) -> BTreeMap<String, Vec<LockedVersion>> {
    let text_of = |path: &Path| ship_base::file::read_text_if_there(&root.join(path)).ok()?;
    let mut by_name: BTreeMap<String, Vec<LockedVersion>> = BTreeMap::new();
    for file in files {
        let read = Requirements::read(file, &text_of);
        for entry in read.entries.into_iter().filter(|e| !e.hashes.is_empty()) {
            let version = LockedVersion {
                version: entry.version.unwrap_or_default(),
                hashes: entry.hashes.into_iter().collect(),
            };
            by_name.entry(entry.name).or_default().push(version);
        }
    }
    by_name
}

/// Requirements files, paths relative to `root`, as the lines that uv takes, where they have lines
/// that it does not: a commit of a repository cannot be editable there, and is installed as it is.
pub fn plain_lines(root: &Path, files: &[PathBuf]) -> Option<Vec<String>> {
    let text_of = |path: &Path| ship_base::file::read_text_if_there(&root.join(path)).ok()?;
    let mut lines = Vec::new();
    let mut changed = false;
    for file in files {
        for line in requirements::flat_lines(file, &text_of) {
            let plain = requirements::plain(&line);
            changed |= plain.is_some();
            lines.push(plain.unwrap_or(line));
        }
    }
    changed.then_some(lines)
}

/// Where the lock of `tool` is in `folder`.
pub(crate) fn path(folder: &Path, tool: LockTool) -> PathBuf {
    folder.join(tool.lock())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tool: LockTool, files: &[(&str, &str)]) -> Result<Option<Beside>> {
        let text_of = |path: &Path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path);
            Ok(file.map(|(_, text)| (*text).to_owned()))
        };
        Beside::read(&text_of, tool, Path::new(tool.lock()))
    }

    const POETRY: &str = "[tool.poetry.dependencies]\npython = \"^3.10\"\nflask = \"^3.0\"\n";

    #[test]
    fn a_complete_lock_is_all_that_is_asked_for() {
        let lock = "[[package]]\nname = \"flask\"\nversion = \"3.0.3\"\ngroups = [\"main\"]\nfiles = [{hash = \"sha256:00\"}]\n";
        let files = [("pyproject.toml", POETRY), ("poetry.lock", lock)];
        let told = read(LockTool::Poetry, &files)
            .unwrap()
            .unwrap()
            .told([3, 12, 0]);
        assert!(told.is_complete);
        assert_eq!(told.requirements, ["flask==3.0.3"]);
        assert_eq!(told.constraints, ["flask>=3.0,<4"]);
        assert!(told.files["flask"][0].hashes.contains("00"));
    }

    #[test]
    fn an_older_lock_limits_what_the_project_asks_for() {
        let lock = "[[package]]\nname = \"flask\"\nversion = \"3.0.3\"\n[[package]]\nname = \"pytest\"\nversion = \"8.0.0\"\n";
        let files = [("pyproject.toml", POETRY), ("poetry.lock", lock)];
        let told = read(LockTool::Poetry, &files)
            .unwrap()
            .unwrap()
            .told([3, 12, 0]);
        assert!(!told.is_complete);
        assert_eq!(told.requirements, ["flask>=3.0,<4"]);
        assert_eq!(
            told.constraints,
            ["flask==3.0.3", "pytest==8.0.0", SETUPTOOLS]
        );
    }

    #[test]
    fn a_lock_without_a_package_that_is_asked_for_is_out_of_date() {
        let lock = "[[package]]\nname = \"django\"\nversion = \"5.0\"\n";
        let files = [("pyproject.toml", POETRY), ("poetry.lock", lock)];
        let error = read(LockTool::Poetry, &files).err().unwrap();
        insta::assert_snapshot!(error, @r#"
        `poetry.lock` does not have `flask`
         --> pyproject.toml:3:1
          |
        3 | flask = "^3.0"
          | ^^^^^^^^^^^^^^
        "#);
    }

    #[test]
    fn a_lock_that_is_no_json_has_its_place() {
        let files = [
            ("Pipfile", "[packages]\n"),
            ("Pipfile.lock", "{\n  \"default\": [\n"),
        ];
        let error = read(LockTool::Pipenv, &files).err().unwrap();
        assert!(error.to_string().contains("Pipfile.lock:2"), "{error}");
    }
}
