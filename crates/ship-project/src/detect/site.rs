//! Sites that a generator builds: one file per generator below `site/`.

use std::path::{Path, PathBuf};

use crate::detect::{Found, Row};
use crate::error::Result;
use crate::files::requirements::{Requirement, Requirements, normalise};
use crate::plan::{
    AssetStep, Generator, Note, Place, Route, RouteTarget, Site, Sourced, requirement_name,
};
use crate::project::Project;

pub(super) mod hugo;
pub(super) mod mkdocs;
pub(super) mod nikola;
pub(super) mod pelican;
pub(super) mod sphinx;

type Look = fn(&Project, &Path) -> Option<Configured>;

/// In the order in which they are looked for in a folder. Nikola and Sphinx both have a `conf.py`;
/// each looks into it.
const LOOKS: [Look; 5] = [
    hugo::look,
    mkdocs::look,
    nikola::look,
    pelican::look,
    sphinx::look,
];

/// Where a site may be that is all there is to serve: documentation of a library, mostly.
const BELOW: [&str; 11] = [
    "site",
    "website",
    "www",
    "blog",
    "source",
    "docs",
    "doc",
    "docs/source",
    "doc/source",
    "documentation",
    "documentation/source",
];

/// Files that name the packages of a site beside those of the project.
const REQUIREMENTS: [&str; 9] = [
    "requirements.txt",
    "docs/requirements.txt",
    "doc/requirements.txt",
    "requirements-docs.txt",
    "requirements-doc.txt",
    "docs-requirements.txt",
    "requirements/docs.txt",
    "requirements/doc.txt",
    "docs/requirements.in",
];

/// A configured generator, before its packages are compared with those of the project.
struct Configured {
    row: &'static Row,
    generator: Generator,
    folder: PathBuf,
    place: Place,
    /// Packages that the configuration asks for beside the generator: theme, plugins.
    packages: Vec<(&'static str, Place)>,
    arguments: Vec<String>,
    writes_to: Option<PathBuf>,
    /// Why the command is what it is, where that is not plain.
    why: Option<&'static str>,
}

impl Configured {
    fn new(row: &'static Row, generator: Generator, folder: &Path, place: Place) -> Self {
        Self {
            row,
            generator,
            folder: folder.to_owned(),
            place,
            packages: Vec::new(),
            arguments: Vec::new(),
            writes_to: None,
            why: None,
        }
    }
}

/// A site at the top of the project.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a step of the table, where others can fail"
)]
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    Ok(look(project, Path::new("")))
}

/// A site in a folder of a project that has nothing else to run.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a step of the table, where others can fail"
)]
pub(super) fn find_below(project: &Project) -> Result<Option<Found>> {
    Ok(BELOW
        .iter()
        .find_map(|folder| look(project, Path::new(folder))))
}

fn look(project: &Project, folder: &Path) -> Option<Found> {
    let configured = LOOKS.iter().find_map(|look| look(project, folder))?;
    Some(found(project, configured))
}

fn found(project: &Project, configured: Configured) -> Found {
    let missing = missing(project, &configured);
    let add = missing.add;
    let mut found = Found::new(configured.row, configured.place.clone());
    found.notes = missing.notes;
    found.packages_at = missing.named_at;
    let reason = match (project.packages.dependencies.is_some(), configured.why) {
        (true, None) if !add.is_empty() => format!("adding {}", add.join(", ")),
        (_, why) => why.unwrap_or_default().to_owned(),
    };
    let site = Site {
        generator: configured.generator,
        folder: shown(&configured.folder),
        add,
        arguments: configured.arguments,
        writes_to: configured.writes_to,
    };
    found.assets.push(Sourced::because(
        AssetStep::Site(site),
        reason,
        vec![configured.place.clone()],
    ));
    found.routes.push(Sourced::because(
        Route::new("/".to_owned(), RouteTarget::Site),
        format!("built by {}", configured.generator.label()),
        Vec::new(),
    ));
    found
}

/// What a site needs beside the packages of the project.
#[derive(Default)]
struct Missing {
    add: Vec<String>,
    /// The site's own file that names them, where there is one.
    named_at: Option<Place>,
    notes: Vec<Note>,
}

/// What the project does not name: taken from a file of the site's own where there is one, else
/// what its configuration asks for.
fn missing(project: &Project, configured: &Configured) -> Missing {
    let generator = configured.generator;
    if !generator.is_python() {
        return Missing {
            add: vec![generator.package().to_owned()],
            ..Missing::default()
        };
    }
    let own = own_requirements(project, configured);
    let mut asked: Vec<(String, Place)> = own
        .iter()
        .map(|entry| (written(entry), entry.place.clone()))
        .collect();
    let named = |name: &str, asked: &[(String, Place)]| {
        let is_it =
            |(one, _): &(String, Place)| normalise(requirement_name(one)) == normalise(name);
        asked.iter().any(is_it)
    };
    let generator = (generator.package(), configured.place.clone());
    for (package, place) in std::iter::once(&generator).chain(&configured.packages) {
        if !named(requirement_name(package), &asked) {
            asked.push(((*package).to_owned(), place.clone()));
        }
    }
    let is_there = |requirement: &str| {
        project
            .packages
            .has(&normalise(requirement_name(requirement)))
    };
    asked.retain(|(requirement, _)| !is_there(requirement));
    // A theme of the project brings its generator along.
    let brought = configured
        .packages
        .iter()
        .any(|(package, _)| is_there(package));
    if brought {
        asked.retain(|(requirement, _)| requirement != generator.0);
    }
    let is_own = |requirement: &str| {
        let name = normalise(requirement_name(requirement));
        own.iter().any(|entry| entry.name == name)
    };
    let open = asked.iter().filter(|(requirement, _)| !is_own(requirement));
    let notes = match project.packages.dependencies {
        Some(_) => open.map(unnamed).collect(),
        None => Vec::new(),
    };
    Missing {
        add: asked.into_iter().map(|(text, _)| text).collect(),
        named_at: own.first().map(|entry| Place::file(&entry.place.file)),
        notes,
    }
}

fn unnamed((requirement, place): &(String, Place)) -> Note {
    Note {
        text: format!(
            "`{requirement}` is not among the packages: it is added for the build of the site"
        ),
        hint: Some(format!(
            "`uv add --dev {requirement}`, or a line in `docs/requirements.txt`, decides about its version"
        )),
        place: Some(place.clone()),
    }
}

/// Entries of the first file that names the generator or one of its packages.
fn own_requirements(project: &Project, configured: &Configured) -> Vec<Requirement> {
    let beside = configured.folder.join("requirements.txt");
    let files = REQUIREMENTS.iter().map(PathBuf::from);
    for file in std::iter::once(beside).chain(files) {
        let text_of = |path: &Path| project.tree.text(path).ok().flatten();
        let read = Requirements::read(&file, &text_of);
        let is_of_site = |entry: &Requirement| {
            let packages = configured.packages.iter().map(|(package, _)| *package);
            let mut all = packages.chain([configured.generator.package()]);
            all.any(|package| normalise(requirement_name(package)) == entry.name)
        };
        if read.entries.iter().any(is_of_site) {
            let named = read.entries.into_iter();
            return named.filter(|entry| !entry.name.is_empty()).collect();
        }
    }
    Vec::new()
}

fn written(entry: &Requirement) -> String {
    let extras = match entry.extras.as_slice() {
        [] => String::new(),
        extras => format!("[{}]", extras.join(",")),
    };
    let version = entry.version.iter().map(|version| format!("=={version}"));
    format!("{}{extras}{}", entry.name, version.collect::<String>())
}

fn shown(folder: &Path) -> PathBuf {
    match folder.iter().next() {
        None => PathBuf::from("."),
        Some(_) => folder.to_owned(),
    }
}

/// The package of a theme, plugin or extension, by a table of `(name, package)`.
fn package_of(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let known = table.iter().find(|(known, _)| *known == name);
    known.map(|(_, package)| *package)
}
