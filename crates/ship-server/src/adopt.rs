//! After a restart of the control process: door, keepers and apps are found again as they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use ship_base::clock::Moment;
use ship_base::file;
use ship_base::hint;
use ship_base::name::{AppName, ReleaseId};
use ship_run::event::Report;
use ship_run::{Adopted, Keeper};
use tracing::{info, warn};

use crate::app::{App, Candidate};

use crate::error::Error;
use crate::fleet::{self, Instance};
use crate::not_ready::phrase;
use crate::server::Server;
use crate::{door, hold, job, resume, stop};

/// Takes in what lives, and starts what should.
pub(crate) async fn everything(server: &Arc<Server>) -> Result<(), Error> {
    server.start_generations_after(last_generation(server)?);
    let adopted = ship_run::adopt_all(&server.folders.keepers()).await?;
    let strays = take_in(server, adopted);
    let wanted: Vec<_> = server
        .store
        .apps()?
        .into_iter()
        .filter(|app| app.running)
        .collect();
    if door::adopt(server).await || !wanted.is_empty() {
        door::open(server, None).await?;
    }
    for record in wanted {
        let app = server.app_or_new(&record.name);
        if let Err(error) = resume::resume(server, &app).await {
            warn!(app = %app.name, error = %hint::chain(&error), "not brought up again");
        }
        if !record.detached {
            hold::guard(server, &app);
        }
    }
    for app in server.apps().into_iter().filter(|app| app.live().is_none()) {
        stop::take_down(server, &app).await;
    }
    server.tasks.spawn(stop_strays(strays));
    remove_empty_generations(server)
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
            .or_insert_with(|| {
                Candidate::of(server, &name, report.release)
                    .ok()
                    .map(Arc::new)
            });
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
    let Some(ended) = report.ended() else { return };
    let (app, process) = (&report.instance.app, &report.instance.process);
    let is_job = server.plan(app, report.release).is_ok_and(|plan| {
        plan.process(process)
            .is_some_and(|process| matches!(process.role, ship_project::plan::Role::Job { .. }))
    });
    if is_job
        && let Err(error) = server
            .store
            .job_ran(app, process, Moment::now(), &phrase(ended))
    {
        warn!(%app, job = %process, error = %hint::chain(&error), "not recorded");
    }
}

async fn stop_strays(strays: Vec<Keeper>) {
    for keeper in strays {
        let instance = keeper.report().instance;
        info!(%instance, "belongs to nothing that is known; stopping it");
        if let Err(error) = keeper.stop(std::time::Duration::from_secs(10)).await {
            warn!(%instance, error = %hint::chain(&error), "not stopped");
        }
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
