//! `cargo xtask bench server`: what a server costs that has many small apps and little to do, and
//! what a person waits for there; beside Docker where it can run.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

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

/// Measures, then prints everything at once.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let ship = match &arguments.ship {
        Some(ship) => std::path::absolute(ship)?,
        None => super::built()?,
    };
    let figures = arguments.measure(&ship)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{}", table(&figures));
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn measure(&self, ship: &Path) -> Result<Vec<Figure>> {
        let wants = |part| self.only.is_none_or(|only| only == part);
        let mut figures = Vec::new();
        if wants(Part::Idle) {
            let window = Duration::from_secs(self.window);
            figures.extend(idle::measure(ship, self.apps, window)?);
        }
        if wants(Part::Waits) {
            figures.extend(waits::measure(ship)?);
        }
        if wants(Part::Docker) {
            figures.extend(docker::measure(ship)?);
        }
        Ok(figures)
    }
}
