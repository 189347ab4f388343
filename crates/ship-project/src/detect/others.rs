//! Applications beside the one that is run: their author is told that there are several.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::detect::known::INSIDE;
use crate::detect::objects::{Ranked, class_kind};
use crate::detect::own_server::{self, imports};
use crate::plan::Note;
use crate::project::Project;
use crate::python::index::View;
use crate::python::module::Module;

/// How many imports are followed from one file.
const DEPTH: usize = 4;
/// How many others are named.
const SHOWN: usize = 4;

/// What else could be run in place of the first of `ranked`.
pub(super) fn note(project: &Project, ranked: &[Ranked]) -> Option<Note> {
    elsewhere(ranked).or_else(|| beside(project, ranked))
}

/// Applications as deep as the chosen one, in folders of their own.
fn elsewhere(ranked: &[Ranked]) -> Option<Note> {
    let depth = |ranked: &Ranked| ranked.candidate.place.file.components().count();
    let (first, rest) = ranked.split_first()?;
    let others = rest
        .iter()
        .filter(|other| other.root != first.root && depth(other) == depth(first));
    let files: BTreeSet<String> = others
        .map(|other| format!("`{}`", other.candidate.place.file.display()))
        .collect();
    if first.root.iter().next().is_none() || files.is_empty() {
        return None;
    }
    let files: Vec<String> = files.into_iter().collect();
    Some(Note {
        text: format!("there are other applications: {}", files.join(", ")),
        hint: Some("name the folder of the one to run: `ship up FOLDER`".to_owned()),
        place: Some(first.candidate.place.clone()),
    })
}

/// Applications that have nothing to do with the chosen one: neither imports the other.
fn beside(project: &Project, ranked: &[Ranked]) -> Option<Note> {
    let (first, rest) = ranked.split_first()?;
    let chosen = &first.candidate.place.file;
    let index = &project.index;
    let alone = |file: &Path| file != chosen && !reached(project, file).contains(chosen.as_path());
    let mut others: Vec<(PathBuf, &str, Option<String>)> = Vec::new();
    let made = rest.iter().filter(|other| {
        let file = &other.candidate.place.file;
        let module = index.get(file).filter(|_| file != chosen);
        module.is_some_and(|module| is_made(project, module, &other.candidate.object.attribute))
    });
    for other in made {
        let file = &other.candidate.place.file;
        if alone(file) && others.iter().all(|(known, ..)| known != file) {
            let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
            let module = parts.join(".").trim_end_matches(".py").to_owned();
            let object = format!("{module}:{}", other.candidate.object.attribute);
            others.push((file.clone(), other.row.label, Some(object)));
        }
    }
    for (module, label) in own_server::pages(project) {
        if alone(&module.file) && others.iter().all(|(known, ..)| *known != module.file) {
            others.push((module.file.clone(), label, None));
        }
    }
    if others.is_empty() {
        return None;
    }
    let own = reached(project, chosen);
    others.retain(|(file, ..)| !own.contains(file.as_path()));
    let (_, _, object) = others.first()?;
    let pick = match object {
        Some(object) => format!("`[web]` with `app = \"{object}\"`"),
        None => "`[web]` with `command`".to_owned(),
    };
    let shown = others.iter().take(SHOWN);
    let shown = shown.map(|(file, label, _)| format!("`{}` ({label})", file.display()));
    Some(Note {
        text: format!(
            "one application is run of several: also found {}",
            shown.collect::<Vec<_>>().join(", ")
        ),
        hint: Some(format!("{pick} in `ship.toml` picks another")),
        place: Some(first.candidate.place.clone()),
    })
}

/// Whether the object is an instance that this very module makes.
fn is_made(project: &Project, module: &Module, attribute: &str) -> bool {
    let name = attribute.split('.').next().unwrap_or_default();
    let made = module.top.binding(name).and_then(|binding| {
        let call = binding.value.call()?;
        project.index.outside(&View::of(module), &call.function)
    });
    made.is_some_and(|class| {
        class_kind(&class).is_some() || INSIDE.iter().any(|inside| inside.class == class)
    })
}

/// The files that a file imports, and those that they import.
pub(super) fn reached<'a>(project: &'a Project, file: &Path) -> BTreeSet<&'a Path> {
    let mut reached: BTreeSet<&Path> = BTreeSet::new();
    let mut next: Vec<PathBuf> = vec![file.to_owned()];
    for _ in 0..DEPTH {
        let modules: Vec<&Module> = next.iter().filter_map(|f| project.index.get(f)).collect();
        let imported = modules.iter().flat_map(|module| imports(project, module));
        next = imported
            .filter(|file| {
                let module = project.index.get(file);
                module.is_some_and(|module| reached.insert(&module.file))
            })
            .collect();
    }
    reached
}
