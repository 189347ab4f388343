//! Processes that nobody wrote down and the code plainly wants: background workers.

use std::path::{Path, PathBuf};

use crate::assemble::{Sources, command, worker};
use crate::command::CommandLine;
use crate::detect::worker::{Worker, workers};
use crate::plan::{Process, Proposal, Sourced, Start};
use crate::start::{file_name, is_python};

/// A proposed process.
#[derive(Debug)]
pub(crate) struct Proposed {
    /// What it is, as people call it: `Celery`.
    pub(crate) label: &'static str,
    pub(crate) worker: Worker,
}

/// The workers of the project's code that no author's command starts already.
pub(crate) fn read(sources: &Sources) -> Vec<Proposed> {
    let procfile = sources.entries().map(|entry| &entry.command);
    let processes = sources
        .manifest
        .processes
        .iter()
        .map(|process| &process.command.value);
    let jobs = sources.manifest.jobs.iter().map(|job| &job.command.value);
    let web = sources
        .manifest
        .web
        .command
        .iter()
        .map(|command| &command.value);
    let authored: Vec<&CommandLine> = procfile.chain(processes).chain(jobs).chain(web).collect();
    let found = workers(&sources.project).into_iter();
    found
        .filter(|(_, worker)| !authored.iter().any(|command| starts(command, worker)))
        .map(|(label, worker)| Proposed { label, worker })
        .collect()
}

/// Whether an author's command starts the same kind of worker: it has the word that tells it from
/// others, `celery` with `beat`, `rqworker`, `huey.bin.huey_consumer`.
fn starts(command: &CommandLine, worker: &Worker) -> bool {
    let words: Vec<&str> = match command {
        CommandLine::Argv(words) => words.iter().map(String::as_str).collect(),
        CommandLine::Shell { shell } => shell.split_whitespace().collect(),
    };
    let has = |wanted: &str| words.iter().any(|word| file_name(word) == wanted);
    match worker.words.as_slice() {
        [program, _, verb, ..] if program == "celery" => {
            has("celery") && (has(verb) || verb == "beat" && (has("-B") || has("--beat")))
        }
        [python, script, verb, ..] if is_python(python) => {
            has(if script == "-m" {
                verb
            } else {
                file_name(script)
            }) && (script == "-m" || has(verb))
        }
        [python, script] if is_python(python) => has(file_name(script)),
        [program, ..] => has(program),
        [] => false,
    }
}

/// The proposals as processes of the plan, without those whose name somebody else has.
pub(crate) fn processes(proposed: &[Proposed], taken: &[Process], folder: &Path) -> Vec<Process> {
    let mut processes: Vec<Process> = Vec::new();
    for Proposed { worker: one, .. } in proposed {
        let name = one.process_name();
        if taken
            .iter()
            .chain(&processes)
            .any(|process| process.name == name)
        {
            continue;
        }
        let start = Sourced::because(start(one, folder), &one.reason, one.places.clone());
        let mut process = worker(name, start, None, None);
        let needs = one.needs.clone();
        process.proposed = Some(Proposal { needs });
        processes.push(process);
    }
    processes
}

/// `python site/manage.py …` where processes start in `site` is `python manage.py …`; so is any
/// script.
fn start(worker: &Worker, folder: &Path) -> Start {
    let mut words = worker.words.clone();
    for word in words
        .iter_mut()
        .filter(|word| Path::new(word).extension().is_some_and(|it| it == "py"))
    {
        if let Ok(below) = Path::new(word.as_str()).strip_prefix(folder) {
            *word = below.display().to_string();
        }
    }
    command(&CommandLine::Argv(words))
}

/// The folders that modules are imported from, those of the workers included.
pub(crate) fn with_import_paths(mut paths: Vec<PathBuf>, proposed: &[Proposed]) -> Vec<PathBuf> {
    for path in proposed.iter().flat_map(|one| &one.worker.import_paths) {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    paths
}
