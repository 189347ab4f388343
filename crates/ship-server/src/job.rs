//! Jobs: programs of the live release that run at times.

use std::sync::Arc;
use std::time::Duration;

use jiff::{ToSpan as _, Unit, Zoned, ZonedRound};
use ship_base::clock::Moment;
use ship_base::hint;
use ship_base::name::{AppName, ProcessName};
use ship_project::cron::Cron;
use ship_project::plan::{Process, Role};
use ship_run::event::{Report, State};
use tracing::{info, warn};

use crate::app::App;
use crate::candidate::Candidate;
use crate::fleet;
use crate::instance::Instance;
use crate::server::Server;

/// How far ahead [`next`] looks: `0 0 29 2 *` comes every four years, eight around 2100.
const HORIZON_DAYS: i64 = 366 * 8;

/// Starts jobs at the beginning of each minute, until the server stops. Times are those of the
/// machine's zone; what falls into an hour that a clock change leaves out, or into a machine's
/// sleep, is left out.
pub(crate) async fn run(server: Arc<Server>) {
    let mut last = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(until_next_minute(&Zoned::now())) => {}
            () = server.stopping.cancelled() => return,
        }
        let now = Zoned::now();
        let minute = minute(&now);
        // A clock that was set back a little comes to the same minute twice.
        if minute != last {
            start_all_due(&server, &now);
        }
        last = minute;
    }
}

fn until_next_minute(now: &Zoned) -> Duration {
    let into = Duration::from_secs(u64::try_from(now.second()).unwrap_or(0))
        + Duration::from_nanos(u64::try_from(now.subsec_nanosecond()).unwrap_or(0));
    // A timer that fires early would see the old minute and skip the new one.
    Duration::from_mins(1).saturating_sub(into) + Duration::from_millis(5)
}

fn minute(at: &Zoned) -> Option<Zoned> {
    let down = ZonedRound::new().smallest(Unit::Minute);
    at.round(down.mode(jiff::RoundMode::Floor)).ok()
}

/// Each in a task of its own: a slow start must not make the next minute late.
fn start_all_due(server: &Arc<Server>, now: &Zoned) {
    for app in server.apps() {
        let Some(live) = app.live() else { continue };
        for name in due(&live, now) {
            let start = start(server.clone(), app.clone(), live.clone(), name);
            server.tasks.spawn(start);
        }
    }
}

/// The jobs of a release whose time has come.
fn due(of: &Candidate, now: &Zoned) -> Vec<ProcessName> {
    let jobs = of
        .plan
        .processes
        .iter()
        .filter(|process| match &process.role {
            Role::Job { schedule } => is_due(schedule, now),
            _ => false,
        });
    jobs.map(|process| process.name.clone()).collect()
}

/// Starts a job, unless its last run still lasts.
pub(crate) async fn start(
    server: Arc<Server>,
    app: Arc<App>,
    live: Arc<Candidate>,
    name: ProcessName,
) {
    let left_out = |why: &str| record(&server, &app.name, &name, Moment::now(), why);
    let Some(process) = live.plan.process(&name) else {
        return;
    };
    if app.fleet.has(&name) {
        warn!(app = %app.name, job = %name, "still runs from last time; left out");
        return left_out("left out: still ran from last time");
    }
    let _claim = app.work.claim(live.release).await;
    let generation = server.next_generation();
    match fleet::start(&server, &app, &live, process, 1, generation).await {
        Ok(instance) if app.live().is_none() => {
            // The app was stopped meanwhile, and the stop has not seen it.
            instance.stop(&app.patience).await;
        }
        Ok(instance) => {
            info!(app = %app.name, job = %name, "job started");
            follow(&server, &app, instance);
        }
        Err(error) => left_out(&format!("not started: {}", hint::chain(&error))),
    }
}

/// Whether a process is one.
pub(crate) fn is_job(process: &Process) -> bool {
    matches!(process.role, Role::Job { .. })
}

/// Waits for the end of a job and records how it ended.
pub(crate) fn follow(server: &Arc<Server>, app: &Arc<App>, instance: Arc<Instance>) {
    let (server, app) = (server.clone(), app.clone());
    server.clone().tasks.spawn(async move {
        let keeper = instance.keeper();
        tokio::select! {
            _ = keeper.gone() => {}
            // It runs on, and is found again.
            () = server.stopping.cancelled() => return,
        }
        let outcome = outcome(&keeper.report());
        info!(app = %app.name, job = %instance.id.process, outcome, "job ended");
        record(
            &server,
            &app.name,
            &instance.id.process,
            Moment::now(),
            &outcome,
        );
    });
}

/// How a job ended that is over, by its keeper's last report.
pub(crate) fn outcome(report: &Report) -> String {
    match &report.state {
        State::Ended { ended } => ended.to_string(),
        _ => "was lost with its keeper, which was killed".to_owned(),
    }
}

/// Records how a job ended.
pub(crate) fn record(server: &Server, app: &AppName, job: &ProcessName, at: Moment, outcome: &str) {
    if let Err(error) = server.store.job_ran(app, job, at, outcome) {
        warn!(%app, %job, error = %hint::chain(&error), "not recorded");
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
    let mut at = minute(now)?.checked_add(1.minute()).ok()?;
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
    use serde_json::json;

    use super::*;
    use crate::scene::{Scene, candidate, plan, process, web};

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
    fn what_is_due_starts_and_nothing_else() {
        let job =
            |name, schedule: &str| process(name, json!({"kind": "job", "schedule": schedule}));
        let processes = [
            web(),
            job("digest", "0 6 * * *"),
            job("hourly", "0 * * * *"),
            job("sundays", "0 6 * * 0"),
        ];
        let release = candidate(plan(&processes, &[]));
        let due = |text| {
            let names = due(&release, &at(text)).into_iter();
            names.map(|name| name.to_string()).collect::<Vec<_>>()
        };
        // A Saturday.
        assert_eq!(due("2026-11-21T06:00:00"), ["digest", "hourly"]);
        assert_eq!(due("2026-11-21T07:00:59"), ["hourly"]);
        assert_eq!(due("2026-11-22T06:00:00"), ["digest", "hourly", "sundays"]);
        assert_eq!(due("2026-11-22T06:01:00"), Vec::<String>::new());
    }

    #[test]
    fn the_next_look_is_in_the_next_minute() {
        for second in ["00", "00.001", "30.5", "59.999999999"] {
            let now = at(&format!("2026-11-21T06:00:{second}"));
            let then = now.checked_add(until_next_minute(&now)).unwrap();
            assert_eq!(
                minute(&then).unwrap(),
                at("2026-11-21T06:01:00"),
                "{second}"
            );
        }
    }

    #[tokio::test]
    async fn a_job_that_cannot_start_says_so_in_its_record() {
        let scene = Scene::new();
        let job = process("digest", json!({"kind": "job", "schedule": "0 6 * * *"}));
        let app = scene.live("blog", plan(&[job], &[]));
        let name: ProcessName = "digest".parse().unwrap();
        let live = app.live().unwrap();
        start(scene.server.clone(), app.clone(), live, name.clone()).await;
        let record = scene.server.store.jobs(&app.name).unwrap();
        let outcome = &record[&name].outcome;
        assert!(outcome.starts_with("not started: "), "{outcome}");
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
