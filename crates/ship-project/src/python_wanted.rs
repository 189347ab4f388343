//! Which Python a project asks for, and where it says so.

use std::path::Path;

use crate::error::{Error, Result};
use crate::excerpt::Excerpt;
use crate::files::poetry_range::{allows, specifier};
use crate::files::python_version::{self, Named};
use crate::manifest::Manifest;
use crate::packages::Packages;
use crate::plan::{Note, Place, PythonRequest, Sourced};
use crate::project::Project;
use crate::python_life::{self, AS_OF, NEWEST, OLDEST};

/// Finds a version in a file's text, with its line.
type Reader = fn(&str) -> Option<(Named, u32)>;

/// Files that name one Python, the plainest first.
const FILES: [(&str, Reader); 8] = [
    (".python-version", python_version::python_version),
    ("runtime.txt", python_version::runtime_txt),
    (".tool-versions", python_version::tool_versions),
    ("mise.toml", python_version::mise),
    (".mise.toml", python_version::mise),
    ("mise/config.toml", python_version::mise),
    (".config/mise.toml", python_version::mise),
    (".config/mise/config.toml", python_version::mise),
];

/// The manifest's word, else that of a file for it, of the list of packages, or of
/// `requires-python`, which holds beside each of them.
pub(crate) fn choose(
    project: &Project,
    manifest: &Manifest,
    packages: &Packages,
    folder: &Path,
) -> Result<Sourced<PythonRequest>> {
    let requires = packages.requires_python.clone();
    let specifier = requires.as_ref().map(|(text, _)| text.clone());
    let request = |request: String| PythonRequest {
        request,
        requires: specifier.clone(),
    };
    if let Some(python) = &manifest.python {
        let value = request(python.value.clone());
        return Ok(Sourced::from(value, python.place.clone()));
    }
    let named = in_files(project, &[folder, Path::new("")])?;
    if let Some((version, place)) = named.or_else(|| packages.python.clone()) {
        return Ok(Sourced::from(request(version), place));
    }
    Ok(match (requires, &specifier) {
        (Some((_, place)), Some(text)) => Sourced::from(request(text.clone()), place),
        _ => Sourced::by_default(request(String::new()), "any Python 3 will do"),
    })
}

/// The first file that names a Python.
fn in_files(project: &Project, folders: &[&Path]) -> Result<Option<(String, Place)>> {
    let all = said(project, folders)?;
    Ok(all.into_iter().find_map(|(named, place)| match named {
        Named::Python(version) => Some((version, place)),
        Named::Unknown(_) => None,
    }))
}

/// What every file says of Python, the plainest first.
fn said(project: &Project, folders: &[&Path]) -> Result<Vec<(Named, Place)>> {
    let mut said = Vec::new();
    for (number, folder) in folders.iter().enumerate() {
        if folders[..number].contains(folder) {
            continue;
        }
        for (name, read) in FILES {
            let file = folder.join(name);
            let text = project.tree.text(&file)?;
            if let Some((named, line)) = text.and_then(|text| read(&text)) {
                said.push((named, Place::line(file, line)));
            }
        }
    }
    Ok(said)
}

/// What is wrong with the Python that is wanted; `folder` is where the application starts.
pub(crate) fn doubts(
    project: &Project,
    folder: &Path,
    python: &Sourced<PythonRequest>,
) -> Result<Vec<Note>> {
    let mut doubts = Vec::from_iter(contradiction(python));
    doubts.extend(not_released(python));
    doubts.extend(no_specifier(python));
    let said = said(project, &[folder, Path::new("")])?;
    doubts.extend(others(&said, python));
    let named = said
        .iter()
        .any(|(named, _)| matches!(named, Named::Python(_)));
    if let Some((Named::Unknown(text), place)) = said.first().filter(|_| !named) {
        doubts.push(Note {
            text: format!("`{text}` names no Python that is understood here"),
            hint: Some("write `3.13`, `3.12.4` or `pypy@3.11`".to_owned()),
            place: Some(place.clone()),
        });
    }
    Ok(doubts)
}

/// A version that `requires-python` does not allow.
fn contradiction(python: &Sourced<PythonRequest>) -> Option<Note> {
    let PythonRequest { request, requires } = &python.value;
    let requires = requires.as_ref().filter(|it| *it != request)?;
    let (major, minor) = version(python)?;
    let patch = request
        .split('.')
        .nth(2)
        .and_then(|patch| patch.parse().ok());
    // Some release of `3.11` may do where `3.11.0` does not.
    let patches = patch.map_or(0..100, |patch| patch..patch + 1);
    let fits = |patch| allows(requires, [major, minor, patch]);
    if patches.into_iter().any(fits) {
        return None;
    }
    Some(Note {
        text: format!("Python {request} is asked for, and `requires-python` is `{requires}`"),
        hint: Some("make the two agree".to_owned()),
        place: python.places.first().cloned(),
    })
}

/// Files that name another Python than the one that is taken from a file like them.
fn others(said: &[(Named, Place)], python: &Sourced<PythonRequest>) -> Vec<Note> {
    let taken = python.places.first();
    let Some((_, taken)) = said.iter().find(|(_, place)| Some(place) == taken) else {
        return Vec::new();
    };
    let request = &python.value.request;
    let differ = said.iter().filter_map(|(named, place)| match named {
        Named::Python(other) if !is_within(other, request) && !is_within(request, other) => {
            Some((other, place))
        }
        _ => None,
    });
    let note = |(other, place): (&String, &Place)| Note {
        text: format!(
            "`{}` names Python {other}, and `{}` Python {request}, which is taken",
            place.file.display(),
            taken.file.display()
        ),
        hint: Some("make the two agree".to_owned()),
        place: Some(place.clone()),
    };
    differ.map(note).collect()
}

/// Whether `3.12.4` is a `3.12`; a range is compared as it is written.
fn is_within(version: &str, of: &str) -> bool {
    let rest = version.strip_prefix(of);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        || of.starts_with(['>', '<', '!', '~', '=', '^'])
}

/// A `requires-python` in the words of Poetry, which no other tool reads.
fn no_specifier(python: &Sourced<PythonRequest>) -> Option<Note> {
    let requires = python.value.requires.as_ref()?;
    let parts = || requires.split(',').map(str::trim);
    let sign = parts().find_map(|part| match part.chars().next()? {
        '^' => Some("^"),
        '~' if !part.starts_with("~=") => Some("~"),
        _ => None,
    })?;
    let written = specifier(requires);
    let own = python.value.request == *requires;
    Some(Note {
        text: format!(
            "`requires-python` is `{requires}`, and `{sign}` is Poetry's: the build cannot read it"
        ),
        hint: written.map(|written| format!("write `{written}`")),
        place: python.places.first().filter(|_| own).cloned(),
    })
}

/// A version that nobody has released as far as is known.
fn not_released(python: &Sourced<PythonRequest>) -> Option<Note> {
    let (major, minor) = version(python).filter(|wanted| *wanted > NEWEST)?;
    let (newest, of_it) = NEWEST;
    let text = format!("Python {major}.{minor} is not known: the newest is {newest}.{of_it}");
    Some(maintained(text, python))
}

/// A version that has ended; PyPy and GraalPy have lives of their own.
pub(crate) fn ended(python: &Sourced<PythonRequest>) -> Option<Note> {
    let is_cpython = python
        .value
        .request
        .starts_with(|c: char| c.is_ascii_digit());
    let (major, minor) = version(python).filter(|_| is_cpython)?;
    let day = python_life::ended((major, minor), AS_OF)?;
    let (oldest, of_it) = OLDEST;
    let runs = if (major, minor) < OLDEST {
        format!(" and does not run here: {oldest}.{of_it} is the oldest that does")
    } else {
        String::new()
    };
    let text = format!("Python {major}.{minor} has had no security fixes since {day}{runs}");
    Some(maintained(text, python))
}

fn maintained(text: String, python: &Sourced<PythonRequest>) -> Note {
    Note {
        text,
        hint: Some("`echo 3.13 > .python-version` asks for a maintained one".to_owned()),
        place: python.places.first().cloned(),
    }
}

/// The minor version of a request that names one: `3.12`, not `3` or `>=3.12`.
fn version(python: &Sourced<PythonRequest>) -> Option<(u32, u32)> {
    let request = &python.value.request;
    let names = request.starts_with(|c: char| c.is_ascii_alphanumeric()) && request.contains('.');
    names.then(|| python_life::minor(request))?
}

/// A project for Python 2 says so at times; its code would only look broken.
pub(crate) fn refuse_python_2(project: &Project) -> Result<()> {
    let Some((version, place)) = in_files(project, &[Path::new("")])? else {
        return Ok(());
    };
    if python_life::minor(&version).is_none_or(|(major, _)| major >= 3) {
        return Ok(());
    }
    let text = project.tree.text(&place.file)?.unwrap_or_default();
    Err(Error::Manifest {
        excerpt: Box::new(Excerpt::of_line(&place.file, &text, place.line)),
        message: format!(
            "`{}` asks for Python {version}, and Python 2 ended in 2020",
            place.file.display()
        ),
        hint: Some(
            "port it to Python 3: https://docs.python.org/3/howto/pyporting.html; where it runs on that already, \
             write `3.13` into `.python-version`"
                .to_owned(),
        ),
    })
}
