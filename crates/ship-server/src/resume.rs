//! After a restart of the control process an app is brought to what its record says.
//!
//! First, for all apps and before anybody can ask for anything: what was found of the current
//! release serves on, in the routes as well. Then, each app by itself: missing instances are
//! started, and those of another release (a deploy was under way) leave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ship_base::hint;
use ship_run::event::State;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::app::App;
use crate::candidate::Candidate;
use crate::error::Error;
use crate::events::Events;
use crate::instance::Instance;
use crate::roll::{count, launch, long_lived, retire, serve};
use crate::server::Server;
use crate::work::prepare;

/// The pause before an app that could not be brought up is tried again; it doubles up to
/// [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long one app may keep the others waiting with its start; a slow one goes on beside them.
const LINE: Duration = Duration::from_secs(5);

/// An app that is to run, with what was found of it.
pub(crate) struct Resumed {
    app: Arc<App>,
    next: Arc<Candidate>,
    /// Instances that belong to no place of the current release.
    left: Vec<Arc<Instance>>,
}

/// Lets serve what was found of the app's current release. `None` when it has none.
pub(crate) fn recognise(server: &Server, app: &Arc<App>) -> Result<Option<Resumed>, Error> {
    let Some(current) = server.record(&app.name)?.current else {
        return Ok(None);
    };
    let next = Arc::new(Candidate::of(server, &app.name, current)?);
    let Found { kept, left } = sort_out(server, app, &next)?;
    serve(&kept, true);
    app.set_live(Some(next.clone()));
    Ok(Some(Resumed {
        app: app.clone(),
        next,
        left,
    }))
}

/// Starts what is missing, and goes on trying; lets leave what is too much. `line`: as many apps
/// start at once as it has places, so that a machine that was switched on has some that answer
/// early, instead of all of them late.
pub(crate) async fn complete(server: Arc<Server>, resumed: Resumed, line: Arc<Semaphore>) {
    let Resumed { app, next, left } = resumed;
    let (of, and) = (server.clone(), app.clone());
    server
        .tasks
        .spawn(async move { retire(&of, &and, left).await });
    let mut pause = FIRST_PAUSE;
    loop {
        let place = line.acquire().await;
        match try_to_complete(&server, &app, &next).await {
            Ok(fresh) => {
                wait_for(&fresh).await;
                return;
            }
            Err(error) => {
                let error = hint::chain(&error);
                warn!(app = %app.name, error, "not brought up; trying again");
            }
        }
        drop(place);
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            () = server.stopping.cancelled() => return,
        }
    }
}

async fn try_to_complete(
    server: &Arc<Server>,
    app: &Arc<App>,
    next: &Arc<Candidate>,
) -> Result<Vec<Arc<Instance>>, Error> {
    let _turn = app.turn("start of the control process").await;
    if !app.live().is_some_and(|live| Arc::ptr_eq(&live, next)) {
        // Somebody else has brought up another release, or stopped the app.
        return Ok(Vec::new());
    }
    let missing = missing(server, app, next)?;
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    info!(app = %app.name, count = missing.len(), "starting what is missing");
    let _claim = app.work.claim(next.release).await;
    let (events, _nobody) = Events::new(server.stopping.clone());
    prepare(server, app, next, None, &events).await?;
    let fresh = launch(server, app, next, missing).await?;
    serve(&fresh, true);
    server.refresh_routes().await;
    Ok(fresh)
}

/// Waits until none of them is about to start any more, a little while.
async fn wait_for(fresh: &[Arc<Instance>]) {
    let started = async {
        for instance in fresh {
            let mut reports = instance.keeper().watch();
            let settled = reports.wait_for(|report| {
                !matches!(report, Some(report) if matches!(report.state, State::Starting { .. }))
            });
            let _ = settled.await;
        }
    };
    let _ = tokio::time::timeout(LINE, started).await;
}

/// What was found of an app.
struct Found {
    /// One instance per place, the readiest and newest.
    kept: Vec<Arc<Instance>>,
    /// All others but jobs.
    left: Vec<Arc<Instance>>,
}

fn sort_out(server: &Server, app: &App, next: &Candidate) -> Result<Found, Error> {
    let mut most = BTreeMap::new();
    for process in long_lived(&next.plan) {
        most.insert(process.name.clone(), count(server, app, next, process)?);
    }
    let has_place = |instance: &Instance| {
        let most = most.get(&instance.id.process).copied().unwrap_or(0);
        instance.release() == next.release && instance.id.index <= most
    };
    let found = app.fleet.all().into_iter();
    let (mut found, mut left): (Vec<_>, Vec<_>) = found
        .filter(|instance| !instance.is_job())
        .partition(|instance| has_place(instance));
    found.sort_by_key(|instance| rank(instance));
    let mut places = BTreeMap::new();
    for instance in found {
        left.extend(places.insert(instance.id.clone(), instance));
    }
    Ok(Found {
        kept: places.into_values().collect(),
        left,
    })
}

fn rank(instance: &Instance) -> (bool, u32) {
    (instance.report().is_ready(), instance.generation)
}

fn missing<'a>(
    server: &Server,
    app: &App,
    next: &'a Candidate,
) -> Result<Vec<(&'a ship_project::plan::Process, u32)>, Error> {
    let mut missing = Vec::new();
    for process in long_lived(&next.plan) {
        let serving = app.fleet.serving_of(Some(&process.name));
        let has = |index: &u32| serving.iter().any(|one| one.id.index == *index);
        let wanted = 1..=count(server, app, next, process)?;
        missing.extend(
            wanted
                .filter(|index| !has(index))
                .map(|index| (process, index)),
        );
    }
    Ok(missing)
}
