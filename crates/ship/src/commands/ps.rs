//! `ship ps`: what runs.

use ship_api::reply::{App, Instance, Job, Traffic};
use ship_base::count;
use ship_base::name::AppName;

use crate::cli::Context;
use crate::error::Result;
use crate::table::{self, Give};
use crate::text::{BAD, DIM, GOOD, STRONG, WARN, styled};
use crate::when;

/// Show every app with its instances and jobs
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship ps
  ship ps --json | jq -r '.[] | select(.running) | .url'")]
pub(crate) struct Args {
    /// Only this app
    #[arg(short, long, value_name = "NAME")]
    app: Option<AppName>,
    /// A list of apps as JSON
    #[arg(long)]
    json: bool,
}

/// Asks and shows. A machine on which nothing was ever brought up needs no server for that.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let apps = apps(&args, context).await?;
    if args.json {
        return context.ui.json(&apps);
    }
    if apps.is_empty() {
        context
            .ui
            .say("nothing was brought up yet: `ship up` in a project's folder");
    }
    let columns = context.ui.data_columns();
    let lines = apps.iter().flat_map(|app| lines(app, columns));
    lines
        .collect::<Vec<_>>()
        .iter()
        .try_for_each(|line| context.ui.data(line))
}

async fn apps(args: &Args, context: &Context) -> Result<Vec<App>> {
    let control = context.control()?;
    if args.app.is_none() && !control.was_used() {
        return Ok(Vec::new());
    }
    let client = control.connect().await?;
    match &args.app {
        Some(app) => Ok(vec![client.app(app).await?]),
        None => Ok(client.apps().await?),
    }
}

const GIVE: [Give; 6] = [
    Give::Nothing,
    Give::Nothing,
    Give::Nothing,
    Give::Nothing,
    Give::Nothing,
    Give::First,
];

fn lines(app: &App, columns: Option<usize>) -> Vec<String> {
    let instances = app.instances.iter().map(instance);
    let jobs = app.jobs.iter().map(job);
    let rows: Vec<Vec<String>> = instances.chain(jobs).collect();
    let room = columns.map(|columns| columns.saturating_sub(2));
    let widths = table::widths(&rows, &GIVE, room);
    let rows = rows.iter().map(|cells| {
        let cells = table::row(cells, &widths);
        format!("  {}", coloured(&cells).join("  ").trim_end())
    });
    std::iter::once(headline(app)).chain(rows).collect()
}

fn headline(app: &App) -> String {
    let release = app.current.map(|release| format!("{release} "));
    let state = match (app.running, app.current) {
        (_, None) => "never came up",
        (true, _) if app.detached => "detached",
        (true, _) => "up",
        (false, _) => "stopped",
    };
    let maintenance = app.maintenance.map(|since| {
        let since = format!("in maintenance since {}", when::date_and_time(since));
        styled(WARN, &since)
    });
    let url = app.url.as_deref().unwrap_or_default();
    let name = styled(STRONG, app.name.as_str());
    let folder = styled(DIM, &app.project.display().to_string());
    let parts = [
        name,
        url.to_owned(),
        format!("{}{state}", release.unwrap_or_default()),
        maintenance.unwrap_or_default(),
        app.traffic.as_ref().map(traffic).unwrap_or_default(),
        folder,
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("  ")
}

/// `1.7 TB of 2.0 TB this month`
fn traffic(traffic: &Traffic) -> String {
    let sent = count::bytes(traffic.sent);
    let of = traffic.budget.map(count::bytes);
    let of = of.map(|budget| format!(" of {budget}"));
    let what = format!("{sent}{} this month", of.unwrap_or_default());
    match traffic.state.as_str() {
        "near" => styled(WARN, &what),
        "over" => styled(WARN, &format!("{what}, over its budget")),
        "slowed" | "paused" => styled(BAD, &format!("{what}, {}", traffic.state)),
        _ => styled(DIM, &what),
    }
}

fn instance(instance: &Instance) -> Vec<String> {
    let restarts = match instance.restarts {
        0 => String::new(),
        count => format!("{}, ", count::plural(count as usize, "restart")),
    };
    let details = format!("{restarts}{}", instance.detail);
    vec![
        instance.id.local(),
        instance.state.clone(),
        instance.release.to_string(),
        count::duration(instance.since.elapsed()),
        instance.memory.map(count::bytes).unwrap_or_default(),
        match instance.pid {
            Some(pid) if details.is_empty() => format!("pid {pid}"),
            Some(pid) => format!("pid {pid}, {}", details.trim_end_matches(", ")),
            None => details.trim_end_matches(", ").to_owned(),
        },
    ]
}

fn job(job: &Job) -> Vec<String> {
    let next = job
        .next
        .map(|next| format!("next {}", when::date_and_time(next)));
    let last = job.last.map(|last| {
        let outcome = job.outcome.as_deref().unwrap_or("runs");
        format!("last {} {outcome}", when::date_and_time(last))
    });
    let times: Vec<String> = [next, last].into_iter().flatten().collect();
    let empty = String::new;
    vec![
        job.name.to_string(),
        job.schedule.clone(),
        empty(),
        empty(),
        empty(),
        times.join(", "),
    ]
}

fn coloured(cells: &[String]) -> Vec<String> {
    let style = |at: usize, cell: &str| match (at, cell.trim()) {
        (1, "ready") => GOOD,
        (1, "starting" | "stopping") => WARN,
        (1, "waiting" | "ended") => BAD,
        (2..=5, _) => DIM,
        _ => anstyle::Style::new(),
    };
    let cells = cells.iter().enumerate();
    cells
        .map(|(at, cell)| styled(style(at, cell), cell))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::captured;
    use ship_base::clock::Moment;
    use std::time::Duration;

    fn blog() -> App {
        let since = Moment::now().before(Duration::from_secs(7_300));
        let instance = |id: &str, state: &str, detail: &str, pid| Instance {
            id: id.parse().unwrap(),
            release: "r3".parse().unwrap(),
            state: state.into(),
            detail: detail.into(),
            pid,
            restarts: u32::from(state == "waiting") * 4,
            since,
            memory: pid.map(|_| 48_000_000),
        };
        App {
            name: "blog".parse().unwrap(),
            project: "/home/ana/blog".into(),
            running: true,
            detached: true,
            current: Some("r3".parse().unwrap()),
            url: Some("http://blog.localhost:8000".into()),
            maintenance: None,
            traffic: None,
            instances: vec![
                instance("blog/web.1", "ready", "", Some(812)),
                instance("blog/worker.1", "waiting", "ended with exit code 1", None),
            ],
            jobs: vec![Job {
                name: "digest".parse().unwrap(),
                schedule: "0 6 * * *".into(),
                next: None,
                last: None,
                outcome: None,
            }],
        }
    }

    #[test]
    fn an_app_is_shown_with_what_runs_and_what_waits() {
        let (mut ui, captured) = captured::ui(None);
        for line in lines(&blog(), None) {
            ui.say(&line);
        }
        insta::assert_snapshot!(captured.text(), @"
        blog  http://blog.localhost:8000  r3 detached  /home/ana/blog
          web.1     ready      r3  2 h 1 min  48.0 MB  pid 812
          worker.1  waiting    r3  2 h 1 min           4 restarts, ended with exit code 1
          digest    0 6 * * *
        ");
    }

    #[test]
    fn traffic_is_shown_with_its_budget_and_what_became_of_it() {
        let said = |sent, budget, state: &str| {
            let shown = traffic(&Traffic {
                month: "2026-11".into(),
                sent,
                received: 0,
                budget,
                state: state.into(),
            });
            let (mut ui, captured) = captured::ui(None);
            ui.say(&shown);
            captured.text().trim().to_owned()
        };
        let budget = Some(2_000_000_000_000);
        assert_eq!(said(1_200_000, None, "within"), "1.2 MB this month");
        assert_eq!(
            said(1_700_000_000_000, budget, "near"),
            "1.7 TB of 2.0 TB this month"
        );
        assert_eq!(
            said(2_100_000_000_000, budget, "over"),
            "2.1 TB of 2.0 TB this month, over its budget"
        );
        assert_eq!(
            said(2_000_000_000_000, budget, "paused"),
            "2.0 TB of 2.0 TB this month, paused"
        );
    }
}
