//! Files that name packages, or a Python, beside the one that counts.

use std::path::{Path, PathBuf};

use super::{Folder, Packages};
use crate::error::Result;
use crate::excerpt::line_of;
use crate::files::conda::{self as conda_file, Conda};
use crate::files::pipfile;
use crate::files::poetry_range::allows;
use crate::files::requirements::{line_of as requirement_of, normalise};
use crate::plan::{Dependencies, Note, Place};
use crate::python_life;

/// More names than this are counted.
const MOST: usize = 5;

/// A list that is passed over.
struct List {
    file: PathBuf,
    read: Conda,
}

/// What the lists for Pipenv and for conda say beside the list that counts; a lock is complete.
pub(super) fn passed_over(packages: &mut Packages, folder: &Folder<'_>) -> Result<()> {
    let Some(counts) = packages.dependencies.as_ref().and_then(list_file) else {
        return Ok(());
    };
    for list in lists(folder)? {
        if list.file == counts {
            continue;
        }
        if let Some((version, line)) = list.read.python.clone() {
            let place = Place::line(&list.file, line);
            packages.python_beside((version, place));
        }
        let missing = missing(packages, &list);
        packages.notes.extend(told(&list.file, &counts, &missing));
        packages
            .notes
            .extend(super::lists::without(&list.file, &list.read.foreign));
    }
    Ok(())
}

/// The list that counts, where it is none of a lock.
fn list_file(named: &crate::plan::Sourced<Dependencies>) -> Option<PathBuf> {
    match &named.value {
        Dependencies::Requirements { .. }
        | Dependencies::Listed { .. }
        | Dependencies::Setup { .. }
        | Dependencies::Pyproject { .. } => Some(named.places.first()?.file.clone()),
        _ => None,
    }
}

/// The lists that are there and can be read.
fn lists(folder: &Folder<'_>) -> Result<Vec<List>> {
    let mut lists = Vec::new();
    if let Some((file, text)) = folder.file("Pipfile")? {
        lists.extend(of_pipenv(&text).map(|read| List { file, read }));
    }
    for name in super::lists::ENVIRONMENTS {
        if let Some((file, text)) = folder.file(name)? {
            let read = conda_file::environment(&text);
            lists.push(List { file, read });
        }
    }
    Ok(lists)
}

fn of_pipenv(text: &str) -> Option<Conda> {
    let read = pipfile::parse(&toml::from_str(text).ok()?);
    let python = read.python.map(|version| {
        let line = line_of(text, text.find(&version).unwrap_or(0));
        (version, line)
    });
    Some(Conda {
        requirements: read.requirements,
        python,
        foreign: Vec::new(),
    })
}

/// Names that the list has, and the packages that are installed have not.
fn missing(packages: &Packages, list: &List) -> Vec<String> {
    let lines = list.read.requirements.iter();
    let named = lines.filter_map(|line| requirement_of(line, Place::file(&list.file)));
    let mut names: Vec<String> = named
        .map(|entry| entry.name)
        .filter(|name| !name.is_empty() && !packages.has(&normalise(name)))
        .collect();
    names.dedup();
    names
}

fn told(file: &Path, counts: &Path, missing: &[String]) -> Option<Note> {
    let (file, counts) = (file.display(), counts.display());
    (!missing.is_empty()).then(|| Note {
        text: format!(
            "`{counts}` names the packages: what only `{file}` names is not installed: {}",
            some_of(missing)
        ),
        hint: Some(format!(
            "a line in `{counts}` for each that the app runs with"
        )),
        place: Some(Place::file(file.to_string())),
    })
}

/// ``` `a`, `b` and 3 more ```
fn some_of(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(MOST).map(|n| format!("`{n}`")).collect();
    match names.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Packages {
    /// The Python of a list that is passed over counts where no other names one, and where the
    /// project's own range allows it.
    fn python_beside(&mut self, (version, place): (String, Place)) {
        let Some((major, minor)) = python_life::minor(&version) else {
            return;
        };
        let plain = version.starts_with(|c: char| c.is_ascii_digit());
        let fits =
            |(range, _): &(String, Place)| (0..100).any(|p| allows(range, [major, minor, p]));
        if self.python.is_none() && plain && self.requires_python.as_ref().is_none_or(fits) {
            self.python = Some((version, place));
        }
    }
}

/// Words in the name of a list that is not for where the project runs.
const ELSEWHERE: [&str; 14] = [
    "build",
    "ci",
    "constraints",
    "dev",
    "develop",
    "development",
    "doc",
    "docs",
    "lint",
    "local",
    "test",
    "testing",
    "tests",
    "optional",
];

/// A list whose name is not looked for, where no other names packages.
pub(super) fn by_another_name(folder: &Folder<'_>) -> Option<Note> {
    let own = |prefix: &'static str| folder.tree.beginning(folder.path, prefix);
    let below = folder.path.join("requirements");
    let requirements = own("req")
        .chain(folder.tree.beginning(&below, ""))
        .find(|file| is_requirements(folder, file));
    if let Some(file) = requirements {
        let right = folder.path.join("requirements.txt");
        let (file, right) = (file.display(), right.display());
        return Some(Note {
            text: format!("no file that is read names the packages, and `{file}` is there"),
            hint: Some(format!(
                "`cp {file} {right}` where it is what the app runs with"
            )),
            place: Some(Place::file(file.to_string())),
        });
    }
    let mut conda = own("conda").chain(own("env"));
    let file = conda.find(|file| is_environment(folder, file))?;
    let right = folder.path.join("environment.yml");
    let (file, right) = (file.display(), right.display());
    Some(Note {
        text: format!("no file that is read names the packages, and `{file}` is there"),
        hint: Some(format!(
            "`mv {file} {right}`: a list for conda is read by that name"
        )),
        place: Some(Place::file(file.to_string())),
    })
}

fn is_requirements(folder: &Folder<'_>, file: &Path) -> bool {
    let ending = file.extension().is_some_and(|it| it == "txt" || it == "in");
    let stem = file
        .file_stem()
        .and_then(|it| it.to_str())
        .unwrap_or_default();
    let mut words = stem.split(|c: char| !c.is_alphanumeric());
    let names_something = || {
        let text = folder.tree.text(file).ok().flatten().unwrap_or_default();
        let mut lines = text
            .lines()
            .map(|line| requirement_of(line.trim(), Place::file(file)));
        lines.any(|line| line.is_some())
    };
    ending
        && !words.any(|word| ELSEWHERE.contains(&word.to_lowercase().as_str()))
        && names_something()
}

fn is_environment(folder: &Folder<'_>, file: &Path) -> bool {
    let ending = file
        .extension()
        .is_some_and(|it| it == "yml" || it == "yaml");
    let lists = || {
        let text = folder.tree.text(file).ok().flatten().unwrap_or_default();
        text.lines().any(|line| line.starts_with("dependencies:"))
    };
    ending && lists()
}
