//! `cargo xtask bench deploy`: what a deploy costs, what it breaks, and what it leaves in memory.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::figure::{Figure, table};
use super::{environment, memory, redeploy, steadiness};
use crate::Result;

/// What `cargo xtask bench deploy` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The figures as JSON
    #[arg(long)]
    json: bool,
    /// Measure this binary instead of building one
    #[arg(long, value_name = "PATH")]
    ship: Option<PathBuf>,
    /// Only this part
    #[arg(long, value_enum)]
    only: Option<Part>,
}

/// The parts, in the order in which they are measured.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// From a lock to an environment, beside uv itself
    Environment,
    /// From a change to its first answer
    Redeploy,
    /// Requests that fail meanwhile
    Steadiness,
    /// What keeper, control and door hold at rest
    Memory,
}

type Measure = fn(&Path) -> Result<Vec<Figure>>;

const PARTS: [(Part, Measure); 4] = [
    (Part::Environment, environment::measure),
    (Part::Redeploy, redeploy::measure),
    (Part::Steadiness, steadiness::measure),
    (Part::Memory, memory::measure),
];

/// Measures, then prints everything at once.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let ship = match &arguments.ship {
        Some(ship) => std::path::absolute(ship)?,
        None => super::built()?,
    };
    let mut figures = Vec::new();
    for (part, measure) in PARTS {
        if arguments.only.is_none_or(|only| only == part) {
            figures.extend(measure(&ship)?);
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{}", table(&figures));
    }
    Ok(ExitCode::SUCCESS)
}
