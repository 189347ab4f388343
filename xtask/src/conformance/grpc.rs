//! Calls of gRPC that both sides know by heart, past the door and through it. What each side saw has to
//! be the same: every message, the fields before and behind them, the status, and who has gone.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::running::{Running, free_port};
use super::websockets::different;
use super::{door, python};
use crate::Result;

/// What `cargo xtask conformance grpc` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Calls each way
    #[arg(long, default_value_t = 400, value_name = "COUNT")]
    calls: u32,
}

const PACKAGES: [&str; 1] = ["grpcio==1.76.0"];

/// Both sides.
const CALLS: &str = include_str!("calls.py");

/// What it is written in.
pub(super) fn tools() -> Result<PathBuf> {
    python::with("grpc", &PACKAGES)
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let python = tools()?;
    let (app, http, https) = (free_port()?, free_port()?, free_port()?);
    let _app = Running::start(
        Command::new(&python).args(["-c", CALLS, "serve", &app.to_string()]),
        app,
    )?;
    let door = door::start(&door::Wish {
        https: Some(https),
        h2c: true,
        ..door::Wish::new(http, app)
    })?;
    let ca = door::local_ca(&door);
    let past = visit(&python, arguments, "past", app, &ca)?;
    let through = visit(&python, arguments, "through", https, &ca)?;
    let differences = different(&past, &through);
    let well = differences.is_empty() && past.lines().count() == arguments.calls as usize;
    println!(
        "{} {} calls, {} different",
        if well { "✓" } else { "✗" },
        past.lines().count(),
        differences.len()
    );
    for (past, through) in differences.iter().take(5) {
        println!("    past the door {past}\n    through it    {through}");
    }
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What both sides saw, a line for each call.
fn visit(python: &Path, arguments: &Arguments, way: &str, port: u16, ca: &Path) -> Result<String> {
    eprintln!("{way}");
    let output = Command::new(python)
        .args(["-c", CALLS, "visit", way, &port.to_string()])
        .arg(ca)
        .arg(arguments.calls.to_string())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the callers broke off".into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
