//! Which Python a project asks for, and where it says so.

use std::path::Path;

use crate::error::{Error, Result};
use crate::excerpt::Excerpt;
use crate::files::python_version;
use crate::manifest::Manifest;
use crate::packages::Packages;
use crate::plan::{Place, PythonRequest, Sourced};
use crate::project::Project;
use crate::python_life;

/// Finds a version in a file's text, with its line.
type Reader = fn(&str) -> Option<(String, u32)>;

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

fn in_files(project: &Project, folders: &[&Path]) -> Result<Option<(String, Place)>> {
    for folder in folders {
        for (name, read) in FILES {
            let file = folder.join(name);
            let text = project.tree.text(&file)?;
            if let Some((version, line)) = text.and_then(|text| read(&text)) {
                return Ok(Some((version, Place::line(file, line))));
            }
        }
    }
    Ok(None)
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
