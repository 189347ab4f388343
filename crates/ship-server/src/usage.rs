//! Apps, instances and releases as the API shows them.

use jiff::Zoned;
use ship_api::reply;
use ship_base::clock::Moment;
use ship_base::name::AppName;
use ship_door::traffic::Book;
use ship_project::plan::Role;
use ship_run::event::{Report, State};
use ship_run::process::{ProcessKey, memory_of};
use ship_store::AppRecord;

use crate::app::App;
use crate::error::Error;
use crate::instance::Instance;
use crate::job;
use crate::server::Server;
use crate::traffic;

/// All apps, by name.
pub(crate) fn apps(server: &Server) -> Result<Vec<reply::App>, Error> {
    let records = server.store.apps()?.into_iter();
    let book = traffic::book(server);
    records.map(|record| shown(server, record, &book)).collect()
}

/// One app with its instances and jobs.
pub(crate) fn app(server: &Server, name: &AppName) -> Result<reply::App, Error> {
    shown(server, server.record(name)?, &traffic::book(server))
}

fn shown(server: &Server, record: AppRecord, book: &Book) -> Result<reply::App, Error> {
    let app = server.app_or_new(&record.name);
    let mut instances: Vec<_> = app.fleet.all().iter().map(|one| instance(one)).collect();
    instances.sort_by(|a, b| (&a.id, a.release).cmp(&(&b.id, b.release)));
    Ok(reply::App {
        name: record.name,
        project: record.project,
        running: record.running,
        detached: record.detached,
        current: record.current,
        url: app.live().and_then(|_| server.url(&app.name)),
        maintenance: record.maintenance.map(|it| it.since),
        traffic: traffic::of(&app, book, Moment::now()),
        instances,
        jobs: jobs(server, &app)?,
    })
}

fn instance(instance: &Instance) -> reply::Instance {
    let report = instance.report();
    let pid = pid(&report);
    let (state, detail) = words(&report.state);
    reply::Instance {
        id: instance.id.clone(),
        release: instance.release(),
        state: state.to_owned(),
        detail,
        pid,
        restarts: report.restarts,
        since: report.since,
        memory: pid.and_then(ProcessKey::of).and_then(memory_of),
    }
}

fn pid(report: &Report) -> Option<i32> {
    match report.state {
        State::Starting { pid, .. } | State::Ready { pid } | State::Stopping { pid } => Some(pid),
        State::Waiting { .. } | State::Ended { .. } => None,
    }
}

fn words(state: &State) -> (&'static str, String) {
    match state {
        State::Starting { waiting_for, .. } => ("starting", waiting_for.clone()),
        State::Ready { .. } => ("ready", String::new()),
        State::Waiting { ended, .. } => ("waiting", ended.to_string()),
        State::Stopping { .. } => ("stopping", String::new()),
        State::Ended { ended } => ("ended", ended.to_string()),
    }
}

fn jobs(server: &Server, app: &App) -> Result<Vec<reply::Job>, Error> {
    let Some(live) = app.live() else {
        return Ok(Vec::new());
    };
    let mut records = server.store.jobs(&app.name)?;
    let now = Zoned::now();
    let jobs = live.plan.processes.iter().filter_map(|process| {
        let Role::Job { schedule } = &process.role else {
            return None;
        };
        let record = records.remove(&process.name);
        Some(reply::Job {
            name: process.name.clone(),
            schedule: schedule.clone(),
            next: job::next(schedule, &now),
            last: record.as_ref().map(|record| record.last),
            outcome: record.map(|record| record.outcome),
        })
    });
    Ok(jobs.collect())
}

/// The releases of an app, newest first.
pub(crate) fn releases(server: &Server, name: &AppName) -> Result<Vec<reply::Release>, Error> {
    let record = server.record(name)?;
    let releases = server.store.releases(name)?.into_iter().map(|release| {
        let mark = if record.current == Some(release.id) {
            if record.running { "live" } else { "current" }
        } else if record.previous == Some(release.id) {
            "previous"
        } else {
            ""
        };
        reply::Release {
            id: release.id,
            content: release.content.short(),
            built: release.built,
            by: release.by,
            environment: release.environment.map(|environment| environment.short()),
            mark: mark.to_owned(),
            summary: release.summary,
            kept: true,
        }
    });
    Ok(releases.collect())
}
