//! `ship git`: a `git push` to a server is a deploy.
//!
//! git asks the server, through ssh, for `git-receive-pack` and the path of a repository. Here the
//! path is an app's name, and behind it stands a bare repository of the app's own whose hook deploys
//! what comes, before any of it is kept: a deploy that fails refuses the push.

use std::io::Read as _;

use clap::Subcommand;
use ship_api::client::Client;
use ship_api::source::Source;
use ship_base::lock::Lock;
use ship_base::name::{AppName, KeyName};

use crate::cli::{self, Context};
use crate::commands::deploy;
use crate::error::{CommandError, Result};
use crate::pushed::{Pushed, Repository};
use crate::sending;

/// Take a `git push` as a deploy
///
/// This is what git runs on a server: it is not meant to be typed. On your machine:
///
///   git remote add ship ssh://root@203.0.113.7/blog
///   git config remote.ship.receivepack 'ship git receive-pack'
///   git push ship main
///
/// The second line is not needed where ssh comes in with a key of `ship key`.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:
  git push --receive-pack='ship git receive-pack' ssh://root@203.0.113.7/blog main"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take what git sends for an app
    #[command(after_help = "Example:\n  ship git receive-pack /blog")]
    ReceivePack {
        /// The app's name, with or without a slash before it and `.git` behind it
        path: String,
    },
    /// Deploy what was just pushed; the repository's hook runs this
    #[command(
        hide = true,
        after_help = "Example:\n  echo \"$old $new refs/heads/main\" | ship git deploy blog"
    )]
    Deploy {
        /// The app
        app: AppName,
        /// As this deploy key
        #[arg(long, value_name = "NAME")]
        key: Option<KeyName>,
    },
}

/// Does it.
pub(crate) fn run(args: Args, context: &mut Context) -> Result<()> {
    match args.command {
        Command::ReceivePack { path } => receive_pack(&path, None, context),
        Command::Deploy { app, key } => cli::wait(deploy(app, key, context)),
    }
}

/// Becomes git, which takes the objects and asks the hook.
pub(crate) fn receive_pack(path: &str, key: Option<&KeyName>, context: &mut Context) -> Result<()> {
    let app = app(path)?;
    // Who may not deploy the app is told before anything is sent; an app that is not there yet
    // begins here, as with `ship deploy`.
    cli::wait(async {
        let client = client(key, context).await?;
        client.offer(&app, &Source::default()).await?;
        Ok(())
    })?;
    let repository = Repository::of(context.control()?.folders(), &app);
    repository.prepare()?;
    Err(repository.receive(key))
}

/// `/blog`, `blog.git`: git takes a path to be a path.
fn app(path: &str) -> Result<AppName> {
    let name = path.trim_start_matches('/').trim_end_matches('/');
    let name = name.strip_suffix(".git").unwrap_or(name);
    name.parse().map_err(|error| {
        CommandError::user(format!("`{path}` is not an app to push to"))
            .cause(error)
            .hint("after the host comes the app's name: `git remote set-url ship ssh://user@host/blog`")
    })
}

async fn client(key: Option<&KeyName>, context: &Context) -> Result<Client> {
    let control = context.control()?;
    let client = control.connect().await?;
    Ok(match key {
        Some(key) => Client::as_key(&control.folders().key_socket(), key),
        None => client,
    })
}

async fn deploy(app: AppName, key: Option<KeyName>, context: &mut Context) -> Result<()> {
    let mut lines = String::new();
    let read = std::io::stdin().read_to_string(&mut lines);
    read.map_err(|error| CommandError::user("git's list of branches cannot be read").cause(error))?;
    let pushed = Pushed::read(&lines)?;
    let repository = Repository::of(context.control()?.folders(), &app);
    // One after the other: the folder is laid out anew for each.
    let _alone = Lock::wait(&repository.lock())?;
    let checked_out = repository.check_out(&pushed)?;
    let project = checked_out.folder();
    let plan = ship_project::read(&project)?.plan;
    let listed = sending::list(&project, &plan)?;
    let client = client(key.as_ref(), context).await?;
    deploy::send_and_deploy(&client, &app, listed, &mut context.ui).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_calls_a_path_is_an_app() {
        for path in ["/blog", "blog", "/blog.git", "blog/"] {
            assert_eq!(app(path).unwrap().as_str(), "blog", "{path}");
        }
        for path in ["", "/", "/../blog", "/srv/blog", "/Blog", "--upload-pack=x"] {
            assert!(app(path).is_err(), "{path}");
        }
    }
}
