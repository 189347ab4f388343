//! `ship destroy`: an app is gone, with everything of it.

use std::io::{self, BufRead as _, IsTerminal as _};

use ship_api::request::Stop;
use ship_base::fault::FaultKind;
use ship_base::name::AppName;

use crate::cli::Context;
use crate::error::{CommandError, Result};
use crate::target::Target;
use crate::ui::Ui;

/// Remove an app: its releases, settings, logs and its data
///
/// The project's folder is not touched. The data folder (uploads, SQLite files) is removed and
/// cannot be brought back. Asks for the app's name on a terminal.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship destroy --app blog
  ship destroy --app blog --yes")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Asks twice: the person, then the server.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let control = context.control()?;
    let client = control.connect().await?;
    let app = args.target.resolve(&context.world, &client).await?;
    // An app that does not exist is said before anything is asked.
    client.app(&app).await?;
    if !args.yes {
        let data = control.folders().app_data(&app);
        confirm(&mut context.ui, &app, &data.display().to_string())?;
    }
    client.destroy(&app, &Stop::default()).await?;
    context.ui.say(&format!("`{app}` is gone"));
    Ok(())
}

fn confirm(ui: &mut Ui, app: &AppName, data: &str) -> Result<()> {
    if !io::stdin().is_terminal() {
        let message = format!("destroying `{app}` needs a word from you, and there is no terminal");
        return Err(CommandError::new(FaultKind::Usage, message)
            .hint(format!("`ship destroy --app {app} --yes`")));
    }
    ui.say(&format!(
        "this removes `{app}` with its releases, settings, logs and data in {data}"
    ));
    ui.ask("type its name to go on: ");
    let mut typed = String::new();
    let read = io::stdin().lock().read_line(&mut typed);
    if read.is_err() || typed.trim() != app.as_str() {
        return Err(CommandError::user(format!(
            "that is not its name: `{app}` stays"
        )));
    }
    Ok(())
}
