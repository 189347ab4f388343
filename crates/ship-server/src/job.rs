//! Jobs: programs of the live release that run at times.

use std::sync::Arc;
use std::time::Duration;

use jiff::{ToSpan as _, Unit, Zoned, ZonedRound};
use ship_base::clock::Moment;
use ship_base::hint;
use ship_project::cron::Cron;
use ship_project::plan::{Process, Role};
use ship_run::event::State;
use tracing::{info, warn};

use crate::app::App;
use crate::fleet::{self, Instance};
use crate::not_ready::phrase;
use crate::server::Server;

/// How far ahead [`next`] looks: `0 0 29 2 *` comes every four years, eight around 2100.
const HORIZON_DAYS: i64 = 366 * 8;

/// Starts jobs at the beginning of each minute, until the server stops.
pub(crate) async fn run(server: Arc<Server>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(until_next_minute(&Zoned::now())) => {}
            () = server.stopping.cancelled() => return,
        }
        let now = Zoned::now();
        for app in server.apps() {
            start_due(&server, &app, &now).await;
        }
    }
}

fn until_next_minute(now: &Zoned) -> Duration {
    let into = Duration::from_secs(u64::try_from(now.second()).unwrap_or(0))
        + Duration::from_nanos(u64::try_from(now.subsec_nanosecond()).unwrap_or(0));
    // A timer that fires early would see the old minute and skip the new one.
    Duration::from_mins(1).saturating_sub(into) + Duration::from_millis(5)
}

async fn start_due(server: &Arc<Server>, app: &Arc<App>, now: &Zoned) {
    let Some(live) = app.live() else { return };
    for process in &live.plan.processes {
        let Role::Job { schedule } = &process.role else {
            continue;
        };
        if !is_due(schedule, now) {
            continue;
        }
        if app
            .fleet
            .all()
            .iter()
            .any(|instance| instance.id.process == process.name)
        {
            warn!(app = %app.name, job = %process.name, "still runs from last time; left out");
            record(server, app, process, "left out: still ran from last time");
            continue;
        }
        let generation = server.next_generation();
        match fleet::start(server, app, &live, process, 1, generation).await {
            Ok(instance) => {
                info!(app = %app.name, job = %process.name, "job started");
                follow(server, app, instance);
            }
            Err(error) => record(
                server,
                app,
                process,
                &format!("not started: {}", hint::chain(&error)),
            ),
        }
    }
}

/// Waits for the end of a job and records how it ended.
pub(crate) fn follow(server: &Arc<Server>, app: &Arc<App>, instance: Arc<Instance>) {
    instance.expect_end();
    let (server, app) = (server.clone(), app.clone());
    server.clone().tasks.spawn(async move {
        let mut reports = instance.keeper().watch();
        let mut outcome = "ended unseen".to_owned();
        loop {
            let report = reports.borrow_and_update().clone();
            let Some(report) = report else { break };
            if let State::Ended { ended } = &report.state {
                outcome = phrase(ended);
            }
            if reports.changed().await.is_err() {
                break;
            }
        }
        if let Some(process) = instance.process() {
            record(&server, &app, process, &outcome);
        }
    });
}

fn record(server: &Server, app: &App, process: &Process, outcome: &str) {
    let done = server
        .store
        .job_ran(&app.name, &process.name, Moment::now(), outcome);
    if let Err(error) = done {
        warn!(app = %app.name, job = %process.name, error = %hint::chain(&error), "not recorded");
    }
}

fn is_due(schedule: &str, at: &Zoned) -> bool {
    Cron::parse(schedule).is_ok_and(|cron| matches(&cron, at))
}

fn matches(cron: &Cron, at: &Zoned) -> bool {
    let field = |value: i8| u8::try_from(value).unwrap_or(0);
    let weekday = field(at.weekday().to_sunday_zero_offset());
    cron.matches(
        field(at.minute()),
        field(at.hour()),
        field(at.day()),
        field(at.month()),
        weekday,
    )
}

/// When a job runs next after `now`, in the zone of `now`.
pub(crate) fn next(schedule: &str, now: &Zoned) -> Option<Moment> {
    let cron = Cron::parse(schedule).ok()?;
    let start = now.round(
        ZonedRound::new()
            .smallest(Unit::Minute)
            .mode(jiff::RoundMode::Floor),
    );
    let mut at = start.ok()?.checked_add(1.minute()).ok()?;
    let end = now.checked_add(HORIZON_DAYS.days()).ok()?;
    while at < end {
        if matches(&cron, &at) {
            return Some(Moment::from_millis(at.timestamp().as_millisecond()));
        }
        at = if cron.matches_day(
            u8::try_from(at.day()).ok()?,
            u8::try_from(at.month()).ok()?,
            u8::try_from(at.weekday().to_sunday_zero_offset()).ok()?,
        ) {
            at.checked_add(1.minute()).ok()?
        } else {
            at.start_of_day().ok()?.checked_add(1.day()).ok()?
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Zoned {
        let time: jiff::civil::DateTime = text.parse().unwrap();
        time.to_zoned(jiff::tz::TimeZone::UTC).unwrap()
    }

    #[test]
    fn a_job_is_due_in_its_minute_only() {
        assert!(is_due("0 6 * * *", &at("2026-11-21T06:00:05")));
        assert!(!is_due("0 6 * * *", &at("2026-11-21T06:01:00")));
        assert!(!is_due("nonsense", &at("2026-11-21T06:00:00")));
    }

    #[test]
    fn the_next_time_is_found_across_days_and_leap_years() {
        let next = |schedule| next(schedule, &at("2026-11-21T06:00:30")).map(|m| m.to_string());
        assert_eq!(next("0 6 * * *").unwrap(), "2026-11-22T06:00:00.000Z");
        assert_eq!(next("* * * * *").unwrap(), "2026-11-21T06:01:00.000Z");
        assert_eq!(next("0 0 29 2 *").unwrap(), "2028-02-29T00:00:00.000Z");
        assert_eq!(next("0 0 31 2 *"), None);
    }
}
