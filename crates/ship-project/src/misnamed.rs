//! Files whose names are nearly those that are read.

use std::path::{Path, PathBuf};

use crate::files::procfile;
use crate::files::python_version::{self, Named};
use crate::plan::{Note, Place};
use crate::project::Project;

/// A name that is read, and whether a text is what such a file holds.
type Known = (&'static str, fn(&str) -> bool);

const KNOWN: [Known; 3] = [
    ("Procfile", is_procfile),
    (".python-version", names_a_python),
    ("runtime.txt", names_a_python),
];

/// Names that begin with a dot are in no list of files.
const HIDDEN: [&str; 4] = [
    ".python-version.txt",
    ".python_version",
    ".pythonversion",
    ".pyton-version",
];

/// What is said of those that hold what they seem to.
pub(crate) fn notes(project: &Project) -> Vec<Note> {
    let listed = project.tree.files();
    let mut here: Vec<PathBuf> = listed
        .filter(|file| file.parent() == Some(&project.folder))
        .map(Path::to_owned)
        .collect();
    here.extend(HIDDEN.iter().map(|name| project.folder.join(name)));
    let notes = KNOWN.iter().map(|known| note(project, &here, known));
    notes.flatten().collect()
}

fn note(project: &Project, here: &[PathBuf], (name, holds): &Known) -> Option<Note> {
    let right = project.folder.join(name);
    let text_of = |file: &Path| project.tree.text(file).ok().flatten();
    let is_there = here.contains(&right) || name.starts_with('.') && text_of(&right).is_some();
    let near = |file: &&PathBuf| {
        let own = file.file_name().and_then(|own| own.to_str());
        own.is_some_and(|own| is_nearly(own, name))
    };
    let mut near = here.iter().filter(|_| !is_there).filter(near);
    let file = near.find(|file| text_of(file).is_some_and(|text| holds(&text)))?;
    Some(Note {
        text: format!("`{}` is not read: is `{name}` meant?", file.display()),
        hint: Some(format!("`mv {} {}`", file.display(), right.display())),
        place: Some(Place::file(file)),
    })
}

/// Another ending or case, or two letters at most in a long name and one in a short one;
/// `requirements-dev.txt` is another file.
pub(crate) fn is_nearly(own: &str, name: &str) -> bool {
    let (lower, wanted) = (own.to_lowercase(), name.to_lowercase());
    let most = if name.len() > 8 { 2 } else { 1 };
    own != name
        && (lower.strip_suffix(".txt") == Some(&*wanted)
            || strsim::damerau_levenshtein(&lower, &wanted) <= most)
}

fn is_procfile(text: &str) -> bool {
    let read = procfile::parse(Path::new("Procfile"), text);
    read.is_ok_and(|entries| !entries.is_empty())
}

fn names_a_python(text: &str) -> bool {
    let named = python_version::python_version(text);
    named.is_some_and(|(named, _)| matches!(named, Named::Python(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_nearly_right_are_told_from_others() {
        for own in [
            "requirement.txt",
            "requirments.txt",
            "Requirements.txt",
            "requirements.text",
        ] {
            assert!(is_nearly(own, "requirements.txt"), "{own}");
        }
        assert!(is_nearly("PipFile", "Pipfile"));
        assert!(is_nearly("pyproject.tml", "pyproject.toml"));
        for own in ["requirements.txt", "requirements-dev.txt", "req.txt"] {
            assert!(!is_nearly(own, "requirements.txt"), "{own}");
        }
        assert!(!is_nearly("Procfile", "Pipfile"));
        for own in ["procfile", "Procfile.txt", "ProcFile", "Procfle"] {
            assert!(is_nearly(own, "Procfile"), "{own}");
        }
        for own in ["Procfile", "Procfile.dev", "Pipfile"] {
            assert!(!is_nearly(own, "Procfile"), "{own}");
        }
        assert!(is_nearly("runtime.text", "runtime.txt"));
        assert!(is_nearly(".python_version", ".python-version"));
    }
}
