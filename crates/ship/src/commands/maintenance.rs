//! `ship maintenance`: a page in the app's place.

use clap::Subcommand;
use ship_api::request::Maintain;
use ship_base::network::Network;

use crate::cli::Context;
use crate::error::Result;
use crate::target::Target;

/// Show visitors a page in the app's place, while it runs on
///
/// They get status 503 and are asked to come again; search engines keep what they know of the site. It stays through deploys and restarts of the machine, until
/// `ship maintenance off`. Jobs and workers run on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship maintenance on
  ship maintenance on --message 'We move to a bigger machine. Back at 14:00 UTC.' --allow 192.0.2.7
  ship maintenance off")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the page; where it is shown already, change what it says
    #[command(after_help = "Examples:
  ship maintenance on --message 'Back at 14:00 UTC.'
  ship maintenance on --allow 192.0.2.7 --allow 2001:db8::/32")]
    On {
        /// What the page says
        #[arg(short, long, value_name = "TEXT")]
        message: Option<String>,
        /// Let visitors of this address or network see the app; may be said several times
        #[arg(long, value_name = "NETWORK", value_parser = network)]
        allow: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Show the app again
    #[command(after_help = "Example:
  ship maintenance off --app blog")]
    Off {
        #[command(flatten)]
        target: Target,
    },
}

fn network(text: &str) -> std::result::Result<String, String> {
    let network = text.parse::<Network>();
    network.map(|_| text.to_owned()).map_err(|_| {
        "an address such as 192.0.2.7, or a network such as 192.0.2.0/24 whose other bits are zero"
            .to_owned()
    })
}

/// Asks and tells.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let (asked, target) = match args.command {
        Command::On {
            message,
            allow,
            target,
        } => {
            let asked = Maintain {
                on: true,
                message,
                allow,
            };
            (asked, target)
        }
        Command::Off { target } => (Maintain::default(), target),
    };
    let client = context.control()?.connect().await?;
    let app = target.resolve(&context.world, &client).await?;
    client.maintain(&app, &asked).await?;
    context.ui.say(&if asked.on {
        format!("visitors of `{app}` see a page; `ship maintenance off --app {app}` shows them the app again")
    } else {
        format!("visitors of `{app}` see the app")
    });
    Ok(())
}
