//! `ship stop`: an app runs no more; everything of it stays.

use std::time::Duration;

use ship_api::request::Stop;

use crate::cli::Context;
use crate::error::Result;
use crate::target::Target;

/// Stop an app; its releases, settings, logs and data stay
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship stop
  ship stop --app blog --now")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// Do not wait for requests and jobs in hand
    #[arg(long)]
    now: bool,
}

/// Asks, waits, says so.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let client = context.control()?.connect().await?;
    let app = args.target.resolve(&context.world, &client).await?;
    let within = args.now.then_some(Duration::ZERO);
    client.stop(&app, &Stop { within }).await?;
    context
        .ui
        .say(&format!("`{app}` is stopped; `ship up` brings it back"));
    Ok(())
}
