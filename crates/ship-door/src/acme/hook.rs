//! A program of the author's that changes their zone: `PROGRAM set|remove NAME VALUE`.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::dns01::{Provider, Step};
use crate::dns::{DnsError, Record};

/// The folders of programs that it may call; of the door's environment it gets nothing.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is kept of what it says, in bytes for each of its outputs.
const MOST_WORDS: u64 = 64 * 1024;

/// The lines that are shown where it fails.
const LINES: usize = 5;

/// See the module.
pub(super) struct Hook {
    pub(super) program: PathBuf,
    /// Then it is ended, with all that it started.
    pub(super) within: Duration,
}

impl Hook {
    async fn call(&self, verb: &str, record: &Record) -> Result<(), DnsError> {
        let child = Command::new(&self.program)
            .args([verb, &record.name, &record.value])
            .env_clear()
            .env("PATH", PATH)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(|source| DnsError::Start {
            program: self.program.clone(),
            source,
        })?;
        let mut group = Group(child.id());
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let ended = timeout(self.within, end(&mut child, &mut output, &mut errors)).await;
        if ended.is_ok() {
            // What it left running is meant to run, and its number may be another's by now.
            group.0 = None;
        }
        drop(group);
        let how = match ended {
            Ok(Ok(status)) if status.success() => return Ok(()),
            Ok(Ok(status)) => format!("failed ({status})"),
            Ok(Err(error)) => format!("failed ({error})"),
            Err(_) => format!("was not done after {} s", self.within.as_secs()),
        };
        Err(DnsError::Hook {
            program: self.program.clone(),
            call: format!("{verb} {}", record.name),
            how,
            words: words(&[output, errors].concat()),
        })
    }
}

async fn end(
    child: &mut Child,
    output: &mut Vec<u8>,
    errors: &mut Vec<u8>,
) -> std::io::Result<ExitStatus> {
    let (from, errors_from) = (child.stdout.take(), child.stderr.take());
    let (read, errors_read) = tokio::join!(hear(from, output), hear(errors_from, errors));
    read?;
    errors_read?;
    child.wait().await
}

/// All that it says; what is too much is heard and forgotten.
async fn hear(from: Option<impl AsyncRead + Unpin>, words: &mut Vec<u8>) -> std::io::Result<()> {
    let Some(from) = from else { return Ok(()) };
    let mut few = from.take(MOST_WORDS);
    few.read_to_end(words).await?;
    tokio::io::copy(&mut few.into_inner(), &mut tokio::io::sink()).await?;
    Ok(())
}

/// The last lines, behind a colon.
fn words(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    match lines.len() {
        0 => " and said nothing".to_owned(),
        count => format!(": {}", lines[count.saturating_sub(LINES)..].join(" / ")),
    }
}

/// The program and what it started: ended together.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let leader = self.0.and_then(|id| i32::try_from(id).ok());
        if let Some(leader) = leader.and_then(Pid::from_raw) {
            // It may have ended, and all of it with it.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Provider for Hook {
    fn set<'a>(&'a self, record: &'a Record) -> Step<'a> {
        Box::pin(self.call("set", record))
    }

    fn remove<'a>(&'a self, record: &'a Record) -> Step<'a> {
        Box::pin(self.call("remove", record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_base::file;
    use tempfile::TempDir;

    fn hook(script: &str, within: Duration) -> (TempDir, Hook) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("hook");
        let text = format!("#!/bin/sh\n{script}\n");
        file::write_whole_with_mode(&program, text.as_bytes(), 0o755).unwrap();
        (folder, Hook { program, within })
    }

    fn record() -> Record {
        Record {
            zone: "blog.example".to_owned(),
            name: "_acme-challenge.blog.example".to_owned(),
            value: "a secret $(id)".to_owned(),
        }
    }

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn it_gets_name_and_value_as_they_are_and_nothing_of_our_environment() {
        let (folder, hook) = hook("printf '%s|' \"$@\" >\"$0.got\"; env >\"$0.env\"", LONG);
        hook.set(&record()).await.unwrap();
        let read = |name: &str| file::read_text(&folder.path().join(name)).unwrap();
        let expected = "set|_acme-challenge.blog.example|a secret $(id)|";
        assert_eq!(read("hook.got"), expected);
        assert!(!read("hook.env").contains("CARGO"));
        hook.remove(&record()).await.unwrap();
        assert!(read("hook.got").starts_with("remove|"));
    }

    #[tokio::test]
    async fn its_last_words_are_told_when_it_fails() {
        let script = "seq 1 9; echo 'no such zone' >&2; exit 3";
        let (_folder, hook) = hook(script, LONG);
        let error = hook.set(&record()).await.unwrap_err().to_string();
        let expected = "set _acme-challenge.blog.example` failed (exit status: 3): 6 / 7 / 8 / 9 / no such zone";
        assert!(error.ends_with(expected), "{error}");
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended_with_what_it_started() {
        // Whoever holds the other end of the pipe lives.
        let script = "mkfifo \"$0.pipe\"; sleep 1000 >\"$0.pipe\" & echo waiting; wait";
        let (folder, hook) = hook(script, Duration::from_secs(1));
        let pipe = folder.path().join("hook.pipe");
        let listening = async {
            while !pipe.exists() {
                tokio::task::yield_now().await;
            }
            tokio::task::spawn_blocking(move || file::read(&pipe)).await
        };
        let record = record();
        let (failed, heard) = tokio::join!(hook.set(&record), listening);
        let error = failed.unwrap_err().to_string();
        assert!(
            error.ends_with("was not done after 1 s: waiting"),
            "{error}"
        );
        assert_eq!(heard.unwrap().unwrap(), b"");
    }

    #[tokio::test]
    async fn one_that_is_not_there_is_named() {
        let program = PathBuf::from("/nothing/of/this/name");
        let hook = Hook {
            program,
            within: LONG,
        };
        let error = hook.set(&record()).await.unwrap_err().to_string();
        assert_eq!(error, "cannot start `/nothing/of/this/name`");
    }
}
