//! `ship restart`: new instances of what is live.

use ship_api::request::RestartApp;
use ship_base::name::ProcessName;

use crate::cli::Context;
use crate::error::Result;
use crate::follow;
use crate::target::Target;

/// Replace the instances of the live release by new ones
///
/// The old ones stop once the new ones answer: no request fails meanwhile. The new instances have the settings of now (`ship env`).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship restart
  ship restart worker")]
pub(crate) struct Args {
    /// Only this process: `web`, `worker`, …
    process: Option<ProcessName>,
    #[command(flatten)]
    target: Target,
}

/// Asks and tells.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let client = context.control()?.connect().await?;
    let app = args.target.resolve(&context.world, &client).await?;
    let events = client
        .restart(
            &app,
            &RestartApp {
                process: args.process,
            },
        )
        .await?;
    follow::to_the_end(&mut context.ui, events).await.map(drop)
}
