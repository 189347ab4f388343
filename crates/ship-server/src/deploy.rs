//! The verbs that change what visitors reach: `up`, `rollback`, `restart`.
//!
//! `up` is the whole deploy, from top to bottom: read, build, release command, start, wait, swap,
//! drain. The others enter it further down. Steps that start and swap instances are in `roll.rs`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ship_api::event::DeployEvent;
use ship_api::request::{RestartApp, Rollback, Up};
use ship_base::clock::Moment;
use ship_base::hint;
use ship_base::name::{AppName, ReleaseId};
use ship_project::plan::Plan;
use ship_store::{AppRecord, DeployRecord};
use tracing::{info, warn};

use crate::app::{App, Candidate, Turn};
use crate::build::{self, Outcome};
use crate::environment::{Settings, Variables};
use crate::error::Error;
use crate::events::Events;
use crate::fleet::Instance;
use crate::hold::hold;
use crate::plan_view::plan_view;
use crate::roll::{long_lived, retire, roll};
use crate::server::Server;
use crate::task::blocking;
use crate::work::prepare;
use crate::{door, release_command, spec};

/// How many releases of an app are kept: docs/architecture.md, "A deploy", step 8.
const KEEP: usize = 5;

/// `ship up`: the project in a folder becomes what visitors reach.
pub(crate) async fn up(server: &Arc<Server>, request: Up, events: &Events) -> Result<(), Error> {
    let began = Instant::now();
    // A project that cannot be read may still have something that serves.
    if let [known] = server.store.apps_of_project(&request.project)?.as_slice() {
        events.about(&known.name);
    }
    let (mut plan, dotenv) = read(&request.project).await?;
    if let Some(name) = request.name.clone() {
        plan.name.value = name;
    }
    let app = claim(server, &plan.name.value, &request.project)?;
    let turn = turn(&app, "ship up", events).await?;
    events.send(DeployEvent::Planned {
        plan: Box::new(plan_view(&plan)),
    });
    let settings = Settings::new(&plan, dotenv.clone(), server.store.settings(&app.name)?);
    let missing = settings.missing(&plan);
    if !missing.is_empty() {
        return Err(Error::MissingSettings {
            app: app.name.clone(),
            names: missing,
        });
    }
    door::open(server, request.port).await?;
    let settings = settings.merged();
    let job = build::Job {
        app: &app,
        project: &request.project,
        plan,
        settings: &settings,
    };
    let built = build::build(server, job, &request.tools, events).await?;
    let next = Arc::new(built.candidate(settings));
    if built.outcome == Outcome::Same && is_live(server, &app, &next)? {
        hold(server, &app, &request)?;
        events.send(live(server, &app, next.release, began, true));
        events.send(DeployEvent::Finished);
        return Ok(());
    }
    let result = bring_up(server, &app, &next, &request, &built.outcome, events).await;
    if let Err(error) = result {
        if built.outcome == Outcome::New {
            discard(server, &app, next.release);
        }
        record(
            server,
            &app,
            next.release,
            "up",
            began,
            &hint::chain(&error),
        );
        return Err(error);
    }
    let old = result?;
    server.store.set_dotenv(&app.name, &dotenv)?;
    hold(server, &app, &request)?;
    record(server, &app, next.release, "up", began, "live");
    finish(
        server,
        &app,
        turn,
        old,
        live(server, &app, next.release, began, false),
        events,
    )
    .await;
    Ok(())
}

/// Steps 5 to 7: release command, start, swap. Returns the instances that visitors have left.
async fn bring_up(
    server: &Arc<Server>,
    app: &Arc<App>,
    next: &Arc<Candidate>,
    request: &Up,
    outcome: &Outcome,
    events: &Events,
) -> Result<Vec<Arc<Instance>>, Error> {
    prepare(server, app, next, Some(&request.project), events).await?;
    if *outcome == Outcome::New {
        release_command::run(server, app, next, events).await?;
    }
    roll(server, app, next, None, events).await
}

/// `ship rollback`: steps 6 to 8 with an older release.
pub(crate) async fn rollback(
    server: &Arc<Server>,
    app: &Arc<App>,
    request: Rollback,
    events: &Events,
) -> Result<(), Error> {
    let began = Instant::now();
    let turn = turn(app, "ship rollback", events).await?;
    let record_of_app = server.record(&app.name)?;
    let gone = |release: String| Error::NoSuchRelease {
        app: app.name.clone(),
        release,
    };
    let Some(release) = request.to.or(record_of_app.previous) else {
        return Err(gone("before the first".to_owned()));
    };
    if server.store.release(&app.name, release)?.is_none() {
        return Err(gone(release.to_string()));
    }
    let next = Arc::new(Candidate::of(server, &app.name, release)?);
    door::open(server, None).await?;
    prepare(server, app, &next, None, events).await?;
    let old = roll(server, app, &next, None, events).await?;
    server.store.save_app(&AppRecord {
        running: true,
        ..server.record(&app.name)?
    })?;
    record(server, app, release, "rollback", began, "live");
    finish(
        server,
        app,
        turn,
        old,
        live(server, app, release, began, false),
        events,
    )
    .await;
    Ok(())
}

/// `ship restart`: new instances of the live release, with the settings of now.
pub(crate) async fn restart(
    server: &Arc<Server>,
    app: &Arc<App>,
    request: RestartApp,
    events: &Events,
) -> Result<(), Error> {
    let began = Instant::now();
    let turn = turn(app, "ship restart", events).await?;
    let running = app.live().ok_or_else(|| Error::NotRunning {
        app: app.name.clone(),
    })?;
    let next = Arc::new(Candidate::of(server, &app.name, running.release)?);
    if let Some(name) = &request.process {
        spec::process(app, &next.plan, name)?;
    }
    let old = roll(server, app, &next, request.process.as_ref(), events).await?;
    record(server, app, next.release, "restart", began, "live");
    finish(
        server,
        app,
        turn,
        old,
        live(server, app, next.release, began, false),
        events,
    )
    .await;
    Ok(())
}

/// Tells the caller that the release is live, frees the app for the next deploy, and drains.
pub(crate) async fn finish(
    server: &Arc<Server>,
    app: &Arc<App>,
    turn: Turn<'_>,
    old: Vec<Arc<Instance>>,
    live: DeployEvent,
    events: &Events,
) {
    drop(turn);
    events.send(live);
    retire(server, app, old).await;
    collect(server, app);
    events.send(DeployEvent::Finished);
}

async fn read(project: &Path) -> Result<(Plan, Variables), Error> {
    let project = project.to_owned();
    let reading = blocking(move || Ok(ship_project::read(&project)?)).await?;
    let dotenv = reading
        .dotenv
        .into_iter()
        .map(|entry| (entry.name, entry.value))
        .collect();
    Ok((reading.plan, dotenv))
}

/// The app of this name, which must not belong to another folder that is still there.
fn claim(server: &Server, name: &AppName, project: &Path) -> Result<Arc<App>, Error> {
    match server.store.app(name)? {
        Some(record) if record.project != project && record.project.is_dir() => {
            let other = record.project.display().to_string();
            return Err(Error::NameTaken {
                app: name.clone(),
                project: other,
            });
        }
        Some(record) if record.project == project => {}
        Some(record) => {
            server.store.save_app(&AppRecord {
                project: project.to_owned(),
                ..record
            })?;
        }
        None => server
            .store
            .save_app(&AppRecord::new(name.clone(), project.to_owned()))?,
    }
    Ok(server.app_or_new(name))
}

/// Waits for the right to change the app; the caller is told whom for.
pub(crate) async fn turn<'a>(
    app: &'a App,
    verb: &'static str,
    events: &Events,
) -> Result<Turn<'a>, Error> {
    events.about(&app.name);
    if let Some(holder) = app.busy() {
        events.send(DeployEvent::Waiting { holder });
    }
    events.or_gone(async { Ok(app.turn(verb).await) }).await
}

/// Whether `next` already serves with the same settings.
fn is_live(server: &Server, app: &App, next: &Candidate) -> Result<bool, Error> {
    let same = app.live().is_some_and(|live| live.release == next.release);
    let settings = server.store.running_settings(&app.name)?;
    let runs = long_lived(&next.plan).next().is_none() || !app.fleet.serving().is_empty();
    Ok(same && settings == Some(next.fingerprint()) && runs)
}

/// What a caller is told when visitors reach the release.
pub(crate) fn live(
    server: &Server,
    app: &App,
    release: ReleaseId,
    began: Instant,
    unchanged: bool,
) -> DeployEvent {
    let url = server.url(&app.name).unwrap_or_default();
    DeployEvent::Live {
        release,
        url,
        took: began.elapsed(),
        unchanged,
    }
}

/// Forgets a release that never was live.
fn discard(server: &Server, app: &App, release: ReleaseId) {
    if let Err(error) = server.store.discard(&app.name, release) {
        warn!(app = %app.name, %release, error = %hint::chain(&error), "not discarded");
    }
}

/// Records how a deploy ended.
pub(crate) fn record(
    server: &Server,
    app: &App,
    release: ReleaseId,
    verb: &str,
    began: Instant,
    outcome: &str,
) {
    let deploy = DeployRecord {
        app: app.name.clone(),
        release: Some(release),
        by: server.user.clone(),
        verb: verb.to_owned(),
        at: Moment::now().before(began.elapsed()),
        took: began.elapsed(),
        outcome: outcome.to_owned(),
    };
    if let Err(error) = server.store.deployed(&deploy) {
        warn!(app = %app.name, error = %hint::chain(&error), "deploy not recorded");
    }
}

/// Removes releases, environments and working copies that nobody needs.
pub(crate) fn collect(server: &Server, app: &App) {
    match server.store.collect(&app.name, &app.fleet.releases(), KEEP) {
        Ok(collected) => info!(app = %app.name, ?collected, "collected"),
        Err(error) => warn!(app = %app.name, error = %hint::chain(&error), "not collected"),
    }
}
