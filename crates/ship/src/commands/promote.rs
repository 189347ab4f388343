//! `ship promote`: what is live at one app goes live at another.

use ship_api::request::Promote;
use ship_base::name::{AppName, ReleaseId};

use crate::cli::Context;
use crate::error::Result;
use crate::follow;
use crate::target::Target;

/// Take a release that was tried to another app, as it is
///
/// From staging to production: nothing is built again, so that source, packages and static files are
/// those that were tried. Settings, data and domains are the other app's own; its release command
/// runs with them, and visitors are sent over once the release answers there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship deploy -r prod --to staging
  ship promote --app staging --to talkshow -r prod
  ship promote r7 --app staging --to talkshow --domain talkshow.example")]
pub(crate) struct Args {
    /// The release; by default the live one
    #[arg(value_name = "rN")]
    release: Option<ReleaseId>,
    /// The app that gets it
    #[arg(short, long, value_name = "APP")]
    to: AppName,
    /// A host name that visitors of it use; several times for several. They stay until others are given
    #[arg(short, long, value_name = "NAME")]
    domain: Vec<String>,
    #[command(flatten)]
    target: Target,
}

/// Asks and tells.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let client = context.control()?.connect().await?;
    let promote = Promote {
        from: args.target.resolve(&context.world, &client).await?,
        release: args.release,
        domains: args.domain,
    };
    let events = client.promote(&args.to, &promote).await?;
    match follow::to_the_end(&mut context.ui, events).await? {
        Some(live) if !live.url.is_empty() => context.ui.data(&live.url),
        _ => Ok(()),
    }
}
