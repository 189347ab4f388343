//! Lines of a Procfile that run nowhere: what is there for whoever writes the project.

use crate::command::CommandLine;
use crate::detect::detect;
use crate::detect::development::{previews, recognise, trimmed};
use crate::files::procfile::Entry;
use crate::plan::{Generator, Note};
use crate::project::Project;
use crate::start::{file_name, is_python, without_runner};

/// Names of processes that are for development.
const NAMES: [&str; 7] = [
    "debug",
    "dev",
    "develop",
    "development",
    "local",
    "preview",
    "watch",
];

/// A line that does not run.
pub(crate) struct LeftOut {
    /// The name of its process.
    pub(crate) name: String,
    pub(crate) note: Note,
}

/// Those of a Procfile.
pub(crate) fn read(project: &Project, procfile: &[Entry]) -> Vec<LeftOut> {
    let entries = procfile.iter();
    let notes = entries.filter_map(|entry| {
        let note = match entry.name.as_str() {
            "web" => previewed(project, entry),
            _ => for_development(project, entry),
        }?;
        Some(LeftOut {
            name: entry.name.clone(),
            note,
        })
    });
    notes.collect()
}

/// `dev: flask run` beside what serves.
fn for_development(project: &Project, entry: &Entry) -> Option<Note> {
    if !NAMES.contains(&entry.name.as_str()) {
        return None;
    }
    let reason = match recognise(project, &entry.command) {
        Some(found) => found.reason,
        None => format!("`{}` is for development", trimmed(&entry.command)?.1),
    };
    Some(Note {
        text: format!("{reason}: `{}` is left out", entry.name),
        hint: Some("give it another name and a production server to have it run".to_owned()),
        place: Some(entry.place.clone()),
    })
}

/// `web: mkdocs serve`, where the project is the site that it shows.
fn previewed(project: &Project, entry: &Entry) -> Option<Note> {
    let generator = preview(&entry.command)?;
    let found = detect(project).ok()?;
    let site = found.site().filter(|site| site.generator == generator)?;
    let label = site.generator.label();
    Some(Note {
        text: format!(
            "`{}` shows the pages to whoever writes them: {label} builds them, and they are served as files",
            entry
                .command
                .words()?
                .iter()
                .take(2)
                .cloned()
                .collect::<Vec<_>>()
                .join(" "),
        ),
        hint: Some("leave the line out".to_owned()),
        place: Some(entry.place.clone()),
    })
}

/// The generator whose own server a line starts.
fn preview(command: &CommandLine) -> Option<Generator> {
    let words = without_runner(command.words()?);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [python, "-m", module, ref rest @ ..] if is_python(file_name(python)) => {
            previews(module, rest)
        }
        [program, ref rest @ ..] => previews(file_name(program), rest),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_of_generators_are_told_from_their_builds() {
        let of = |line: &str| preview(&CommandLine::parse(line).unwrap());
        assert_eq!(of("mkdocs serve -a 0.0.0.0:$PORT"), Some(Generator::Mkdocs));
        assert_eq!(of("python -m mkdocs serve"), Some(Generator::Mkdocs));
        assert_eq!(of("uv run pelican -lr content"), Some(Generator::Pelican));
        assert_eq!(of("hugo server --bind 0.0.0.0"), Some(Generator::Hugo));
        for line in ["mkdocs build", "hugo", "pelican content", "python serve.py"] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
