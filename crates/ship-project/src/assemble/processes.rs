//! The processes of a plan, and its release command.

use std::path::Path;
use std::time::Duration;

use ship_base::name::{AppName, ProcessName};

use super::{GRACE, READY_WITHIN, Sources};
use crate::command::CommandLine;
use crate::detect::Found;
use crate::detect::development::trimmed;
use crate::files::procfile::Entry;
use crate::manifest::Manifest;
use crate::plan::{Authored, Note, Process, Role, Sourced, Start};
use crate::start::without_runner;

pub(super) fn web_process(
    manifest: &Manifest,
    start: Sourced<Start>,
    found: Option<&Found>,
) -> Process {
    let web = &manifest.web;
    let protocol = web.protocol.as_ref().map(|protocol| protocol.value);
    Process {
        name: ProcessName::new("web").expect("`web` is a well-formed name"),
        role: Role::Web {
            health: web.health.clone().unwrap_or_else(|| "/".to_owned()),
            ready_within: web.ready_within.unwrap_or(READY_WITHIN),
            protocol: protocol
                .or_else(|| Some(found?.protocol()))
                .unwrap_or_default(),
        },
        start,
        instances: web.instances.unwrap_or(1),
        grace: web.grace.unwrap_or(GRACE),
        proposed: None,
    }
}

/// Processes of the Procfile beside `web` and `release` that the manifest does not name itself.
pub(super) fn procfile_workers<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    manifest: &Manifest,
    notes: &mut Vec<Note>,
) -> Vec<Process> {
    let mut workers: Vec<Process> = Vec::new();
    let others = entries.filter(|e| e.name != "web" && e.name != "release");
    for entry in others {
        let name = AppName::from_free_text(&entry.name)
            .and_then(|name| ProcessName::new(name.as_str()).ok());
        let Some(name) = name else {
            notes.push(Note {
                text: format!(
                    "`{}` cannot be the name of a process: it is left out",
                    entry.name
                ),
                hint: Some("begin it with a letter".to_owned()),
                place: Some(entry.place.clone()),
            });
            continue;
        };
        let named = manifest.processes.iter().map(|p| &p.name);
        let jobs = manifest.jobs.iter().map(|job| &job.name);
        let mut taken = named.chain(jobs).chain(workers.iter().map(|w| &w.name));
        if taken.any(|taken| *taken == name) {
            continue;
        }
        let (line, reason) = match trimmed(&entry.command) {
            Some((line, what)) => (line, format!("without `{what}`, which is for development")),
            None => (entry.command.clone(), String::new()),
        };
        let start = Sourced::because(command(&line), reason, vec![entry.place.clone()]);
        workers.push(worker(name, start, None, None));
    }
    workers
}

/// A program that detection found and that does not listen.
pub(super) fn detected_worker(found: Option<&Found>) -> Option<Process> {
    let program = found?.program.as_ref().filter(|program| !program.is_web)?;
    let start = Sourced::because(
        command(&program.command),
        program.reason.clone(),
        vec![program.place.clone()],
    );
    let name = ProcessName::new("worker").expect("`worker` is a well-formed name");
    Some(worker(name, start, None, None))
}

pub(super) fn workers(manifest: &Manifest) -> Vec<Process> {
    let own = manifest.processes.iter();
    own.map(|process| {
        let start = Sourced::from(
            command(&process.command.value),
            process.command.place.clone(),
        );
        worker(
            process.name.clone(),
            start,
            process.instances,
            process.grace,
        )
    })
    .collect()
}

pub(crate) fn worker(
    name: ProcessName,
    start: Sourced<Start>,
    instances: Option<u32>,
    grace: Option<Duration>,
) -> Process {
    Process {
        name,
        role: Role::Worker,
        start,
        instances: instances.unwrap_or(1),
        grace: grace.unwrap_or(GRACE),
        proposed: None,
    }
}

pub(super) fn jobs(manifest: &Manifest) -> Vec<Process> {
    let jobs = manifest.jobs.iter();
    jobs.map(|job| Process {
        name: job.name.clone(),
        role: Role::Job {
            schedule: job.schedule.clone(),
        },
        start: Sourced::from(command(&job.command.value), job.command.place.clone()),
        instances: 1,
        grace: GRACE,
        proposed: None,
    })
    .collect()
}

pub(crate) fn command(command: &CommandLine) -> Start {
    Start::Command(Authored {
        command: own(command),
        server: None,
        needs_port: false,
        own_port: None,
    })
}

/// The command in our own environment: `poetry run celery …` is `celery …`.
pub(super) fn own(command: &CommandLine) -> CommandLine {
    match command {
        CommandLine::Argv(words) => CommandLine::Argv(without_runner(words).to_vec()),
        shell @ CommandLine::Shell { .. } => shell.clone(),
    }
}

pub(super) fn release(
    sources: &Sources,
    before: Option<Sourced<CommandLine>>,
    found: Option<&Found>,
    folder: &Path,
) -> Option<Sourced<CommandLine>> {
    if let Some(release) = &sources.manifest.release {
        return Some(Sourced::from(own(&release.value), release.place.clone()));
    }
    let entry = sources.entries().find(|entry| entry.name == "release");
    if let Some(entry) = entry {
        return Some(Sourced::from(own(&entry.command), entry.place.clone()));
    }
    if before.is_some() {
        return before;
    }
    let found = found?;
    let release = found.release.clone()?;
    Some(Sourced {
        value: from_folder(release.value, &found.folder, folder),
        ..release
    })
}

/// `python manage.py …`, written for `own`, as it is started in `folder`.
fn from_folder(command: CommandLine, own: &Path, folder: &Path) -> CommandLine {
    let CommandLine::Argv(mut words) = command else {
        return command;
    };
    if own != folder
        && let Some(script) = words.iter_mut().find(|word| *word == "manage.py")
    {
        *script = own.join("manage.py").display().to_string();
    }
    CommandLine::Argv(words)
}
