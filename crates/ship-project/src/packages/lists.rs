//! Packages from lists: what is asked for, with versions chosen at the build.

use std::path::PathBuf;

use super::{Folder, Packages, Refused};
use crate::error::Result;
use crate::excerpt::line_of;
use crate::files::conda::{self as conda_file, Conda};
use crate::files::inline as inline_file;
use crate::files::requirements::Requirements;
use crate::files::setup::{self as setup_file, Setup};
use crate::files::{pipfile as pipfile_file, pyproject as pyproject_file};
use crate::misnamed::is_nearly;
use crate::plan::{Dependencies, Note, Place, Sourced};
use crate::python::module::Module;

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

/// Names of a list for conda.
pub(super) const ENVIRONMENTS: [&str; 2] = ["environment.yml", "environment.yaml"];

/// A requirements file, with what it includes. One that names nothing leaves it to the next.
pub(super) fn requirements(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    for name in REQUIREMENTS {
        let Some((file, _)) = folder.file(name)? else {
            continue;
        };
        let read = Requirements::read(&file, &|path| folder.tree.text(path).ok().flatten());
        if let Some((path, place)) = read.outside.first() {
            packages.refused = Some(Refused {
                place: place.clone(),
                message: format!("`{path}` lies outside the project"),
                hint: "a release holds the project alone: call `ship` in the folder that holds both, or name the package by its version or its repository".to_owned(),
            });
            return Ok(true);
        }
        let value = Dependencies::Requirements {
            files: vec![file.clone()],
            packages: read.entries.len(),
            pinned: read.pinned(),
        };
        if read.entries.is_empty() && read.missing.is_empty() {
            let empty = Sourced::from(value, Place::file(&file));
            packages.empty.get_or_insert(empty);
            continue;
        }
        packages.named(value, Place::file(&file));
        packages
            .notes
            .extend(read.missing.iter().map(missing_include));
        packages.add(&read.entries);
        return Ok(true);
    }
    Ok(false)
}

fn missing_include((path, place): &(PathBuf, Place)) -> Note {
    Note {
        text: format!("`{}` is included and not there", path.display()),
        hint: None,
        place: Some(place.clone()),
    }
}

/// `[project] dependencies`, or Poetry's table.
#[expect(clippy::unnecessary_wraps, reason = "one of a table of readers")]
pub(super) fn pyproject(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    let Some(project) = folder.pyproject else {
        return Ok(false);
    };
    let file = folder.path.join("pyproject.toml");
    if let Some(pixi) = project
        .pixi
        .clone()
        .filter(|_| !project.dynamic_dependencies)
    {
        let mut read = pixi.beside(&project.lines);
        if !project.lines.is_empty() {
            let foreign = std::mem::take(&mut read.foreign);
            packages.notes.extend(without(&file, &foreign));
        }
        return Ok(packages.conda(file, read));
    }
    if !project.dependencies.is_empty()
        || (project.dynamic_dependencies && project.poetry.is_none())
    {
        packages.add(&project.dependencies);
        packages.names_more |= project.dynamic_dependencies;
        packages.named(
            Dependencies::Pyproject { file: file.clone() },
            Place::file(file),
        );
        return Ok(true);
    }
    let Some(poetry) = project.poetry.as_ref().filter(|_| !project.has_list) else {
        return Ok(false);
    };
    packages.add_lines(&poetry.requirements, &file);
    packages.notes.extend(poetry.doubts.iter().map(|text| Note {
        text: text.clone(),
        hint: Some("`poetry lock` writes down which version is meant".to_owned()),
        place: Some(Place::file(&file)),
    }));
    let value = Dependencies::Listed {
        file: file.clone(),
        requirements: poetry.requirements.clone(),
        indexes: poetry.indexes.clone(),
    };
    packages.named(value, Place::file(file));
    Ok(true)
}

/// A `Pipfile` without its lock.
pub(super) fn pipfile(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    let Some((file, text)) = folder.file("Pipfile")? else {
        return Ok(false);
    };
    let table = toml::from_str(&text).map_err(|e| pyproject_file::toml_error(&file, &text, &e))?;
    let read = pipfile_file::parse(&table);
    packages.add_lines(&read.requirements, &file);
    if let Some(version) = read.python {
        let line = line_of(&text, text.find(&version).unwrap_or(0));
        let place = Place::line(&file, line);
        packages.python = Some((version, place));
    }
    let value = Dependencies::Listed {
        file: file.clone(),
        requirements: read.requirements,
        indexes: read.indexes,
    };
    packages.named(value, Place::file(file));
    Ok(true)
}

/// `setup.py`, `setup.cfg`, or both, where they name packages.
pub(super) fn setup(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    let script = folder.file("setup.py")?;
    let options = folder.file("setup.cfg")?;
    let read = |setup: Setup, file: &PathBuf| (setup, file.clone());
    let script =
        script.map(|(file, text)| read(setup_file::python(&Module::read(&file, &text)), &file));
    let options = options.map(|(file, text)| read(setup_file::cfg(&file, &text), &file));
    let both: Vec<(Setup, PathBuf)> = script.into_iter().chain(options).collect();
    for (setup, _) in &both {
        packages.requires_python = packages
            .requires_python
            .take()
            .or_else(|| setup.requires_python.clone());
    }
    let Some((_, file)) = both.iter().find(|(setup, _)| setup.names_packages()) else {
        return Ok(false);
    };
    for (setup, _) in &both {
        packages.add(&setup.requirements);
    }
    packages.names_more = true;
    packages.named(
        Dependencies::Setup { file: file.clone() },
        Place::file(file),
    );
    Ok(true)
}

/// `environment.yml` or `pixi.toml`, where PyPI has what they name.
pub(super) fn conda(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    for name in ENVIRONMENTS.into_iter().chain(["pixi.toml"]) {
        let Some((file, text)) = folder.file(name)? else {
            continue;
        };
        let read = if name == "pixi.toml" {
            let table =
                toml::from_str(&text).map_err(|e| pyproject_file::toml_error(&file, &text, &e))?;
            conda_file::pixi(&table)
        } else {
            conda_file::environment(&text)
        };
        return Ok(packages.conda(file, read));
    }
    Ok(false)
}

/// Scripts that name what they need themselves.
pub(super) fn inline(packages: &mut Packages, folder: &Folder<'_>) -> Result<bool> {
    let is_script = |file: &&std::path::Path| file.extension().is_some_and(|it| it == "py");
    let own = folder.tree.beginning(folder.path, "").filter(is_script);
    let mut first = None;
    let mut requirements: Vec<String> = Vec::new();
    for file in own {
        let text = folder.tree.listed_text(file)?.unwrap_or_default();
        let Some(read) = inline_file::parse(&text) else {
            continue;
        };
        if let Some(python) = read.requires_python {
            let place = Place::line(file, line_of(&text, text.find(&python).unwrap_or(0)));
            packages.requires_python.get_or_insert((python, place));
        }
        requirements.extend(read.dependencies);
        first.get_or_insert(file.to_owned());
    }
    let Some(file) = first.filter(|_| !requirements.is_empty()) else {
        return Ok(false);
    };
    requirements.sort();
    requirements.dedup();
    packages.add_lines(&requirements, &file);
    let value = Dependencies::Listed {
        file: file.clone(),
        requirements,
        indexes: Vec::new(),
    };
    packages.named(value, Place::file(file));
    Ok(true)
}

/// Packages that a `pyproject.toml` names, and that nobody asks for.
pub(super) fn extras(folder: &Folder<'_>) -> Option<Note> {
    let extras = &folder.pyproject?.extras;
    let (first, _) = extras.first()?;
    let names: Vec<String> = extras.iter().map(|(name, _)| format!("`{name}`")).collect();
    let file = folder.path.join("pyproject.toml");
    Some(Note {
        text: format!(
            "`{}` names packages only in extras and groups, which are not installed: {}",
            file.display(),
            names.join(", ")
        ),
        hint: Some(format!(
            "move what the project runs with from `{first}` to `dependencies` of `[project]`"
        )),
        place: Some(extras[0].1.clone()),
    })
}

impl Packages {
    fn conda(&mut self, file: PathBuf, read: Conda) -> bool {
        if let Some((version, line)) = read.python {
            let place = Place::line(&file, line);
            self.python = Some((version, place));
        }
        if let Some((_, line)) = read.foreign.first() {
            self.refused = Some(refused(&file, *line, &read.foreign));
            return false;
        }
        self.add_lines(&read.requirements, &file);
        let (list, remedy) = match file.extension() {
            Some(ending) if ending != "toml" => (
                format!("`{}` is for conda", file.display()),
                "init --bare && uv add",
            ),
            _ if file.ends_with("pyproject.toml") => {
                ("`[tool.pixi]` is for pixi".to_owned(), "add")
            }
            _ => (
                format!("`{}` is for pixi", file.display()),
                "init --bare && uv add",
            ),
        };
        self.notes.push(Note {
            text: format!("{list}: its packages are taken from PyPI"),
            hint: Some(format!("`uv {remedy} …` names and locks them for both")),
            place: Some(Place::file(&file)),
        });
        let value = Dependencies::Listed {
            file: file.clone(),
            requirements: read.requirements,
            indexes: Vec::new(),
        };
        self.named(value, Place::file(file));
        true
    }
}

/// Programs and C libraries beside a list of Python packages.
pub(super) fn without(file: &std::path::Path, foreign: &[(String, u32)]) -> Option<Note> {
    let names: Vec<String> = foreign
        .iter()
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    (!names.is_empty()).then(|| Note {
        text: format!("PyPI does not have {}: not installed", names.join(", ")),
        hint: Some(
            "programs and C libraries are installed on the machine: `sudo apt install …`"
                .to_owned(),
        ),
        place: Some(Place::file(file)),
    })
}

fn refused(file: &std::path::Path, line: u32, foreign: &[(String, u32)]) -> Refused {
    let names: Vec<String> = foreign
        .iter()
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    Refused {
        place: Place::line(file, line),
        message: format!(
            "`{}` names what PyPI does not have: {}",
            file.display(),
            names.join(", ")
        ),
        hint: "list the Python packages by their names on PyPI in `requirements.txt`, which is read before this file; \
               programs and C libraries are installed on the machine: `sudo apt install …`"
            .to_owned(),
    }
}

/// A file whose name is nearly the one that is read.
pub(super) fn misspelt(folder: &Folder<'_>) -> Option<Note> {
    const NAMES: [&str; 3] = ["requirements.txt", "pyproject.toml", "Pipfile"];
    let mut here = folder
        .tree
        .files()
        .filter(|file| file.parent() == Some(folder.path));
    here.find_map(|file| {
        let own = file.file_name()?.to_str()?;
        let meant = NAMES.iter().find(|name| is_nearly(own, name))?;
        let right = folder.path.join(meant);
        Some(Note {
            text: format!("`{}` is not read: is `{meant}` meant?", file.display()),
            hint: Some(format!("`mv {} {}`", file.display(), right.display())),
            place: Some(Place::file(file)),
        })
    })
}
