//! `ship server`: the control process itself.

mod doctor;
mod install;
mod machine;
mod sockets;

use std::time::{Duration, Instant};

use clap::Subcommand;
use ship_api::client::Client;
use ship_api::reply::Certificate;
use ship_api::request::Stop;
use ship_base::count;
use ship_base::fault::FaultKind;
use ship_base::name::AppName;

use crate::cli::Context;
use crate::control::Control;
use crate::error::{CommandError, Result};
use crate::exit;
use crate::remotes::{self, Remotes};

/// How long a server that is told to stop may take to go, once its apps have ended.
const GONE: Duration = Duration::from_secs(10);

/// Run, stop or look at the server that keeps your apps
///
/// Every command starts it where it is needed, and it ends by itself when nothing runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship server status
  ship server stop")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a machine a server: this one, or another over ssh
    ///
    /// Copies this program there, writes a configuration and a systemd unit, and starts it. What is
    /// there already stays as it is: it may be repeated.
    #[command(after_help = "Examples:
  ship server install root@203.0.113.7 --dry-run
  ship server install root@203.0.113.7")]
    Install {
        /// A remote's name, or what ssh calls the machine; without it, this machine
        #[arg(value_name = "DEST")]
        destination: Option<String>,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Bring the server of a machine to this version; apps and visitors do not notice
    #[command(after_help = "Example:\n  ship server upgrade root@203.0.113.7")]
    Upgrade {
        /// A remote's name, or what ssh calls the machine; without it, this machine
        #[arg(value_name = "DEST")]
        destination: Option<String>,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop everything on a machine and remove the program; apps and their data stay
    #[command(after_help = "Example:\n  ship server uninstall root@203.0.113.7")]
    Uninstall {
        /// A remote's name, or what ssh calls the machine; without it, this machine
        #[arg(value_name = "DEST")]
        destination: Option<String>,
        /// Remove every app with its data, too
        #[arg(long)]
        purge: bool,
    },
    /// Serve in the foreground, as systemd wants it
    #[command(after_help = "Example:\n  SHIP_LOG=debug ship server run")]
    Run,
    /// Stop every app, the front door and the server
    #[command(after_help = "Example:\n  ship server stop")]
    Stop {
        /// Do not wait for requests and jobs in hand
        #[arg(long)]
        now: bool,
    },
    /// Look at the machine: open sockets, disk, memory, clock, updates, and where domains lead
    ///
    /// Every socket that waits for the network is shown with who holds it. Changes nothing. `✓` is fine,
    /// `!` is worth knowing, `✗` is broken; with a `✗` the exit code is 1.
    #[command(after_help = "Examples:
  ship server doctor -r prod
  ship server doctor --json")]
    Doctor {
        /// A list of findings as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show whether it runs, and what it keeps
    #[command(after_help = "Examples:
  ship server status --json
  ship server status -r prod")]
    Status {
        /// As JSON; `null` where no server runs
        #[arg(long)]
        json: bool,
    },
}

impl Args {
    /// Whether it can be asked of a server far away; the others take one as an argument.
    pub(crate) fn goes_far(&self) -> bool {
        matches!(
            self.command,
            Command::Status { .. } | Command::Doctor { .. }
        )
    }
}

/// Does it.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<u8> {
    let control = context.control()?;
    let done = match args.command {
        Command::Doctor { json } => {
            return match context.remote.clone() {
                Some(remote) => doctor_there(context, &remote, json),
                None => doctor::run(context, &control, json).await,
            };
        }
        Command::Install {
            destination,
            dry_run,
        }
        | Command::Upgrade {
            destination,
            dry_run,
        } => install::install(context, destination.as_deref(), dry_run).await,
        Command::Uninstall { destination, purge } => {
            install::uninstall(context, destination.as_deref(), purge).await
        }
        // The exact words are a role, which never gets here: see `role.rs`.
        Command::Run => Err(CommandError::new(
            FaultKind::Usage,
            "`ship server run` takes no arguments",
        )),
        Command::Stop { now } => stop(context, &control, now).await,
        Command::Status { json } => status(context, &control, json).await,
    };
    done.map(|()| exit::OK)
}

/// What there is to see is on that machine.
fn doctor_there(context: &mut Context, remote: &str, json: bool) -> Result<u8> {
    let there = Remotes::read(&context.world)?.destination(remote)?;
    let mut words = vec!["ship", "server", "doctor"];
    words.extend(json.then_some("--json"));
    let dial = remotes::ssh(&context.world, &there, &words);
    match remotes::start_there(&dial, b"")? {
        Some(255) | None => Err(remotes::no_way(&dial.destination)),
        Some(code) => Ok(u8::try_from(code).unwrap_or(exit::OUTSIDE)),
    }
}

async fn stop(context: &mut Context, control: &Control, now: bool) -> Result<()> {
    // Not asked for its status first: it may be of another version.
    let client = match Client::connect(&control.folders().api_socket()).await {
        Err(error) if error.is_nobody_there() => {
            context.ui.say("no server runs");
            return Ok(());
        }
        client => client?,
    };
    let within = now.then_some(Duration::ZERO);
    client.stop_server(&Stop { within }).await?;
    let deadline = Instant::now() + GONE;
    while control.is_held() {
        if Instant::now() > deadline {
            return Err(CommandError::new(
                FaultKind::Outside,
                "the server stopped its apps and did not end",
            )
            .hint(format!(
                "its log: `less {}`",
                control.folders().server_log().display()
            )));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    context.ui.say("the server and all apps are stopped");
    Ok(())
}

/// `tls     blog.example  https://…/directory`, and what is wrong.
fn certificate(certificate: &Certificate) -> String {
    let names = match certificate.names.as_slice() {
        [] => certificate.from.clone(),
        names => names.join(", "),
    };
    let state = match (&certificate.trouble, certificate.serves) {
        (Some(why), _) => why.clone(),
        (None, true) => certificate.from.clone(),
        (None, false) => format!("asked for at {}", certificate.from),
    };
    format!("tls     {names}  {state}")
}

async fn status(context: &mut Context, control: &Control, json: bool) -> Result<()> {
    let status = match control.running().await? {
        Some(client) => Some(client.status().await?),
        None => None,
    };
    if json {
        return context.ui.json(&status);
    }
    let Some(status) = status else {
        return context.ui.data("no server runs");
    };
    let host = if control.is_far() { "*" } else { "localhost" };
    let mut parts = vec![format!(
        "server  pid {}  version {}",
        status.pid, status.version
    )];
    parts.push(match (status.door, status.port) {
        (Some(pid), Some(port)) => {
            let https = status
                .https_port
                .map(|port| format!("  https://{host}:{port}"));
            let https = https.unwrap_or_default();
            format!("door    pid {pid}  http://{host}:{port}{https}")
        }
        _ => "door    closed".to_owned(),
    });
    let names: Vec<&str> = status.running.iter().map(AppName::as_str).collect();
    let running = count::plural(names.len(), "app");
    parts.push(format!("runs    {running}  {}", names.join(", ")));
    parts.extend(status.certificates.iter().map(certificate));
    parts
        .iter()
        .try_for_each(|line| context.ui.data(line.trim_end()))
}
