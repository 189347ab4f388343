//! What httplint says of answers that the door makes itself, or changes: files and their parts,
//! redirects, error pages, answers that are kept or compressed.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde::Deserialize;
use ship_base::file;

use super::running::{Running, free_port};
use super::{door, python};
use crate::{Result, workspace};

const PACKAGES: [&str; 1] = ["httplint==2026.10.4"];

/// The app behind the door: answers that are well by themselves.
const APP: &str = include_str!("lint_app.py");

/// Asks, and prints what is wrong with each answer.
const LINT: &str = include_str!("lint.py");

/// Notes that are the suite's mistake, with the answers that they are about: an answer of several parts
/// must not have a `Content-Range` beside those of its parts (RFC 9110, 15.3.7.2).
const MEANT: [(&str, &str); 1] = [("PARTIAL_WITHOUT_RANGE", "parts of a file")];

/// An answer: its name, its status, and what was noted: a name, a level, and words.
#[derive(Debug, Deserialize)]
struct Linted(String, u16, Vec<(String, String, String)>);

/// What it is written in.
pub(super) fn tools() -> Result<PathBuf> {
    python::with("lint", &PACKAGES)
}

pub(crate) fn run() -> Result<ExitCode> {
    let python = tools()?;
    let (behind, http, https) = (free_port()?, free_port()?, free_port()?);
    let _app = Running::start(
        Command::new(&python).args(["-c", APP, &behind.to_string()]),
        behind,
    )?;
    let folder = files()?;
    let _door = door::start(&door::Wish {
        https: Some(https),
        routes: vec![
            format!("/static={}", folder.display()),
            "/old/=https://blog.localhost/new/".to_owned(),
        ],
        ..door::Wish::new(http, behind)
    })?;
    let output = Command::new(&python)
        .args(["-c", LINT, &http.to_string(), &https.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the answers could not all be had".into());
    }
    judge(&String::from_utf8(output.stdout)?)
}

/// A page that is large enough to be compressed.
fn files() -> Result<PathBuf> {
    let folder = workspace::target().join("conformance/files");
    file::create_folder(&folder)?;
    let page = "<!doctype html><title>A page</title><p>Words.\n".repeat(200);
    file::write_whole(&folder.join("page.html"), page.as_bytes())?;
    Ok(Path::new(&folder).to_owned())
}

/// Bad notes are ours to mend; warnings are only told.
fn judge(lines: &str) -> Result<ExitCode> {
    let (mut answers, mut bad) = (0, 0);
    for line in lines.lines() {
        let Linted(name, status, notes) = serde_json::from_str(line)?;
        let meant = |note: &str| {
            MEANT
                .iter()
                .any(|(meant, of)| *meant == note && name.starts_with(of))
        };
        let wrong: Vec<_> = notes
            .iter()
            .filter(|(note, level, _)| level == "BAD" && !meant(note))
            .collect();
        answers += 1;
        bad += wrong.len();
        println!(
            "{} {status} {name}",
            if wrong.is_empty() { "✓" } else { "✗" }
        );
        for (note, level, words) in &notes {
            println!("    {} {note}: {words}", level.to_lowercase());
        }
    }
    println!("{answers} answers, {bad} bad notes");
    Ok(if bad == 0 && answers > 30 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
