//! The verbs that change what visitors reach: `up`, `deploy`, `rollback`, `restart`.
//!
//! `up` is the whole deploy, from top to bottom: read, build, release command, start, wait, swap,
//! drain. The others enter it further down. What all changes have in common is in `change.rs`, the
//! steps that start and swap instances are in `roll.rs`.

use std::path::Path;
use std::sync::Arc;

use ship_api::event::DeployEvent;
use ship_api::request::{Deploy, RestartApp, Rollback, Up};
use ship_base::hint;
use ship_base::name::ReleaseId;
use ship_project::plan::Process;
use ship_store::AppRecord;
use tracing::warn;

use crate::app::App;
use crate::build::{self, Outcome};
use crate::candidate::Candidate;
use crate::change::{Change, Switched};
use crate::enter::{self, Entry, check_domains, claim, enter};
use crate::environment::Settings;
use crate::error::Error;
use crate::events::Events;
use crate::hold::hold;
use crate::instance::Instance;
use crate::plan_view::plan_view;
use crate::roll::{long_lived, roll};
use crate::server::Server;
use crate::task::blocking;
use crate::work::prepare;
use crate::{domain, door, drawn, job, received, release_command, spec, users};

/// `ship up`: the project in a folder becomes what visitors reach.
pub(crate) async fn up(server: &Arc<Server>, request: Up, events: &Events) -> Result<(), Error> {
    let (mut change, entry) = enter(server, &request, events).await?;
    let result = deploy(server, &mut change, entry, &request, events).await;
    change.end(server, result, events).await
}

/// `ship deploy`: a project that was sent from afar becomes what visitors reach.
pub(crate) async fn sent(
    server: &Arc<Server>,
    app: &Arc<App>,
    request: Deploy,
    events: &Events,
) -> Result<(), Error> {
    let mut change = Change::begin(app, "deploy", events).await?;
    let result = deploy_sent(server, app, &mut change, request, events).await;
    change.end(server, result, events).await
}

async fn deploy_sent(
    server: &Arc<Server>,
    app: &Arc<App>,
    change: &mut Change,
    request: Deploy,
    events: &Events,
) -> Result<Switched, Error> {
    if !server.is_the(app) {
        let app = app.name.to_string();
        return Err(Error::NoApp { app });
    }
    let up = Up {
        project: server.folders.sent_project(&app.name),
        name: Some(app.name.clone()),
        port: None,
        detach: true,
        tools: server.config.tools.clone(),
    };
    let (of, name, source) = (server.clone(), app.name.clone(), request.source);
    blocking(move || received::lay_out(&of, &name, &source)).await?;
    claim(server, &app.name, &up.project)?;
    let (mut plan, dotenv) = enter::read(&up).await?;
    domain::add(server, app, &mut plan, &request.domains)?;
    let app = app.clone();
    deploy(server, change, Entry { app, plan, dotenv }, &up, events).await
}

async fn deploy(
    server: &Arc<Server>,
    change: &mut Change,
    entry: Entry,
    request: &Up,
    events: &Events,
) -> Result<Switched, Error> {
    let Entry { app, plan, dotenv } = entry;
    events.send(DeployEvent::Planned {
        plan: Box::new(plan_view(&plan)),
    });
    check_domains(server, &plan)?;
    let mut settings = Settings::new(&plan, dotenv.clone(), server.store.settings(&app.name)?);
    let missing = settings.missing(&plan);
    if !missing.is_empty() {
        return Err(Error::MissingSettings {
            app: app.name.clone(),
            names: missing,
        });
    }
    drawn::draw(server, &app.name, &plan, &mut settings, events)?;
    door::open(server, request.port).await?;
    let settings = settings.merged();
    users::check(&app.name, &plan, &settings)?;
    let mut remedies = Vec::new();
    let mut untreated = None;
    let (next, old) = loop {
        let job = build::Job {
            app: &app,
            project: &request.project,
            plan: plan.clone(),
            settings: &settings,
            remedies: &remedies,
        };
        let built = build::build(server, job, &request.tools, events).await;
        let built = built.map_err(|error| match error {
            Error::Build(_) => untreated.take().unwrap_or(error),
            other => other,
        })?;
        let (outcome, again) = (built.outcome, built.again.clone());
        let next = Arc::new(built.candidate(settings.clone()));
        change.claim(next.release).await;
        if outcome == Outcome::Same && is_live(server, &app, &next)? {
            hold(server, &app, request)?;
            return Ok(Switched {
                release: next.release,
                old: Vec::new(),
                unchanged: true,
            });
        }
        let error =
            match bring_up(server, &app, &next, Some(&request.project), outcome, events).await {
                Ok(old) => break (next, old),
                Err(error) => error,
            };
        if outcome == Outcome::New {
            discard(server, &app, next.release).await;
        }
        let Some(more) = again.and_then(|again| again.remedies(&error.output())) else {
            return Err(untreated.unwrap_or(error));
        };
        if let Some(remedy) = more.last() {
            events.note(remedy.sentence(&error), None);
        }
        remedies = more;
        untreated.get_or_insert(error);
    };
    let recorded = server.store.set_dotenv(&app.name, &dotenv);
    tell_unrecorded(recorded.map_err(Error::from), events);
    tell_unrecorded(hold(server, &app, request), events);
    Ok(Switched {
        release: next.release,
        old,
        unchanged: false,
    })
}

/// Steps 5 to 7: release command, start, swap. Returns the instances that visitors have left.
pub(crate) async fn bring_up(
    server: &Arc<Server>,
    app: &Arc<App>,
    next: &Arc<Candidate>,
    project: Option<&Path>,
    outcome: Outcome,
    events: &Events,
) -> Result<Vec<Arc<Instance>>, Error> {
    prepare(server, app, next, project, events).await?;
    if outcome == Outcome::New {
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
    let mut change = Change::begin(app, "rollback", events).await?;
    let result = roll_back(server, app, &mut change, request, events).await;
    change.end(server, result, events).await
}

async fn roll_back(
    server: &Arc<Server>,
    app: &Arc<App>,
    change: &mut Change,
    request: Rollback,
    events: &Events,
) -> Result<Switched, Error> {
    let gone = |release: String| Error::NoSuchRelease {
        app: app.name.clone(),
        release,
    };
    let Some(release) = request.to.or(server.record(&app.name)?.previous) else {
        return Err(gone("before the first".to_owned()));
    };
    change.claim(release).await;
    if server.store.release(&app.name, release)?.is_none() {
        return Err(gone(release.to_string()));
    }
    let next = Arc::new(Candidate::of(server, &app.name, release)?);
    door::open(server, None).await?;
    prepare(server, app, &next, None, events).await?;
    let old = roll(server, app, &next, None, events).await?;
    tell_unrecorded(runs_again(server, app), events);
    Ok(Switched {
        release,
        old,
        unchanged: false,
    })
}

/// Nobody is attached to an app that was stopped: rolled back, it stays until it is stopped again.
pub(crate) fn runs_again(server: &Server, app: &App) -> Result<(), Error> {
    let record = server.record(&app.name)?;
    Ok(server.store.save_app(&AppRecord {
        detached: record.detached || !record.running,
        running: true,
        ..record
    })?)
}

/// `ship restart`: new instances of the live release, with the settings of now.
pub(crate) async fn restart(
    server: &Arc<Server>,
    app: &Arc<App>,
    request: RestartApp,
    events: &Events,
) -> Result<(), Error> {
    let mut change = Change::begin(app, "restart", events).await?;
    let result = start_anew(server, app, &mut change, &request, events).await;
    change.end(server, result, events).await
}

async fn start_anew(
    server: &Arc<Server>,
    app: &Arc<App>,
    change: &mut Change,
    request: &RestartApp,
    events: &Events,
) -> Result<Switched, Error> {
    let running = app.live().ok_or_else(|| Error::NotRunning {
        app: app.name.clone(),
    })?;
    change.claim(running.release).await;
    let next = Arc::new(Candidate::of(server, &app.name, running.release)?);
    users::check(&app.name, &next.plan, &next.settings)?;
    if let Some(name) = &request.process {
        not_a_job(spec::process(app, &next.plan, name)?)?;
    }
    let old = roll(server, app, &next, request.process.as_ref(), events).await?;
    Ok(Switched {
        release: next.release,
        old,
        unchanged: false,
    })
}

/// Jobs have no instances to restart or scale.
pub(crate) fn not_a_job(process: &Process) -> Result<&Process, Error> {
    if job::is_job(process) {
        return Err(Error::NoInstances {
            process: process.name.clone(),
        });
    }
    Ok(process)
}

/// Whether `next` already serves with the same settings.
pub(crate) fn is_live(server: &Server, app: &App, next: &Candidate) -> Result<bool, Error> {
    let same = app.live().is_some_and(|live| live.release == next.release);
    let settings = server.store.running_settings(&app.name)?;
    let runs = long_lived(&next.plan).next().is_none() || !app.fleet.serving().is_empty();
    Ok(same && settings == Some(next.fingerprint()) && runs)
}

/// Visitors have the release already: what cannot be recorded of it is told and not taken back.
pub(crate) fn tell_unrecorded(recorded: Result<(), Error>, events: &Events) {
    if let Err(error) = recorded {
        let error = hint::chain(&error);
        warn!(error, "not recorded");
        events.note(
            format!("the release is live, but not recorded: {error}"),
            None,
        );
    }
}

/// Forgets a release that never was live.
pub(crate) async fn discard(server: &Arc<Server>, app: &Arc<App>, release: ReleaseId) {
    let held = app.work.hold().await;
    let (of, name) = (server.clone(), app.name.clone());
    let discarded = blocking(move || {
        let _held = held;
        Ok(of.store.discard(&name, release)?)
    });
    if let Err(error) = discarded.await {
        warn!(app = %app.name, %release, error = %hint::chain(&error), "not discarded");
    }
}
