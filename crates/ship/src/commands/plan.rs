//! `ship plan`: what `ship up` would do, and why.

use std::path::PathBuf;

use crate::cli::Context;
use crate::error::Result;
use crate::plan_rows;

/// Show what `ship up` would do, and why
///
/// Reads the project and nothing else: no server, no network, no code of the project is run. Every
/// line ends with the file it was read from. `ship up` builds on this plan and then proves it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship plan
  ship plan --json | jq '.processes[].name'")]
pub(crate) struct Args {
    /// The project's folder
    #[arg(default_value = ".", value_hint = clap::ValueHint::DirPath)]
    path: PathBuf,
    /// The whole plan as JSON
    #[arg(long)]
    json: bool,
}

/// Reads and shows.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<()> {
    let reading = ship_project::read(&context.world.resolve(&args.path))?;
    if args.json {
        return context.ui.json(&reading.plan);
    }
    let plan = ship_server::plan_view(&reading.plan);
    let lines = plan_rows::lines(&plan, context.ui.data_columns());
    lines.iter().try_for_each(|line| context.ui.data(line))
}
