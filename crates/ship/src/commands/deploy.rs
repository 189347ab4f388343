//! `ship deploy`: the project in a folder becomes what visitors of a server reach.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ship_api::client::{self, Client};
use ship_api::event::DeployEvent;
use ship_api::request::Deploy;
use ship_base::name::AppName;

use crate::cli::Context;
use crate::commands::up::project;
use crate::error::{CommandError, Result};
use crate::remotes::{Last, Remotes};
use crate::sending::{self, Listed};
use crate::signals::Signals;
use crate::story::{FRAME, Live, Story, Told};
use crate::ui::Ui;

/// How long a Ctrl-C may take to reach us after it has ended our ssh.
const LATE: Duration = Duration::from_millis(300);

/// Deploy the project in a folder to a server
///
/// Only what the server does not have travels. It builds a release there, starts it, waits until it
/// answers, and only then sends visitors to it. When anything fails, or you press Ctrl-C, the
/// release before it serves on.
///
/// Without a destination a project goes where it went last. `.env` stays at home: `ship env set -r`
/// gives settings to the app there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship deploy root@203.0.113.7 --domain talkshow.example
  ship deploy                              where this project went last
  ship deploy -r prod ~/code/blog --to staging
  ship deploy --json | jq -r 'select(.event == \"live\") | .url'")]
pub(crate) struct Args {
    /// The server: a remote's name, or what ssh calls it; left out with `-r`
    #[arg(value_name = "DEST")]
    first: Option<String>,
    /// The project's folder; by default this one
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::DirPath)]
    second: Option<PathBuf>,
    /// A host name that visitors use; several times for several. They stay until others are given
    #[arg(short, long, value_name = "NAME")]
    domain: Vec<String>,
    /// The app's name there, in place of the project's own
    #[arg(short, long, value_name = "APP")]
    to: Option<AppName>,
    /// Show every line that tools write
    #[arg(short, long)]
    verbose: bool,
    /// The events of the deploy as JSON, one a line
    #[arg(long)]
    json: bool,
}

/// Reads, sends, and tells what the server does.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let remotes = Remotes::read(&context.world)?;
    let (named, path) = place(&args, context, &remotes);
    let project = project(&context.world.resolve(&path))?;
    let remote = named
        .or_else(|| remotes.usual(&project))
        .ok_or_else(nowhere)?;
    let plan = ship_project::read(&project)?.plan;
    let app = args.to.clone().unwrap_or_else(|| plan.name.value.clone());
    let client = Client::through(remotes.dial(&context.world, &remote)?);
    let listed = sending::list(&project, &plan)?;
    let mut teller = Teller::new(&mut context.ui, args.verbose, args.json);
    let live = deploy(&client, &app, listed, args.domain, &mut teller).await?;
    remember(context, &project, Last { to: remote, app })?;
    match live.filter(|_| !args.json) {
        Some(live) if !live.url.is_empty() => context.ui.data(&live.url),
        _ => Ok(()),
    }
}

/// What the two words mean: a folder alone is a folder, unless it is also a remote's name.
fn place(args: &Args, context: &Context, remotes: &Remotes) -> (Option<String>, PathBuf) {
    let here = || PathBuf::from(".");
    let is_remote = |word: &str| remotes.remote.keys().any(|name| name.as_str() == word);
    match (&context.remote, &args.first, &args.second) {
        (_, Some(to), Some(path)) => (Some(to.clone()), path.clone()),
        (Some(to), path, None) => (
            Some(to.clone()),
            path.as_ref().map_or_else(here, PathBuf::from),
        ),
        (None, Some(word), None) => {
            let folder = Path::new(word);
            if context.world.resolve(folder).is_dir() && !is_remote(word) {
                (None, folder.to_owned())
            } else {
                (Some(word.clone()), here())
            }
        }
        (to, None, path) => (to.clone(), path.clone().unwrap_or_else(here)),
    }
}

fn nowhere() -> CommandError {
    CommandError::user("where to? this project went nowhere yet").hint(
        "`ship deploy user@host`, for a machine on which `ship server install user@host` was run",
    )
}

/// The same for a project that is on the server's own machine already, told as a story.
pub(crate) async fn send_and_deploy(
    client: &Client,
    app: &AppName,
    listed: Listed,
    ui: &mut Ui,
) -> Result<()> {
    let mut teller = Teller::new(ui, false, false);
    let live = deploy(client, app, listed, Vec::new(), &mut teller).await?;
    live.map(drop).ok_or(CommandError::Interrupted)
}

/// Sends and deploys; Ctrl-C ends both without a trace.
async fn deploy(
    client: &Client,
    app: &AppName,
    listed: Listed,
    domains: Vec<String>,
    teller: &mut Teller<'_>,
) -> Result<Option<Live>> {
    let mut signals = Signals::new()?;
    let sent = {
        let mut tell = |event| teller.tell(event).map(drop);
        tokio::select! {
            biased;
            () = signals.next() => None,
            sent = sending::send(client, app, &listed, &mut tell) => Some(sent),
        }
    };
    match sent {
        Some(Ok(())) => {}
        Some(Err(error)) if !came_late(&mut signals).await => return Err(error),
        _ => return Err(teller.cancelled()),
    }
    let source = listed.source;
    let mut events = client.deploy(app, &Deploy { source, domains }).await?;
    let mut live = None;
    loop {
        let event = tokio::select! {
            biased;
            () = signals.next() => break,
            event = events.next() => event,
            () = tokio::time::sleep(FRAME) => {
                teller.draw();
                continue;
            }
        };
        match event {
            Ok(Some(event)) => match teller.tell(event)? {
                Told::More => {}
                Told::Live(now) => live = Some(now),
                Told::Failed(problem) => return Err((*problem).into()),
                Told::Finished => return Ok(live),
            },
            Ok(None) => return Ok(live),
            Err(_) if came_late(&mut signals).await => break,
            // Visitors have it; that the old instances leave is the server's business.
            Err(error) if error.is_broken() && live.is_some() => return Ok(live),
            Err(error) => {
                teller.story.give_up(teller.ui);
                return Err(broke(error));
            }
        }
    }
    match live {
        Some(live) => Ok(Some(live)),
        None => Err(teller.cancelled()),
    }
}

/// Ctrl-C reaches ssh as well, whose end may be seen first.
async fn came_late(signals: &mut Signals) -> bool {
    tokio::time::timeout(LATE, signals.next()).await.is_ok()
}

fn broke(error: client::Error) -> CommandError {
    let broken = error.is_broken();
    let error = CommandError::from(error);
    if broken {
        return error
            .hint("what served before serves on, unless the deploy was done: `ship ps -r`");
    }
    error
}

/// The next `ship deploy` of this project needs no destination.
fn remember(context: &Context, project: &Path, last: Last) -> Result<()> {
    let mut remotes = Remotes::read(&context.world)?;
    if remotes.project.get(project) == Some(&last) {
        return Ok(());
    }
    remotes.project.insert(project.to_owned(), last);
    remotes.write(&context.world)
}

/// Tells a deploy to a person, or to a program.
struct Teller<'a> {
    ui: &'a mut Ui,
    story: Story,
    json: bool,
}

impl<'a> Teller<'a> {
    fn new(ui: &'a mut Ui, verbose: bool, json: bool) -> Self {
        let story = Story::new(verbose);
        Self { ui, story, json }
    }

    fn tell(&mut self, event: DeployEvent) -> Result<Told> {
        if self.json {
            self.ui.json_line(&event)?;
        }
        Ok(self.story.tell(self.ui, event))
    }

    fn draw(&mut self) {
        self.story.draw(self.ui);
    }

    fn cancelled(&mut self) -> CommandError {
        self.story.give_up(self.ui);
        self.ui.say("  cancelled: what served before still serves");
        CommandError::Interrupted
    }
}
