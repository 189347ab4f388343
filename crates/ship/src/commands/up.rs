//! `ship up`: the project in a folder becomes what visitors reach.

use std::path::PathBuf;

use ship_api::request::Up;
use ship_base::name::AppName;

use crate::cli::Context;
use crate::control;
use crate::error::{CommandError, Result};
use crate::session::Session;
use crate::text::{DIM, styled};
use crate::watch::Watch;

/// Build the project in a folder and run it
///
/// Reads the project, builds a release of it, starts it, waits until it answers, and only then
/// sends visitors to it; what served before finishes what it has in hand. When anything fails, the
/// release before it serves on.
///
/// Without `--detach` the app's log follows, and Ctrl-C stops the app. With it, the app stays when
/// the terminal closes, and the last line of standard output is its URL.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship up                        the project in this folder, at http://NAME.localhost:8000
  ship up --watch                and again after every saved change
  ship up ~/code/blog --detach   it stays; `ship stop` ends it")]
pub(crate) struct Args {
    /// The project's folder
    #[arg(default_value = ".", value_hint = clap::ValueHint::DirPath)]
    path: PathBuf,
    /// Bring it up again after every change that would become part of a release
    #[arg(short, long)]
    watch: bool,
    /// Return once it serves; the app stays when the terminal closes
    #[arg(short, long)]
    detach: bool,
    /// Listen on this port of this machine; by default 8000, or the next free one
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The app's name, in place of the project's own
    #[arg(short, long)]
    name: Option<AppName>,
    /// Show every line that tools write
    #[arg(short, long)]
    verbose: bool,
}

/// Brings the project up and stays with it.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let project = project(&context.world.resolve(&args.path))?;
    let control = context.control()?;
    // Watching begins before the first deploy: what is saved during it counts.
    let watch = args.watch.then(|| Watch::new(&project)).transpose()?;
    let up = Up {
        project,
        name: args.name,
        port: args.port,
        detach: args.detach,
        tools: control::tool_environment(&context.world),
    };
    let session = Session::begin(&mut context.ui, &control, up, watch, args.verbose).await?;
    let live = session.run().await?;
    match live.filter(|_| args.detach) {
        Some(live) => {
            let stays = "  it stays when this terminal closes; `ship stop` ends it";
            context.ui.say(&styled(DIM, stays));
            match live.url.as_str() {
                "" => Ok(()),
                url => context.ui.data(url),
            }
        }
        None => Ok(()),
    }
}

/// The folder itself, links resolved: the server knows projects by it.
pub(crate) fn project(path: &std::path::Path) -> Result<PathBuf> {
    let unusable = |what: String| {
        CommandError::user(format!("`{}` {what}", path.display()))
            .hint("name the folder that holds the project: `ship up PATH`")
    };
    let real = path.canonicalize();
    let real = real.map_err(|error| unusable("cannot be used".to_owned()).cause(error))?;
    if !real.is_dir() {
        return Err(unusable("is not a folder".to_owned()));
    }
    Ok(real)
}
