//! `cargo xtask bench server`: what a server costs that has many small apps and little to do, and
//! what a person waits for there; beside Docker where it can run.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum as _;

use super::figure::{Figure, table};
use crate::Result;

mod docker;
mod engine;
mod idle;
mod processes;
mod waits;

/// What `cargo xtask bench server` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The figures as JSON
    #[arg(long)]
    json: bool,
    /// Measure this binary instead of building one
    #[arg(long, value_name = "PATH")]
    ship: Option<PathBuf>,
    /// How many idle apps there are
    #[arg(long, default_value_t = 27)]
    apps: u32,
    /// For how many seconds nothing is done while the processor is watched
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    window: u64,
    /// Only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
}

/// The parts, in the order in which they are measured.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Memory and processor with idle apps, and all of them after a reboot
    Idle,
    /// A deploy over ssh, and the first of a Flask app
    Waits,
    /// The Flask app beside Docker
    Docker,
}

/// Measures part after part. What one part gives is not lost where a later one fails.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let ship = match &arguments.ship {
        Some(ship) => std::path::absolute(ship)?,
        None => super::built()?,
    };
    let mut figures = Vec::new();
    let mut failed = false;
    for part in Part::value_variants() {
        if arguments.only.is_some_and(|only| only != *part) {
            continue;
        }
        match arguments.measure(*part, &ship) {
            Ok(measured) => figures.extend(measured),
            Err(error) => {
                failed = true;
                eprintln!("✗ {error}");
            }
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{}", table(&figures));
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl Arguments {
    /// One part. What it starts with our own test tools panics where it cannot go on, which is the
    /// end of that part alone.
    fn measure(&self, part: Part, ship: &Path) -> Result<Vec<Figure>> {
        let measured = std::panic::catch_unwind(|| match part {
            Part::Idle => idle::measure(ship, self.apps, Duration::from_secs(self.window)),
            Part::Waits => waits::measure(ship),
            Part::Docker => docker::measure(ship),
        });
        measured.unwrap_or_else(|_| Err("the part above ended early".into()))
    }
}
