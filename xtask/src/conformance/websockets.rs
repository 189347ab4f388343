//! Sessions of WebSockets that both sides know by heart, past the door and through it. What each side
//! heard has to be the same: every message with its fragments, every pong, the codes of the close.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::running::{Running, free_port};
use super::{door, python};
use crate::Result;

/// What `cargo xtask conformance websockets` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Sessions each way
    #[arg(long, default_value_t = 500, value_name = "COUNT")]
    sessions: u32,
}

/// `h2` carries the frames of the other package where they come over HTTP/2.
const PACKAGES: [&str; 2] = ["websockets==17.4", "h2==4.4.1"];

/// Both sides.
const SESSIONS: &str = include_str!("sessions.py");

/// What it is written in.
pub(super) fn tools() -> Result<PathBuf> {
    python::with("websockets", &PACKAGES)
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let python = tools()?;
    let (app, http, https) = (free_port()?, free_port()?, free_port()?);
    let _app = Running::start(
        Command::new(&python).args(["-c", SESSIONS, "serve", &app.to_string()]),
        app,
    )?;
    let _door = door::start(&door::Wish {
        https: Some(https),
        ..door::Wish::new(http, app)
    })?;
    let visit =
        |run: &str, way: &str, port: u16| visit(&python, arguments, [run, way], [port, app]);
    let past = visit("past", "http1", app)?;
    let mut well = true;
    for (name, way, port) in [("HTTP/1.1", "http1", http), ("HTTP/2", "http2", https)] {
        let through = visit(way, way, port)?;
        let differences = different(&past, &through);
        println!(
            "{} {name:<8} {} sessions, {} different",
            if differences.is_empty() { "✓" } else { "✗" },
            past.lines().count(),
            differences.len()
        );
        for (past, through) in differences.iter().take(5) {
            println!("    past the door {past}\n    through it    {through}");
        }
        well &= differences.is_empty() && past.lines().count() == arguments.sessions as usize;
    }
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What both sides heard, a line for each session.
fn visit(python: &Path, arguments: &Arguments, run: [&str; 2], ports: [u16; 2]) -> Result<String> {
    eprintln!("{}", run[0]);
    let output = Command::new(python)
        .args(["-c", SESSIONS, "visit"])
        .args(run)
        .args(ports.map(|port| port.to_string()))
        .arg(arguments.sessions.to_string())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the visitors broke off".into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Sessions that are not the same, or that broke.
pub(super) fn different<'t>(past: &'t str, through: &'t str) -> Vec<(&'t str, &'t str)> {
    let differs = |(past, through): &(&str, &str)| past != through || past.contains("broken: ");
    let mut pairs: Vec<_> = past.lines().zip(through.lines()).filter(differs).collect();
    if past.lines().count() != through.lines().count() {
        pairs.push(("another number of sessions", ""));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_broke_the_same_way_is_no_agreement() {
        assert!(different("a\nb\n", "a\nb\n").is_empty());
        assert_eq!(different("a\nb\n", "a\nc\n"), [("b", "c")]);
        assert_eq!(different("broken: x\n", "broken: x\n").len(), 1);
        assert_eq!(different("a\nb\n", "a\n").len(), 1);
    }
}
