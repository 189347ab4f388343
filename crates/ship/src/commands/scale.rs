//! `ship scale`: more or fewer instances.

use ship_api::request::Scale;
use ship_base::name::ProcessName;

use crate::cli::Context;
use crate::error::Result;
use crate::follow;
use crate::target::Target;

/// Change how many instances of a process run
///
/// New ones get visitors once they answer, and those that go finish what they have in hand. The
/// number holds for the releases to come as well.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  ship scale web=3 worker=2")]
pub(crate) struct Args {
    /// The process and how many
    #[arg(required = true, value_name = "PROCESS=N", value_parser = wanted)]
    processes: Vec<(ProcessName, u32)>,
    #[command(flatten)]
    target: Target,
}

fn wanted(text: &str) -> Result<(ProcessName, u32), String> {
    let (name, number) = text.split_once('=').ok_or("write it like `web=3`")?;
    let name = name
        .parse::<ProcessName>()
        .map_err(|error| error.to_string())?;
    let number = number
        .parse()
        .map_err(|_| format!("`{number}` is not a number of instances"))?;
    Ok((name, number))
}

/// Asks and tells.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let client = context.control()?.connect().await?;
    let app = args.target.resolve(&context.world, &client).await?;
    let scale = Scale {
        processes: args.processes.into_iter().collect(),
    };
    let events = client.scale(&app, &scale).await?;
    follow::to_the_end(&mut context.ui, events).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_instances_reads_as_it_is_said() {
        assert_eq!(wanted("web=3"), Ok(("web".parse().unwrap(), 3)));
        assert_eq!(wanted("web").unwrap_err(), "write it like `web=3`");
        assert_eq!(
            wanted("web=-1").unwrap_err(),
            "`-1` is not a number of instances"
        );
        assert!(wanted("We b=1").unwrap_err().contains("is not a name"));
    }
}
