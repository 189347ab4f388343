//! `ship env`: the settings that an app sees, and where each comes from.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Subcommand;
use ship_api::client::Client;
use ship_api::reply::EnvEntry;
use ship_api::request::{ChangeEnv, CreateApp};
use ship_base::count;
use ship_base::file;
use ship_base::name::AppName;
use ship_base::secret::Secret;

use crate::cli::Context;
use crate::error::{CommandError, Result};
use crate::secret_input;
use crate::table::{self, Give};
use crate::target::Target;

/// Show and change the settings (environment variables) of an app
///
/// Settings come from `ship env set`, from `.env` and from `[env]` in `ship.toml`; the first of
/// them that has a name wins. A change takes effect with the next `ship up` or `ship restart`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship env list
  ship env set SECRET_KEY              asks for the value, without showing it
  ship env set DEBUG=0 WORKERS=2
  pass show stripe | ship env set STRIPE_KEY
  ship env import production.env")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the settings with where each comes from; values are hidden
    #[command(after_help = "Example:\n  ship env list --reveal")]
    List {
        /// Show the values
        #[arg(long)]
        reveal: bool,
        /// As JSON; the values only with `--reveal`
        #[arg(long)]
        json: bool,
    },
    /// Print the value of one setting
    #[command(after_help = "Example:\n  ship env get DATABASE_URL")]
    Get {
        /// Its name
        name: String,
    },
    /// Set values: `NAME=VALUE`, or `NAME` alone to type or pipe the value
    #[command(after_help = "Examples:\n  ship env set DEBUG=0\n  ship env set SECRET_KEY")]
    Set {
        /// The settings
        #[arg(required = true, value_name = "NAME[=VALUE]")]
        settings: Vec<String>,
    },
    /// Forget values that were set with `ship env set`
    #[command(after_help = "Example:\n  ship env unset DEBUG")]
    Unset {
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Set every value of a file in the form of `.env`
    #[command(after_help = "Example:\n  ship env import production.env")]
    Import {
        /// The file
        #[arg(value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
    },
}

/// Finds the app and does it.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let client = context.control()?.connect().await?;
    let target = &args.target;
    match args.command {
        Command::List { reveal, json } => {
            let app = target.resolve(&context.world, &client).await?;
            list(context, client.env(&app).await?, reveal, json)
        }
        Command::Get { name } => {
            let app = target.resolve(&context.world, &client).await?;
            get(context, &client.env(&app).await?, &name)
        }
        Command::Set { settings } => {
            let set = values(context, &settings)?;
            self::set(context, &client, target, set).await
        }
        Command::Import { file } => {
            let set = of_file(context, &file)?;
            self::set(context, &client, target, set).await
        }
        Command::Unset { names } => {
            let app = target.resolve(&context.world, &client).await?;
            known(&app, &client.env(&app).await?, &names)?;
            unset(context, &client, &app, names).await
        }
    }
}

fn list(context: &mut Context, entries: Vec<EnvEntry>, reveal: bool, json: bool) -> Result<()> {
    if json {
        return context.ui.json(&as_json(&entries, reveal));
    }
    let give = [Give::Nothing, Give::First, Give::Nothing];
    let rows: Vec<Vec<String>> = entries.iter().map(|entry| row(entry, reveal)).collect();
    let lines = table::lines(&rows, &give, context.ui.data_columns());
    lines.iter().try_for_each(|line| context.ui.data(line))
}

fn row(entry: &EnvEntry, reveal: bool) -> Vec<String> {
    let value = if reveal {
        // One line each: a key with line ends must not look like several settings.
        entry.value.reveal().escape_debug().to_string()
    } else {
        entry.value.to_string()
    };
    vec![entry.name.clone(), value, entry.from.clone()]
}

fn as_json(entries: &[EnvEntry], reveal: bool) -> Vec<serde_json::Value> {
    let entry = |entry: &EnvEntry| {
        let value = reveal.then(|| entry.value.reveal());
        serde_json::json!({"name": entry.name, "value": value, "from": entry.from})
    };
    entries.iter().map(entry).collect()
}

fn get(context: &mut Context, entries: &[EnvEntry], name: &str) -> Result<()> {
    let Some(entry) = entries.iter().find(|entry| entry.name == name) else {
        return Err(CommandError::user(format!("there is no setting `{name}`"))
            .hint("`ship env list` shows what there is"));
    };
    context.ui.data(entry.value.reveal())
}

/// The values of `NAME=VALUE` and `NAME`; the latter are asked for, one after the other.
fn values(context: &mut Context, settings: &[String]) -> Result<BTreeMap<String, Secret<String>>> {
    let asked = settings.iter().filter(|setting| !setting.contains('='));
    if asked.count() > 1 && !std::io::stdin().is_terminal() {
        return Err(
            CommandError::user("standard input holds one value, not several")
                .hint("`ship env import FILE` sets many"),
        );
    }
    let mut set = BTreeMap::new();
    for setting in settings {
        let (name, value) = match setting.split_once('=') {
            Some((name, value)) => (name, Secret::new(value.to_owned())),
            None => (
                setting.as_str(),
                secret_input::read(&mut context.ui, setting)?,
            ),
        };
        set.insert(name.to_owned(), value);
    }
    Ok(set)
}

/// Unsetting what `ship env set` never set would look as if it had worked.
fn known(app: &AppName, entries: &[EnvEntry], names: &[String]) -> Result<()> {
    for name in names {
        match entries.iter().find(|entry| &entry.name == name) {
            Some(entry) if entry.from == "ship env" => {}
            Some(entry) => {
                let message = format!(
                    "`{name}` was not set with `ship env`: it is from {}",
                    entry.from
                );
                return Err(CommandError::user(message)
                    .hint(format!("`ship env set {name}=…` overrules it")));
            }
            None => {
                return Err(
                    CommandError::user(format!("`{app}` has no setting `{name}`"))
                        .hint("`ship env list` shows what there is"),
                );
            }
        }
    }
    Ok(())
}

fn of_file(context: &Context, path: &std::path::Path) -> Result<BTreeMap<String, Secret<String>>> {
    let text = file::read_text(&context.world.resolve(path))?;
    let entries = ship_project::parse_dotenv(path, &text)?;
    let pairs = entries.into_iter().map(|entry| (entry.name, entry.value));
    Ok(pairs.collect())
}

async fn set(
    context: &mut Context,
    client: &Client,
    target: &Target,
    set: BTreeMap<String, Secret<String>>,
) -> Result<()> {
    let (app, project) = target.resolve_or_new(&context.world, client).await?;
    let settings = count::plural(set.len(), "setting");
    let sees_it = match project {
        Some(project) => {
            let name = app.clone();
            client.create_app(&CreateApp { name, project }).await?;
            "`ship up` brings it up with that"
        }
        None => "`ship restart` makes it see the change",
    };
    let change = ChangeEnv {
        set,
        unset: Vec::new(),
    };
    client.change_env(&app, &change).await?;
    context
        .ui
        .say(&format!("set {settings} of `{app}`; {sees_it}"));
    Ok(())
}

async fn unset(
    context: &mut Context,
    client: &Client,
    app: &AppName,
    names: Vec<String>,
) -> Result<()> {
    let settings = count::plural(names.len(), "setting");
    let change = ChangeEnv {
        set: BTreeMap::new(),
        unset: names,
    };
    client.change_env(app, &change).await?;
    context.ui.say(&format!(
        "unset {settings} of `{app}`; `ship restart` makes it see the change"
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> EnvEntry {
        EnvEntry {
            name: "SECRET_KEY".into(),
            value: Secret::new("hunter2\nline".into()),
            from: ".env".into(),
        }
    }

    #[test]
    fn values_are_hidden_until_they_are_asked_for() {
        assert_eq!(row(&entry(), false), ["SECRET_KEY", "****", ".env"]);
        assert_eq!(
            row(&entry(), true),
            ["SECRET_KEY", "hunter2\\nline", ".env"]
        );
        let hidden = serde_json::to_string(&as_json(&[entry()], false)).unwrap();
        assert_eq!(
            hidden,
            r#"[{"from":".env","name":"SECRET_KEY","value":null}]"#
        );
        let shown = serde_json::to_string(&as_json(&[entry()], true)).unwrap();
        assert!(shown.contains("hunter2"));
    }

    #[test]
    fn only_what_was_set_can_be_unset() {
        let app: AppName = "blog".parse().unwrap();
        let refused = |name: &str| match known(&app, &[entry()], &[name.to_owned()]) {
            Err(CommandError::Failed(problem)) => problem.message,
            other => format!("{other:?}"),
        };
        assert_eq!(
            refused("SECRET_KEY"),
            "`SECRET_KEY` was not set with `ship env`: it is from .env"
        );
        assert_eq!(refused("DEBUG"), "`blog` has no setting `DEBUG`");
    }
}
