//! Programs of packages that serve files of the project: [`TOOLS`] is their table. They are found by
//! the package that the project names and by a file that belongs to it.

use std::path::Path;

use crate::command::CommandLine;
use crate::detect::program::Program;
use crate::detect::{Found, Row, datasette, reflex, scrapyd, stored, twistd, voila};
use crate::error::Result;
use crate::plan::{Note, OwnPort, Place};
use crate::project::Project;

/// A package's own program.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) row: &'static Row,
    /// Whether a file is what it serves, or what configures it.
    pub(super) belongs: fn(&Path) -> bool,
    /// The command; `{file}` is that file.
    pub(super) command: &'static [&'static str],
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
    &voila::TOOL,
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
        Some(tool.found(project, files.first()?))
    });
    Ok(found.next())
}

impl Tool {
    fn found(&self, project: &Project, file: &Path) -> Found {
        let place = Place::file(file);
        let name = file.display().to_string();
        let words = self
            .command
            .iter()
            .map(|word| word.replace("{file}", &name));
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
            place: Some(place),
        }));
        stored::add(project, &mut found);
        found
    }
}

/// Whether a file's name ends in one of `endings`, without the dot.
pub(super) fn ends_in(file: &Path, endings: &[&str]) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.contains(&ending))
}
