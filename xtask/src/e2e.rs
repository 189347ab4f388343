//! `cargo xtask e2e --server PROGRAM`: what people do with a server, done to a fresh one, from an empty
//! machine to an empty machine.
//!
//! The server is a throw-away virtual machine. Who makes it is not our business: `PROGRAM` does, and
//! `docs/testing.md` says what it has to understand (`maker.rs`). The story is the list in `steps.rs`;
//! a step works on the [`Stage`](stage::Stage) and holds its [`Checks`](checks::Checks) against what
//! is really there: answers over HTTP, release numbers, processes, files.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use crate::Result;

mod apps;
mod checks;
mod index;
mod maker;
mod server;
mod ship;
mod stage;
mod step;
mod steps;
mod visitors;

use step::{Done, perform};

/// What `cargo xtask e2e` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The program that makes servers: `start`, `ports`, `ssh`, `crash`, `resume` and `stop`, each with a name
    #[arg(long, value_name = "PROGRAM")]
    server: PathBuf,
    /// Install this binary instead of building one
    #[arg(long, value_name = "PATH")]
    ship: Option<PathBuf>,
    /// Only these steps; those that prepare the server are always done
    #[arg(long, value_name = "STEP", value_parser = clap::builder::PossibleValuesParser::new(steps::names()))]
    only: Vec<String>,
    /// How the server reaches this machine, where the package index is; QEMU's user network has it so
    #[arg(long, value_name = "ADDRESS", default_value = "10.0.2.2")]
    index_host: String,
    /// Leave the server running, for looking at it
    #[arg(long)]
    keep: bool,
    /// How the steps went, as JSON
    #[arg(long)]
    json: bool,
}

/// Does the steps, one after the other, and tells how each went.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let program = match &arguments.ship {
        Some(ship) => std::path::absolute(ship)?,
        None => crate::bench::built()?,
    };
    let began = Instant::now();
    let done = story(arguments, program);
    let failed = done.iter().filter(|done| done.failed()).count();
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&done)?);
    }
    let (steps, seconds) = (done.len(), began.elapsed().as_secs());
    Ok(if failed == 0 {
        eprintln!("✓ {steps} steps in {seconds} s");
        ExitCode::SUCCESS
    } else {
        eprintln!("✗ {failed} of {steps} steps failed, in {seconds} s");
        ExitCode::FAILURE
    })
}

fn story(arguments: &Arguments, program: PathBuf) -> Vec<Done> {
    let (boot, stage) = perform(
        "boot",
        "a fresh server is there, with Python and a package index",
        |checks| steps::boot(arguments, program, checks),
    );
    let mut done = vec![boot];
    let Some(mut stage) = stage else {
        return done;
    };
    for step in steps::STEPS {
        if !step.carries && !arguments.wants(step.name) {
            continue;
        }
        let last = step.perform(&mut stage);
        let stop = step.carries && last.failed();
        done.push(last);
        if stop {
            break;
        }
    }
    done
}

impl Arguments {
    fn wants(&self, step: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == step)
    }
}
