//! The packages of a plan: what files name, and what is added where none does.

use std::path::{Path, PathBuf};

use crate::command::CommandLine;
use crate::detect::{self, Found};
use crate::error::{Error, Result};
use crate::excerpt::Excerpt;
use crate::packages::Packages;
use crate::plan::{AssetStep, Dependencies, Generator, Note, Sourced};
use crate::project::Project;
use crate::start::is_python;

/// Those of the root; else of the folders on the way to the program.
pub(super) fn read(project: &Project, found: Option<&Found>) -> Result<Packages> {
    let mut folders = vec![PathBuf::new(), project.folder.clone()];
    if let Some(found) = found {
        let ways = found.import_paths.iter().chain([&found.folder]);
        let plain = ways.flat_map(|path| path.ancestors());
        folders.extend(
            plain
                .filter(|path| *path != Path::new("."))
                .map(Path::to_owned),
        );
    }
    folders.sort_by_key(|folder| folder.components().count());
    folders.dedup();
    Packages::read(&project.tree, &folders)
}

/// Whether building takes an environment, though nothing runs in one: a generator in Python, or
/// commands of a project that names packages.
pub(super) fn needs_python(assets: &[Sourced<AssetStep>], packages: &Packages) -> bool {
    let program = |command: &CommandLine| command.words()?.first().cloned();
    assets.iter().any(|step| match &step.value {
        AssetStep::Site(site) => site.generator.is_python(),
        AssetStep::Command { command } => {
            packages.dependencies.is_some()
                || program(command).is_some_and(|program| {
                    is_python(&program)
                        || Generator::of_program(&program).is_some_and(Generator::is_python)
                })
        }
        AssetStep::CollectStatic { .. } | AssetStep::FrontEnd(_) => false,
    })
}

pub(super) fn dependencies(
    project: &Project,
    packages: &Packages,
    found: Option<&Found>,
) -> Sourced<Dependencies> {
    packages.dependencies.clone().unwrap_or_else(|| {
        let site = found.and_then(Found::site);
        if let Some(site) = site {
            let add = site.add.clone();
            if let Some(place) = found.and_then(|found| found.packages_at.clone()) {
                return Sourced::from(Dependencies::Unnamed { add }, place);
            }
            return Sourced::by_default(Dependencies::Unnamed { add }, "no file names any package");
        }
        let package = found
            .map(|found| found.row.package)
            .filter(|package| !package.is_empty());
        let behind = match package {
            Some("django") => detect::services::of_backends(project),
            _ => Vec::new(),
        };
        let add = package
            .into_iter()
            .chain(behind)
            .map(str::to_owned)
            .collect();
        Sourced::by_default(Dependencies::Unnamed { add }, "no file names any package")
    })
}

/// Packages that are named in a way that cannot be followed are not "no packages".
pub(super) fn refuse(project: &Project, packages: &Packages) -> Result<()> {
    let Some(refused) = &packages.refused else {
        return Ok(());
    };
    let place = &refused.place;
    let text = project.tree.text(&place.file)?.unwrap_or_default();
    Err(Error::Manifest {
        excerpt: Box::new(Excerpt::of_line(&place.file, &text, place.line)),
        message: refused.message.clone(),
        hint: Some(refused.hint.clone()),
    })
}

pub(super) fn unnamed(dependencies: Option<&Sourced<Dependencies>>) -> Option<Note> {
    let dependencies = dependencies?;
    let Dependencies::Unnamed { add } = &dependencies.value else {
        return None;
    };
    // A program of the standard library alone needs none; a site may have a file of its own.
    (!add.is_empty() && dependencies.places.is_empty()).then(|| Note {
        text: "no file names the packages that the project needs".to_owned(),
        hint: Some(
            "list them in `requirements.txt`, or start with `uv init --bare && uv add …`"
                .to_owned(),
        ),
        place: None,
    })
}
