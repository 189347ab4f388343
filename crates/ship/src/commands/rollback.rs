//! `ship rollback`: an older release becomes what visitors reach.

use ship_api::request::Rollback;
use ship_base::name::ReleaseId;

use crate::cli::Context;
use crate::error::Result;
use crate::follow;
use crate::target::Target;

/// Go back to the release before, or to a certain one
///
/// Nothing is built: the older release starts, and once it answers, visitors are sent to it. Its
/// database is today's: a migration is not undone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship rollback
  ship rollback r7 --app blog")]
pub(crate) struct Args {
    /// The release; by default the one that was live before
    #[arg(value_name = "rN")]
    release: Option<ReleaseId>,
    #[command(flatten)]
    target: Target,
}

/// Asks and tells.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let client = context.control()?.connect().await?;
    let app = args.target.resolve(&context.world, &client).await?;
    let events = client
        .rollback(&app, &Rollback { to: args.release })
        .await?;
    follow::to_the_end(&mut context.ui, events).await.map(drop)
}
