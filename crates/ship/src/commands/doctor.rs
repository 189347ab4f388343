//! `ship doctor`: whether this machine has what Shipsmith needs, and what to do where it has not.

pub(crate) mod certificates;
pub(crate) mod disk;
pub(crate) mod finding;
mod folders;
mod leftovers;
mod names;
mod ports;
mod server;
mod tools;

use ship_api::client::Client;
use ship_base::paths::Folders;

use crate::cli::Context;
use crate::control::{self, Control};
use crate::error::Result;
use crate::exit;
use finding::Finding;

/// Look whether this machine has what is needed
///
/// At uv, Pythons, ports, names, certificates, disk, folders, and what dead processes left. Changes nothing and starts nothing. `✓` is fine, `!` is worth knowing, `✗` is broken; with a
/// `✗` the exit code is 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship doctor
  ship doctor --json | jq '.[] | select(.mark != \"good\")'")]
pub(crate) struct Args {
    /// A list of findings as JSON
    #[arg(long)]
    json: bool,
}

/// Looks at everything, one after the other, and shows each finding at once.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<u8> {
    let control = context.control()?;
    let findings = look(context, &control, args.json).await?;
    if args.json {
        context.ui.json(&findings)?;
    }
    let broken = findings.iter().any(Finding::is_broken);
    Ok(if broken { exit::USER } else { exit::OK })
}

async fn look(context: &mut Context, control: &Control, quiet: bool) -> Result<Vec<Finding>> {
    let folders: &Folders = control.folders();
    let tools = control::tool_environment(&context.world);
    let (server, client) = server::check(control).await;
    let status = status(client.as_ref()).await;
    let checks: [&dyn Fn() -> Vec<Finding>; 9] = [
        &|| folders::check(folders),
        &|| vec![server.clone()],
        &|| vec![tools::uv(&tools, folders)],
        &|| vec![tools::pythons(&tools, folders)],
        &|| ports::check(status.as_ref()),
        &|| vec![names::check()],
        &|| certificates::check(status.as_ref()),
        &|| disk::check(folders),
        &|| leftovers::check(folders, status.is_some()),
    ];
    let mut findings = Vec::new();
    for check in checks {
        for finding in check() {
            if !quiet {
                context.ui.data(&finding.line())?;
            }
            findings.push(finding);
        }
    }
    Ok(findings)
}

async fn status(client: Option<&Client>) -> Option<ship_api::reply::ServerStatus> {
    client?.status().await.ok()
}
