//! Pyramid: <https://trypyramid.com>. An application that is made in code is found there; one that
//! an `.ini` file puts together (PasteDeploy) is run by `pserve`, with the server of that file.

use std::path::Path;

use crate::command::CommandLine;
use crate::detect::development::Replaceable;
use crate::detect::objects::{import_paths, start_folder};
use crate::detect::program::{Program, spoken};
use crate::detect::{Found, Row, stored};
use crate::error::Result;
use crate::files::ini::Ini;
use crate::plan::{Note, OwnPort, Place};
use crate::project::Project;
use crate::python::index::plain;

pub(super) const ROW: Row = Row {
    key: "pyramid",
    label: "Pyramid",
    package: "pyramid",
    classes: &[],
};

/// Files by these names are preferred, in order; then the first by name.
const NAMES: [&str; 3] = ["production.ini", "prod.ini", "app.ini"];
/// How deep an `.ini` file may lie.
const DEEPEST: usize = 2;

/// An `.ini` file with an application and a server.
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let mut files: Vec<&Path> = project.tree.files().filter(|file| is_ini(file)).collect();
    files.sort_by_key(|file| {
        let name = file.file_name().unwrap_or_default();
        let known = NAMES.iter().position(|known| name == *known);
        (file.components().count(), known.unwrap_or(NAMES.len()))
    });
    for file in files {
        let ini = Ini::read(&project.tree.text(file)?.unwrap_or_default());
        if let Some(line) = application(&ini).filter(|_| ini.has("server:main")) {
            return Ok(Some(found(project, file, &ini, line)));
        }
    }
    Ok(None)
}

fn is_ini(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "ini")
        && file.components().count() <= DEEPEST
}

/// The line that names the application: `use = egg:shop`, `paste.app_factory = shop:main`.
fn application(ini: &Ini) -> Option<u32> {
    let sections = ["app:main", "pipeline:main", "composite:main"];
    let keys = ["use", "paste.app_factory", "pipeline"];
    let all = sections
        .iter()
        .flat_map(|section| keys.iter().map(move |key| (section, key)));
    all.filter_map(|(section, key)| ini.get(section, key))
        .map(|(_, line)| line)
        .next()
}

fn found(project: &Project, file: &Path, ini: &Ini, line: u32) -> Found {
    let place = Place::line(file, line);
    let folder = file.parent().unwrap_or(Path::new(""));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let own_port = port(ini).map_or(OwnPort::First, OwnPort::Asked);
    let mut found = Found::new(&ROW, place.clone());
    "an application in an `.ini` file".clone_into(&mut found.reason);
    found.folder = start_folder(folder);
    found.import_paths = import_paths(folder);
    found.program = Some(Program {
        command: CommandLine::Argv(vec!["pserve".to_owned(), name.to_string()]),
        own_port: Some(own_port),
        is_web: true,
        reason: format!(
            "`pserve` starts the server of `{name}`, {}",
            spoken(own_port)
        ),
        place,
    });
    found.notes.extend(development(file, ini));
    stored::add(project, &mut found);
    found
}

/// The port of `listen = *:6543` or `port = 6543`.
fn port(ini: &Ini) -> Option<u16> {
    let (listen, _) = ini
        .get("server:main", "listen")
        .or_else(|| ini.get("server:main", "port"))?;
    let first = listen.split_whitespace().next()?;
    first.rsplit(':').next()?.parse().ok()
}

/// What a file is for, where its author says that it is not for visitors.
struct Development {
    text: String,
    line: u32,
}

/// The toolbar, which shows code and settings; templates that are looked at anew; else the name.
fn for_development(file: &Path, ini: &Ini) -> Option<Development> {
    let name = file.display();
    let has = |key: &str, fits: &dyn Fn(&str) -> bool| {
        let found = ini.get("app:main", key).filter(|(value, _)| fits(value));
        found.map(|(_, line)| line)
    };
    let toolbar = |value: &str| value.contains("pyramid_debugtoolbar");
    if let Some(line) = has("pyramid.includes", &toolbar) {
        let text = format!(
            "`{name}` is made for development: `pyramid_debugtoolbar` shows code and settings to visitors"
        );
        return Some(Development { text, line });
    }
    let text = format!("`{name}` is made for development");
    if let Some(line) = has("pyramid.reload_templates", &|value| value == "true") {
        return Some(Development { text, line });
    }
    let stem = file.file_stem().unwrap_or_default();
    let named = ["dev", "development"].iter().any(|known| stem == *known);
    named.then_some(Development { text, line: 0 })
}

fn development(file: &Path, ini: &Ini) -> Option<Note> {
    let Development { text, line } = for_development(file, ini)?;
    let place = match line {
        0 => Place::file(file),
        line => Place::line(file, line),
    };
    Some(Note {
        text,
        hint: Some("a `production.ini` beside it is taken in its place".to_owned()),
        place: Some(place),
    })
}

/// The file that a line of the Procfile gives to `pserve`, where it is one for development.
pub(super) fn served_for_development(project: &Project, arguments: &[&str]) -> Option<Replaceable> {
    let is_ini = |word: &&&str| Path::new(word).extension().is_some_and(|it| it == "ini");
    let name = arguments.iter().find(is_ini)?;
    let file = plain(&project.folder.join(name));
    let ini = Ini::read(&project.tree.text(&file).ok()??);
    let found = for_development(&file, &ini)?;
    Some(Replaceable {
        reason: found.text,
        remedy: Some(
            "name a file for visitors, without `pyramid_debugtoolbar`: `pserve production.ini`"
                .to_owned(),
        ),
        ..Replaceable::default()
    })
}
