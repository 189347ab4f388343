//! TLS connections that were asked one thing each and then stay open.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

use super::stage::Stage;
use crate::Result;

/// Opens them, says `open`, waits for a line, and says how many are still open.
const SCRIPT: &str = include_str!("idle.py");

/// Connections that are open.
pub(crate) struct Open {
    script: Child,
    count: usize,
}

pub(crate) fn open(stage: &Stage, port: u16, count: usize) -> Result<Open> {
    let mut python = stage.load(&stage.python);
    python.args(["-c", SCRIPT, &port.to_string(), &count.to_string()]);
    let mut script = python
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    // Byte by byte: what comes later is read by `close`.
    let out = script.stdout.as_mut().ok_or("no output")?;
    BufReader::with_capacity(1, out).read_line(&mut line)?;
    match line.trim() {
        "open" => Ok(Open { script, count }),
        _ => Err("not all connections could be opened".into()),
    }
}

impl Open {
    /// Closes them; an error where the program had closed one before.
    pub(crate) fn close(mut self) -> Result<()> {
        drop(self.script.stdin.take());
        let mut text = String::new();
        if let Some(mut out) = self.script.stdout.take() {
            out.read_to_string(&mut text)?;
        }
        self.script.wait()?;
        match text.trim().parse::<usize>()? {
            open if open == self.count => Ok(()),
            open => Err(format!("only {open} of {} were still open", self.count).into()),
        }
    }
}
