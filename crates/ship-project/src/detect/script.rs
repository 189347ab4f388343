//! A plain program: the entry point that the project names, or its only script. It runs for ever,
//! as a worker. A script has a main block, or a top level that does not come to its end.

pub(super) mod lasting;

use std::path::{Path, PathBuf};

use crate::command::CommandLine;
use crate::detect::objects::{UNCONVENTIONAL, rank_of};
use crate::detect::program::{self, Program, has_main};
use crate::detect::{Found, Row, foreign, own_server, stored, unfinished};
use crate::error::{Error, Result};
use crate::plan::{Note, OwnPort, Place};
use crate::project::Project;
use crate::python::module::Module;
use crate::python::source::Source;
use crate::python::words::Word;

pub(super) const ROW: Row = Row {
    key: "script",
    label: "Python program",
    package: "",
    classes: &[],
};

/// Names of scripts and entry points that say that they serve.
const SERVES: [&str; 7] = [
    "serve",
    "server",
    "web",
    "start",
    "api",
    "run-server",
    "start-server",
];
/// Names of files that people give to a program that runs for ever.
const NAMES: [&str; 10] = [
    "main", "__main__", "bot", "app", "run", "worker", "start", "server", "service", "daemon",
];

/// `[project.scripts]`, then a single script.
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let entry = entry_point(project);
    if let Some((found, true)) = entry {
        return Ok(Some(found));
    }
    if let Some(unfinished) = unfinished::told(project) {
        return Err(Error::Nothing {
            project: project.root.clone(),
            looked_at: vec![unfinished],
        });
    }
    if let Some((found, _)) = entry {
        return Ok(Some(found));
    }
    let scripts = scripts(project);
    let Some(first) = scripts.first() else {
        return foreign::find(project);
    };
    let is_known = NAMES.contains(&first.stem());
    if scripts.len() > 1 && !is_known {
        return Err(several(project, &scripts));
    }
    first.check()?;
    if let Some(unfinished) = unfinished::imported(project, first) {
        return Err(Error::Nothing {
            project: project.root.clone(),
            looked_at: vec![unfinished],
        });
    }
    Ok(Some(of_script(project, first)))
}

/// The entry point that serves, by its name; else the only one. `true`: its code starts a server.
fn entry_point(project: &Project) -> Option<(Found, bool)> {
    let scripts = &project.pyproject.as_ref()?.scripts;
    let serving = scripts
        .iter()
        .find(|(name, ..)| SERVES.contains(&name.replace('_', "-").as_str()));
    let ((Some((name, target, place)), _) | (None, [(name, target, place)])) =
        (serving, scripts.as_slice())
    else {
        return None;
    };
    let mut found = Found::new(&ROW, place.clone());
    let listens = own_server::listens(project, target);
    let is_web = serving.is_some() || listens;
    "`[project.scripts]` names it".clone_into(&mut found.reason);
    found.import_paths = vec![PathBuf::from(".")];
    found.program = Some(Program {
        command: CommandLine::Argv(vec![name.clone()]),
        own_port: is_web.then_some(OwnPort::First),
        is_web,
        reason: "`[project.scripts]` names it".to_owned(),
        place: place.clone(),
    });
    if !is_web {
        found.notes.push(worker_note(place));
    }
    stored::add(project, &mut found);
    Some((found, listens))
}

/// Files that can be started, the likeliest first: at the top of the project, of `src` or of a
/// package there.
fn scripts(project: &Project) -> Vec<&Module> {
    const DEEPEST: usize = 3;
    let main = Word::new("__main__");
    let mut scripts: Vec<&Module> = project
        .index
        .own_sources()
        .filter(|source| source.file.components().count() <= DEEPEST)
        .filter(|source| source.says(&[main]) || source.stem() == "__main__")
        .filter_map(Source::module)
        .filter(|module| has_main(module) || module.stem() == "__main__")
        .collect();
    let is_new = |module: &&Module| scripts.iter().all(|other| other.file != module.file);
    let lasting: Vec<&Module> = lasting::programs(project).filter(is_new).collect();
    scripts.extend(lasting);
    if scripts.is_empty() {
        // The only file there is, that does something.
        let all: Vec<&Source> = project.index.own_sources().collect();
        if let [only] = all.as_slice()
            && let Some(only) = only.module()
            && !only.top.calls.is_empty()
            && only.file.components().count() == 1
        {
            scripts.push(only);
        }
    }
    let key = |module: &&Module| {
        let known = NAMES.iter().position(|name| *name == module.stem());
        (
            known.is_none(),
            module.file.components().count(),
            known.unwrap_or(rank_of(module).min(UNCONVENTIONAL)),
            module.file.clone(),
        )
    };
    scripts.sort_by_key(key);
    scripts
}

fn of_script(project: &Project, module: &Module) -> Found {
    let line = module.main.calls.first().map(|(_, line)| *line);
    let line = line.or_else(|| lasting::line(project, module));
    let place = module.place(line.unwrap_or(0));
    let run = program::run(project, module);
    let mut found = Found::new(&ROW, place.clone());
    "no web application: a program that runs for ever".clone_into(&mut found.reason);
    found.folder = run.folder;
    found.import_paths = run.import_paths;
    found.program = Some(Program {
        command: CommandLine::Argv(run.words),
        own_port: None,
        is_web: false,
        reason: "no web application: it runs for ever".to_owned(),
        place: place.clone(),
    });
    found.notes.push(worker_note(&place));
    stored::add(project, &mut found);
    found
}

fn worker_note(place: &Place) -> Note {
    Note {
        text: "it runs as a worker, without visitors; when it ends, it is started again".to_owned(),
        hint: Some(
            "what ends by itself is a job: `[job.NAME]` with `schedule` and `command` in `ship.toml`; what answers HTTP: `[web]` with `command`"
                .to_owned(),
        ),
        place: Some(place.clone()),
    }
}

fn several(project: &Project, scripts: &[&Module]) -> Error {
    const SHOWN: usize = 6;
    let files: Vec<String> = scripts
        .iter()
        .take(SHOWN)
        .map(|module| format!("`{}`", shown(&module.file)))
        .collect();
    let more = scripts.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    Error::Nothing {
        project: project.root.clone(),
        looked_at: vec![
            "every Python file: no web application in it".to_owned(),
            format!(
                "{}{more}: each can be started, none is the one",
                files.join(", ")
            ),
        ],
    }
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}
