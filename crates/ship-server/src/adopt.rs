//! After a restart of the control process: door, keepers and apps are found again as they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ship_base::file;
use ship_base::hint;
use ship_base::name::{AppName, ReleaseId};
use ship_run::event::Report;
use ship_run::{Adopted, Keeper};
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::app::App;
use crate::candidate::Candidate;
use crate::error::Error;
use crate::instance::Instance;
use crate::roll::retire;
use crate::server::Server;
use crate::{door, fleet, hold, job, resume};

/// What a program that belongs to nothing may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Takes in what lives, at once; what should live and does not is started by tasks of its own, so
/// that a slow app keeps no command waiting.
pub(crate) async fn everything(server: &Arc<Server>) -> Result<(), Error> {
    server.start_generations_after(last_generation(server)?);
    let adopted = ship_run::adopt_all(&server.folders.keepers()).await?;
    let strays = take_in(server, adopted);
    remove_empty_generations(server)?;
    let resumed = recognise(server)?;
    if door::adopt(server).await || !resumed.is_empty() {
        door::open_surely(server).await;
        if server.door.pid().is_some() {
            server.refresh_routes().await;
            let (server, busy) = (server.clone(), server.busy());
            server.clone().tasks.spawn(async move {
                let _busy = busy;
                door::renew(&server).await;
            });
        }
    } else {
        server.config.sockets.forget_all();
    }
    let line = Arc::new(Semaphore::new(places()));
    for resumed in resumed {
        let complete = resume::complete(server.clone(), resumed, line.clone());
        server.tasks.spawn(complete);
    }
    for app in server.apps().into_iter().filter(|app| app.live().is_none()) {
        let (server, busy) = (server.clone(), server.busy());
        server.clone().tasks.spawn(async move {
            let _busy = busy;
            retire(&server, &app, app.fleet.all()).await;
        });
    }
    for keeper in strays {
        server.tasks.spawn(stop_stray(keeper));
    }
    Ok(())
}

/// As many apps start at once as there are processors, and one that waits for its disk.
fn places() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get) + 1
}

/// Lets everything serve that is to run and does.
fn recognise(server: &Arc<Server>) -> Result<Vec<resume::Resumed>, Error> {
    let mut recognised = Vec::new();
    for record in server.store.apps()?.into_iter().filter(|app| app.running) {
        let app = server.app_or_new(&record.name);
        match resume::recognise(server, &app) {
            Ok(resumed) => recognised.extend(resumed),
            Err(error) => {
                warn!(app = %app.name, error = %hint::chain(&error), "not brought up again");
            }
        }
        if !record.detached {
            hold::guard(server, &app);
        }
    }
    Ok(recognised)
}

/// Puts living instances into their apps' fleets; what belongs to no app or release is returned.
fn take_in(server: &Arc<Server>, adopted: Adopted) -> Vec<Keeper> {
    let mut candidates: BTreeMap<(AppName, ReleaseId), Option<Arc<Candidate>>> = BTreeMap::new();
    let mut strays = Vec::new();
    for keeper in adopted.living {
        let report = keeper.report();
        let name = report.instance.app.clone();
        let of = candidates
            .entry((name.clone(), report.release))
            .or_insert_with(|| candidate(server, &name, report.release));
        match of {
            Some(of) if of.plan.process(&report.instance.process).is_none() => strays.push(keeper),
            Some(of) => join(
                server,
                &server.app_or_new(&name),
                of.clone(),
                report,
                keeper,
            ),
            None => strays.push(keeper),
        }
    }
    for report in adopted.dead {
        record_end(server, &report);
    }
    strays
}

/// `None`: of an app or a release that is no more.
fn candidate(server: &Server, app: &AppName, release: ReleaseId) -> Option<Arc<Candidate>> {
    match Candidate::of(server, app, release) {
        Ok(of) => Some(Arc::new(of)),
        Err(error) => {
            warn!(%app, %release, error = %hint::chain(&error), "found of it what still runs");
            None
        }
    }
}

fn join(server: &Arc<Server>, app: &Arc<App>, of: Arc<Candidate>, report: Report, keeper: Keeper) {
    info!(instance = %report.instance, release = %report.release, "found again");
    let generation = keeper
        .folder()
        .file_name()
        .and_then(|name| name.to_str()?.parse().ok());
    let instance = Instance::new(
        report.instance,
        of,
        generation.unwrap_or(0),
        Arc::new(keeper),
    );
    fleet::take_in(server, app, instance.clone());
    if instance.is_job() {
        job::follow(server, app, instance);
    }
}

/// A job that ended while no control process lived still has its outcome.
fn record_end(server: &Server, report: &Report) {
    let (app, process) = (&report.instance.app, &report.instance.process);
    let Ok(plan) = server.plan(app, report.release) else {
        return;
    };
    if plan.process(process).is_some_and(job::is_job) {
        job::record(server, app, process, report.since, &job::outcome(report));
    }
}

async fn stop_stray(keeper: Keeper) {
    let instance = keeper.report().instance;
    info!(%instance, "belongs to nothing that is known; stopping it");
    if let Err(error) = keeper.stop(GRACE).await {
        warn!(%instance, error = %hint::chain(&error), "not stopped");
    }
}

fn last_generation(server: &Server) -> Result<u32, Error> {
    let entries = file::entries_if_there(&server.folders.keepers())?;
    let numbers = entries
        .iter()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.max().unwrap_or(0))
}

/// Folders of generations of which nothing lives.
fn remove_empty_generations(server: &Server) -> Result<(), Error> {
    let lives: Vec<_> = server
        .apps()
        .iter()
        .flat_map(|app| app.fleet.all())
        .collect();
    for entry in file::entries_if_there(&server.folders.keepers())? {
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok());
        let empty = file::entries_if_there(&entry.path()).is_ok_and(|entries| entries.is_empty());
        if number.is_some_and(|number| empty && !lives.iter().any(|one| one.generation == number)) {
            file::remove_folder(&entry.path())?;
        }
    }
    Ok(())
}
