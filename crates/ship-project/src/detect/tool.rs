//! Programs of packages that serve files of the project: [`TOOLS`] is their table. They are found by
//! the package that the project names and by a file that belongs to it.

use std::path::{Path, PathBuf};

use crate::command::CommandLine;
use crate::detect::program::Program;
use crate::detect::{
    Found, Row, datasette, panel, reflex, scrapyd, stored, twistd, twisted, voila,
};
use crate::error::Result;
use crate::plan::{Note, OwnPort, Place};
use crate::project::Project;

/// A package's own program.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) row: &'static Row,
    /// Whether a file is what it serves, or what configures it.
    pub(super) belongs: fn(&Path) -> bool,
    /// The command; `{file}` is that file, `{folder}` its folder.
    pub(super) command: &'static [&'static str],
    /// The tool takes a folder as well: what visitors get where several files belong, and the
    /// command is given the folder that all are in.
    pub(super) several: Option<&'static str>,
    /// How it comes to listen where it should.
    pub(super) own_port: OwnPort,
    /// What its author should know, and what to do about it.
    pub(super) note: Option<(&'static str, &'static str)>,
}

const TOOLS: &[&Tool] = &[
    &reflex::TOOL,
    &datasette::TOOL,
    &scrapyd::TOOL,
    &twistd::TOOL,
    &twisted::SCRIPTS,
    &voila::TOOL,
    &panel::NOTEBOOK,
];

/// A tool whose package the project names, with a file for it.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a step of the table, where others can fail"
)]
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let named = TOOLS
        .iter()
        .filter(|tool| project.packages.has(tool.row.package));
    let mut found = named.filter_map(|tool| {
        let mut files: Vec<&Path> = project.tree.files().filter(|f| (tool.belongs)(f)).collect();
        files.sort_by_key(|file| (file.components().count(), *file));
        Some(tool.found(project, files.first()?, &files))
    });
    Ok(found.next())
}

impl Tool {
    fn found(&self, project: &Project, file: &Path, all: &[&Path]) -> Found {
        let place = Place::file(file);
        let several = self.several.filter(|_| all.len() > 1);
        let name = match several {
            Some(_) => shown(&common(all)),
            None => file.display().to_string(),
        };
        let folder = shown(file.parent().unwrap_or(Path::new("")));
        let words = self.command.iter().map(|word| {
            let word = word.replace("{file}", &name);
            word.replace("{folder}", &folder)
        });
        let mut found = Found::new(self.row, place.clone());
        let reason = format!("{} is among the packages", self.row.label);
        found.reason.clone_from(&reason);
        found.program = Some(Program {
            command: CommandLine::Argv(words.collect()),
            own_port: Some(self.own_port),
            is_web: true,
            reason,
            place: place.clone(),
        });
        found.notes.extend(self.note.map(|(text, hint)| Note {
            text: text.to_owned(),
            hint: Some(hint.to_owned()),
            place: Some(place.clone()),
        }));
        found.notes.extend(several.map(|text| Note {
            text: text.to_owned(),
            hint: Some("`[web]` with `command` in `ship.toml` picks one".to_owned()),
            place: Some(place),
        }));
        stored::add(project, &mut found);
        found
    }
}

/// The folder that all files are in.
fn common(files: &[&Path]) -> PathBuf {
    let folders = files.iter().filter_map(|file| file.parent());
    let common = folders.map(Path::to_owned).reduce(|all, folder| {
        let same = all.iter().zip(&folder).take_while(|(a, b)| a == b);
        same.map(|(a, _)| a).collect()
    });
    common.unwrap_or_default()
}

/// A folder as an argument: the project's own is `.`.
fn shown(folder: &Path) -> String {
    match folder.iter().next() {
        Some(_) => folder.display().to_string(),
        None => ".".to_owned(),
    }
}

/// Whether a file's name ends in one of `endings`, without the dot.
pub(super) fn ends_in(file: &Path, endings: &[&str]) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.contains(&ending))
}
