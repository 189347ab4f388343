//! What a killed keeper leaves: processes that were its instance, sockets, files.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use ship_base::file;
use tracing::{error, warn};

use crate::error::Error;
use crate::event::Report;
use crate::files::{self, Files, MARKER, Record};
use crate::process::{self, ProcessKey, Stat};

/// How long processes may take to end after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends what is left of a dead keeper's instance and removes its files. Blocks up to 5 s.
pub(crate) fn clear(files: &Files, record: &Record) -> Result<(), Error> {
    if record.is_of_this_boot() {
        end_processes(&record.report)?;
    }
    if let Some(socket) = &record.listens {
        file::remove(socket)?;
    }
    tell_last_words(files, &record.report);
    let keeper = record.report.keeper.pid;
    // It may have been killed while it wrote its state.
    file::remove_temporaries(files.folder(), |writer| writer == keeper)?;
    Ok(files.remove()?)
}

/// Kills until nothing is left: between two looks a process may have started another.
fn end_processes(report: &Report) -> Result<(), Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = left_of(report);
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let (instance, count) = (report.instance.clone(), left.len());
            return Err(Error::Unkillable { instance, count });
        }
        warn!(instance = %report.instance, count = left.len(), "ending what a killed keeper left");
        for key in left {
            key.signal(Signal::KILL);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The living processes of an instance whose keeper is dead.
///
/// They carry the marker in their environment. A program that writes its title over its
/// environment has lost it, but is still in the session that the program was started in.
fn left_of(report: &Report) -> Vec<ProcessKey> {
    let marker = format!("{MARKER}={}", files::marker(report.keeper));
    let own = std::process::id().cast_signed();
    let all = process::all();
    let in_session = |stat: &Stat| {
        report
            .program
            .is_some_and(|program| in_session_of(program, stat, &all))
    };
    all.iter()
        .filter(|stat| stat.is_alive() && stat.key.pid != own && stat.key != report.keeper)
        .filter(|stat| in_session(stat) || carries(stat.key.pid, &marker))
        .map(|stat| stat.key)
        .collect()
}

/// Whether `stat` is in the session that `program` began. While a session has members, its number
/// is not given to another process; a process that has it nevertheless must be `program` itself.
fn in_session_of(program: ProcessKey, stat: &Stat, all: &[Stat]) -> bool {
    let leader = || all.iter().find(|other| other.key.pid == program.pid);
    stat.session == program.pid
        && stat.key.start >= program.start
        && leader().is_none_or(|leader| leader.key == program)
}

fn carries(pid: i32, marker: &str) -> bool {
    file::read(&process::entry(pid, "environ")).is_ok_and(|environ| {
        environ
            .split(|byte| *byte == 0)
            .any(|entry| entry == marker.as_bytes())
    })
}

/// A keeper writes to its standard error only when it breaks.
fn tell_last_words(files: &Files, report: &Report) {
    if let Ok(words) = file::read_text(&files.errors())
        && !words.is_empty()
    {
        error!(instance = %report.instance, words, "the keeper broke");
    }
}

/// Ends a keeper that no longer answers, so that [`clear`] can do the rest.
pub(crate) fn kill(keeper: ProcessKey) {
    let deadline = Instant::now() + PATIENCE;
    while keeper.signal(Signal::KILL) && keeper.is_alive() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Removes a socket or error file in `folder` that no state file tells of, and what was half
/// written by processes that are no more.
pub(crate) fn remove_strays(folder: &Path) -> Result<(), Error> {
    file::remove_temporaries(folder, |writer| {
        ProcessKey::of(writer).is_none_or(|key| !key.is_alive())
    })?;
    for entry in file::entries_if_there(folder)? {
        let path = entry.path();
        let stray = path
            .extension()
            .is_some_and(|end| end == "keep" || end == "err")
            && !path.with_extension("json").exists();
        if stray {
            file::remove(&path)?;
        }
    }
    Ok(())
}
