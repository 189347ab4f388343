//! The release command: migrations and the like, with the new code and settings, before any
//! traffic. It runs under a keeper of its own, so that its lines are in the log and everything it
//! starts ends with it.

use std::sync::Arc;
use std::time::Duration;

use ship_api::event::DeployEvent;
use ship_base::name::ProcessName;
use ship_observe::log_store::{Follower, Query, Stream};
use ship_run::Keeper;
use ship_run::event::Ended;

use crate::app::App;
use crate::candidate::Candidate;
use crate::error::Error;
use crate::events::Events;
use crate::server::Server;
use crate::{logs, spec};

/// The process under which its lines stand in the log.
const PROCESS: &str = "release";
/// How many of its last lines an error shows.
const LINES: usize = 20;
/// How long a release command may take to finish once the deploy is cancelled: a migration should
/// get the chance to roll its transaction back.
const GRACE: Duration = Duration::from_secs(10);
/// How often new lines are looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Runs the release command of `next`, if its plan has one. There is no deadline: only the author
/// knows how long a migration takes, and Ctrl-C ends it.
pub(crate) async fn run(
    server: &Arc<Server>,
    app: &Arc<App>,
    next: &Arc<Candidate>,
    events: &Events,
) -> Result<(), Error> {
    let Some(command) = &next.plan.release else {
        return Ok(());
    };
    let name = ProcessName::new(PROCESS).map_err(|_| Error::Bug("`release` is no name"))?;
    let step = events.step(PROCESS);
    let generation = server.next_generation();
    let spec = spec::of_command(server, app, next, &name, &command.value, generation, GRACE)?;
    let keeper = Keeper::start(&server.keepers, &spec).await?;
    let mut lines = Lines::new(server, app, next, &name);
    let ended = tokio::select! {
        ended = keeper.gone() => ended,
        why = events.given_up() => {
            app.patience.spend(GRACE, |most| keeper.stop(most)).await?;
            return Err(why);
        }
        () = lines.show_all(events) => None,
    };
    // What it wrote between the last look and its end.
    lines.show(events);
    if ended == Some(Ended::Code(0)) {
        step.done(String::new());
        return Ok(());
    }
    Err(Error::ReleaseCommand {
        app: app.name.clone(),
        ended: how(ended),
        command: command.value.to_string(),
        words: Box::new(logs::last_words(
            server,
            &app.name,
            &name,
            next.release,
            LINES,
        )),
    })
}

fn how(ended: Option<Ended>) -> String {
    ended.map_or_else(
        || "was lost with its keeper, which was killed".to_owned(),
        |ended| ended.to_string(),
    )
}

/// Its lines on their way to the caller.
struct Lines(Follower);

impl Lines {
    fn new(server: &Server, app: &App, next: &Candidate, name: &ProcessName) -> Self {
        let query = Query {
            process: Some(name.clone()),
            release: Some(next.release),
            ..Query::default()
        };
        Self(Follower::new(&server.folders.logs(&app.name), query))
    }

    /// Passes on what comes, for ever.
    async fn show_all(&mut self, events: &Events) {
        loop {
            self.show(events);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Passes on what has come. Lines that cannot be read now can be read in the log.
    fn show(&mut self, events: &Events) {
        for line in self.0.poll().unwrap_or_default() {
            if line.stream != Stream::Ship {
                let (step, line) = (PROCESS.to_owned(), line.lossy().into_owned());
                events.send(DeployEvent::Output { step, line });
            }
        }
    }
}
