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

use crate::app::{App, Candidate};
use crate::error::Error;
use crate::events::Events;
use crate::not_ready::phrase;
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
    let keeper = Keeper::start(&server.program, &spec).await?;
    let ended = tokio::select! {
        ended = keeper.gone() => ended,
        () = events.gone() => {
            keeper.stop(GRACE).await?;
            return Err(Error::Cancelled);
        }
        () = show(server, app, next, &name, events) => None,
    };
    if ended == Some(Ended::Code(0)) {
        step.done(String::new());
        return Ok(());
    }
    Err(Error::ReleaseCommand {
        app: app.name.clone(),
        ended: ended.map_or_else(|| "ended unseen".to_owned(), |ended| phrase(&ended)),
        command: command.value.to_string(),
        output: logs::last(server, &app.name, &name, next.release, LINES),
    })
}

/// Passes its lines on, for ever.
async fn show(server: &Server, app: &App, next: &Candidate, name: &ProcessName, events: &Events) {
    let query = Query {
        process: Some(name.clone()),
        release: Some(next.release),
        ..Query::default()
    };
    let mut follower = Follower::new(&server.folders.logs(&app.name), query);
    loop {
        for line in follower.poll().unwrap_or_default() {
            if line.stream != Stream::Ship {
                let (step, line) = (PROCESS.to_owned(), line.lossy().into_owned());
                events.send(DeployEvent::Output { step, line });
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
