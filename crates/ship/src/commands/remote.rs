//! `ship remote`: names for servers far away.

use clap::Subcommand;
use ship_base::name::AppName;

use crate::cli::Context;
use crate::error::{CommandError, Result};
use crate::remotes::{Remote, Remotes};

/// Name the servers that you deploy to
///
/// A server is reached by your own `ssh`, with your configuration, keys and agent. `-r NAME` sends
/// a command there: `ship logs -r prod`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship remote add prod root@203.0.113.7
  ship ps -r prod
  ship remote list")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give a server a name
    #[command(after_help = "Example:\n  ship remote add prod root@203.0.113.7:2222")]
    Add {
        /// Its name
        name: AppName,
        /// What ssh calls it: `user@host`, `user@host:port`, or a name of your ssh configuration
        destination: String,
    },
    /// List the names
    #[command(after_help = "Example:\n  ship remote list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget a name; nothing changes on the server
    #[command(after_help = "Example:\n  ship remote remove prod")]
    Remove {
        /// Its name
        name: AppName,
    },
    /// Say where `ship deploy` goes with a project that never went anywhere
    #[command(after_help = "Example:\n  ship remote default prod")]
    Default {
        /// Its name
        name: AppName,
    },
}

/// Changes or shows the list.
pub(crate) fn run(args: Args, context: &mut Context) -> Result<()> {
    let mut remotes = Remotes::read(&context.world)?;
    let said = match args.command {
        Command::List { json } => return list(context, &remotes, json),
        Command::Add { name, destination } => add(&mut remotes, name, &destination)?,
        Command::Remove { name } => remove(&mut remotes, &name)?,
        Command::Default { name } => {
            known(&remotes, &name)?;
            let said = format!("`ship deploy` goes to `{name}` unless a project went elsewhere");
            remotes.default = Some(name);
            said
        }
    };
    remotes.write(&context.world)?;
    context.ui.say(&said);
    Ok(())
}

fn add(remotes: &mut Remotes, name: AppName, destination: &str) -> Result<String> {
    let destination = Remotes::default().destination(destination)?;
    let said = format!("`{name}` is {destination}; `ship ps -r {name}` asks there");
    let ssh = destination.to_string();
    remotes.remote.insert(name, Remote { ssh });
    Ok(said)
}

fn remove(remotes: &mut Remotes, name: &AppName) -> Result<String> {
    known(remotes, name)?;
    remotes.remote.remove(name);
    remotes.default.take_if(|default| default == name);
    remotes.project.retain(|_, last| last.to != name.as_str());
    Ok(format!(
        "`{name}` is forgotten; the server goes on as it was"
    ))
}

fn known(remotes: &Remotes, name: &AppName) -> Result<()> {
    if remotes.remote.contains_key(name) {
        return Ok(());
    }
    let error = CommandError::user(format!("there is no remote `{name}`"));
    Err(error.hint(format!("`ship remote add {name} user@host` makes one")))
}

fn list(context: &mut Context, remotes: &Remotes, json: bool) -> Result<()> {
    let rows = remotes.remote.iter().map(|(name, remote)| {
        let is_default = remotes.default.as_ref() == Some(name);
        (name, remote.ssh.as_str(), is_default)
    });
    if json {
        let rows = rows.map(|(name, ssh, is_default)| {
            serde_json::json!({"name": name, "ssh": ssh, "default": is_default})
        });
        return context.ui.json(&rows.collect::<Vec<_>>());
    }
    if remotes.remote.is_empty() {
        context
            .ui
            .say("no server has a name yet: `ship remote add NAME user@host`");
    }
    for (name, ssh, is_default) in rows {
        let mark = if is_default { "  default" } else { "" };
        context.ui.data(&format!("{name}  {ssh}{mark}"))?;
    }
    Ok(())
}
