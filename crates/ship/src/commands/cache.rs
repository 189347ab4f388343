//! `ship cache`: what the front door keeps of an app's answers.

use clap::Subcommand;
use ship_api::request::Purge;
use ship_base::count::plural;

use crate::cli::Context;
use crate::error::Result;
use crate::target::Target;

/// Forget answers that the front door keeps
///
/// It keeps what an app's `Cache-Control` allows, and what `cache` in `[route]` of `ship.toml` says.
/// A new release begins with nothing kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship cache purge /feed.xml
  ship cache purge '/blog/*'")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Have the next visitor ask the app
    #[command(after_help = "Examples:
  ship cache purge /feed.xml
  ship cache purge '/blog/*' --json")]
    Purge {
        /// A path, with any query; all that begin with it where it ends with `*`
        #[arg(value_parser = path)]
        path: String,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
}

fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err("a path begins with `/`".to_owned())
    }
}

/// Asks and tells.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let Command::Purge { path, json, target } = args.command;
    let client = context.control()?.connect().await?;
    let app = target.resolve(&context.world, &client).await?;
    let purged = client.purge(&app, &Purge { path }).await?;
    if json {
        return context.ui.json(&purged);
    }
    let count = usize::try_from(purged.answers).unwrap_or(usize::MAX);
    context.ui.say(&match count {
        0 => format!("nothing was kept for `{}`", purged.path),
        _ => format!("forgot {} for `{}`", plural(count, "answer"), purged.path),
    });
    Ok(())
}
