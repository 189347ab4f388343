//! `ship key`: keys that may do some things with some apps of a server, for CI and colleagues.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Subcommand;
use ship_api::access::Role;
use ship_api::reply::Key;
use ship_api::request::{AddKey, RemoveKey};
use ship_base::count;
use ship_base::fault::FaultKind;
use ship_base::lock::Lock;
use ship_base::name::{AppName, KeyName};

use crate::authorized_keys::{AuthorizedKeys, PublicKey};
use crate::cli::Context;
use crate::error::{CommandError, Result};
use crate::remotes::{self, Remotes};
use crate::table::{self, Give};
use crate::world::World;

/// The longest public key; one of RSA with 16384 bits has some 3 KiB.
const LONGEST: u64 = 16 << 10;

/// Let a key of ssh do some things with some apps, and nothing else
///
/// A key gets a line in `authorized_keys` whose forced command leads to the server's API: no shell,
/// no forwarding, no other app. What it may is written down on the server, and everything that it
/// changes is in `ship audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship key add --app blog --may deploy,logs < ci.pub
  ship key list -r prod
  ship key remove ci")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let the public key on standard input in
    #[command(after_help = "Examples:
  ship key add --app blog --may deploy,logs < ci.pub
  ship key add ana --app blog --app shop --may deploy,logs,look,operate -r prod < ana.pub")]
    Add {
        /// What it is called; by default after the key's own comment
        name: Option<KeyName>,
        /// An app that it is for; may be given several times
        #[arg(short, long = "app", value_name = "NAME", required = true)]
        apps: Vec<AppName>,
        /// What it may do: `deploy`, `logs`, `look`, `operate`, `settings`
        #[arg(long, value_name = "ROLES", required = true, value_delimiter = ',')]
        may: Vec<Role>,
        /// Where sshd looks for keys, if not in `~/.ssh/authorized_keys`
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// List the keys and what each may
    #[command(after_help = "Example:\n  ship key list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Take everything from a key
    #[command(after_help = "Example:\n  ship key remove ci -r prod")]
    Remove {
        /// What it is called
        name: KeyName,
        /// Where sshd looks for keys, if not in `~/.ssh/authorized_keys`
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// Does it; what writes `authorized_keys` does it on the machine that it is about.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    match args.command {
        Command::List { json } => list(context, json).await,
        Command::Add {
            name,
            apps,
            may,
            file,
        } => {
            let key = PublicKey::read(&input()?)?;
            let name = match name {
                Some(name) => name,
                None => name_of(&key)?,
            };
            let add = AddKey {
                name,
                apps: apps.into_iter().collect(),
                may: may.into_iter().collect(),
                fingerprint: key.fingerprint.clone(),
            };
            match context.remote.clone() {
                Some(remote) => elsewhere(context, &remote, &add_words(&add), &key.line(), file),
                None => here_add(context, add, &key, file).await,
            }
        }
        Command::Remove { name, file } => match context.remote.clone() {
            Some(remote) => {
                let words = ["remove".to_owned(), name.to_string()];
                elsewhere(context, &remote, &words, "", file)
            }
            None => here_remove(context, name, file).await,
        },
    }
}

fn input() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| CommandError::user("standard input cannot be read as text").cause(error))?;
    Ok(text)
}

fn name_of(key: &PublicKey) -> Result<KeyName> {
    let named = AppName::from_free_text(&key.comment).and_then(|name| name.as_str().parse().ok());
    named.ok_or_else(|| {
        CommandError::user("the key has no comment to be named after")
            .hint("say what it is called: `ship key add ci --app … --may …`")
    })
}

/// First what it may, then the line that lets it in: a key without a record may nothing.
async fn here_add(
    context: &mut Context,
    add: AddKey,
    key: &PublicKey,
    file: Option<PathBuf>,
) -> Result<()> {
    let client = context.control()?.connect().await?;
    let _alone = alone(context)?;
    let keys = authorized_keys(context, file)?;
    client.add_key(&add).await?;
    if let Err(error) = keys.add(&add.name, key) {
        let name = add.name.clone();
        client.remove_key(&RemoveKey { name }).await?;
        return Err(error);
    }
    let (name, may, apps) = (&add.name, words(&add.may), words(&add.apps));
    context.ui.say(&format!("`{name}` may {may} with {apps}"));
    Ok(())
}

async fn here_remove(context: &mut Context, name: KeyName, file: Option<PathBuf>) -> Result<()> {
    let client = context.control()?.connect().await?;
    let _alone = alone(context)?;
    let keys = authorized_keys(context, file)?;
    let forgotten = client.remove_key(&RemoveKey { name: name.clone() }).await;
    // Also where the record was gone already.
    let removed = keys.remove(&name)?;
    if !removed {
        forgotten?;
    }
    context.ui.say(&format!("`{name}` may nothing any more"));
    Ok(())
}

/// Two of these commands must not write over each other's line.
fn alone(context: &Context) -> Result<Lock> {
    let control = context.control()?;
    Ok(Lock::wait(&control.folders().data().join("keys.lock"))?)
}

fn authorized_keys(context: &Context, file: Option<PathBuf>) -> Result<AuthorizedKeys> {
    let usual = || {
        let home = context.world.variable("HOME").map(PathBuf::from);
        home.map(|home| home.join(".ssh/authorized_keys"))
    };
    let named = file.map(|file| context.world.resolve(&file));
    let path = named.or_else(usual).ok_or_else(|| {
        CommandError::user("HOME is not set, so there is no `~/.ssh/authorized_keys`")
            .hint("say where sshd looks: `--file FILE`")
    })?;
    let program = World::program();
    let program = program.canonicalize().unwrap_or(program);
    Ok(AuthorizedKeys::new(&path, program))
}

fn add_words(add: &AddKey) -> Vec<String> {
    let mut words = vec!["add".to_owned(), add.name.to_string()];
    for app in &add.apps {
        words.extend(["--app".to_owned(), app.to_string()]);
    }
    let may: Vec<String> = add.may.iter().map(ToString::to_string).collect();
    words.extend(["--may".to_owned(), may.join(",")]);
    words
}

/// A shell reads the words there: names and roles, whose letters mean nothing to it.
fn elsewhere(
    context: &mut Context,
    remote: &str,
    words: &[String],
    input: &str,
    file: Option<PathBuf>,
) -> Result<()> {
    if file.is_some() {
        return Err(CommandError::new(
            FaultKind::Usage,
            "`--file` is about this machine: it goes with no `--remote`",
        ));
    }
    let there = Remotes::read(&context.world)?.destination(remote)?;
    let mut command = vec!["ship", "key"];
    command.extend(words.iter().map(String::as_str));
    let dial = remotes::ssh(&context.world, &there, &command);
    remotes::run_there(&dial, input.as_bytes())?;
    Ok(())
}

async fn list(context: &mut Context, json: bool) -> Result<()> {
    let client = context.control()?.connect().await?;
    let keys = client.keys().await?;
    if json {
        return context.ui.json(&keys);
    }
    if keys.is_empty() {
        context
            .ui
            .say("no key has rights of its own: `ship key add --app blog --may deploy < ci.pub`");
    }
    let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
    let lines = table::lines(&rows, &GIVE, context.ui.data_columns());
    lines.iter().try_for_each(|line| context.ui.data(line))
}

const GIVE: [Give; 5] = [
    Give::Nothing,
    Give::Later,
    Give::Later,
    Give::Nothing,
    Give::First,
];

fn row(key: &Key) -> Vec<String> {
    vec![
        key.name.to_string(),
        words(&key.may),
        words(&key.apps),
        format!("{} ago", count::duration(key.added.elapsed())),
        key.fingerprint.clone(),
    ]
}

fn words<T: ToString>(of: &BTreeSet<T>) -> String {
    let words: Vec<String> = of.iter().map(ToString::to_string).collect();
    words.join(", ")
}
