//! What a person waits for: a change over ssh, and the first deploy of an app with packages.

use std::path::Path;
use std::time::{Duration, Instant};

use ship_test::{Home, Project, Sshd, http, wait_until};

use crate::Result;
use crate::bench::figure::{Figure, median};
use crate::bench::installation::Installation;
use crate::bench::redeploy::version;

/// How often a change is deployed.
const TIMES: u32 = 10;
/// What may come on top of the app's own start.
const GOAL: Duration = Duration::from_secs(1);
/// The longest that an answer may be waited for.
const PATIENCE: Duration = Duration::from_mins(2);

/// Both.
pub(super) fn measure(ship: &Path) -> Result<Vec<Figure>> {
    let mut figures = over_ssh(ship)?;
    figures.push(Figure::new(
        "first deploy of a Flask app, warm index cache",
        first_of_flask(ship)?,
    ));
    Ok(figures)
}

/// A changed line, from the command to its first answer.
fn over_ssh(ship: &Path) -> Result<Vec<Figure>> {
    eprintln!("over ssh: {TIMES} changes");
    let server = Installation::new(ship, &[])?;
    let Some(sshd) = Sshd::start(&server.home) else {
        eprintln!("– left out: this machine has no sshd");
        return Ok(Vec::new());
    };
    let laptop = Home::new(ship.to_str().ok_or("the binary's path is no text")?)
        .with("SHIP_SSH", &sshd.client());
    let project = Project::named("far").file("main.py", &version(0));
    let to = sshd.destination();
    let deploy = ["deploy", to.as_str()];
    let url = laptop.ship_in(project.folder(), &deploy).success().url();
    let mut waits = Vec::new();
    let mut starts = Vec::new();
    for number in 1..=TIMES {
        project.write("main.py", &version(number));
        let (wait, start) = deployed(&laptop, &project, &to, &url, number);
        waits.push(wait);
        starts.push(start);
    }
    let (wait, start) = (median(waits), median(starts));
    Ok(vec![
        Figure::new("a changed line over ssh, command to first answer", wait),
        Figure::new("of which the app's own start", start),
        Figure::new("of which ours", wait.saturating_sub(start)).at_most(GOAL),
    ])
}

/// How long until the first answer of this version, and what of it was the app's start.
fn deployed(
    laptop: &Home,
    project: &Project,
    to: &str,
    url: &str,
    number: u32,
) -> (Duration, Duration) {
    let expected = format!("version {number}");
    let began = Instant::now();
    let running = laptop.start_in(project.folder(), &["deploy", to, "--json"]);
    let wait = until_answered(url, &expected, began);
    let output = running.finish().success();
    let start = output.stdout.lines().filter_map(start_of).sum();
    (wait, start)
}

/// How long the app's own start took, where a line of `--json` says so.
fn start_of(line: &str) -> Option<Duration> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    let of_web = event["event"] == "done" && event["step"] == "web.1";
    let took = of_web.then(|| serde_json::from_value(event["took"].clone()).ok());
    took.flatten()
}

fn until_answered(url: &str, expected: &str, began: Instant) -> Duration {
    wait_until(expected, PATIENCE, || {
        http::get_url(url).is_ok_and(|answer| answer.text() == expected)
    });
    began.elapsed()
}

/// Everything that a first deploy does, but for what has to be fetched from the index.
fn first_of_flask(ship: &Path) -> Result<Duration> {
    eprintln!("first deploy of a Flask app, twice");
    let mut took = Duration::ZERO;
    // The first of the two fills uv's cache, which is the user's and not the installation's.
    for _ in 0..2 {
        let installation = Installation::new(ship, &[])?;
        // uv and Python are there: they are a machine's, and not an app's.
        installation.up(Project::fixture("own-server").folder());
        let project = Project::fixture("flask-shop");
        let began = Instant::now();
        let url = installation.up(project.folder());
        wait_until("the shop answers", PATIENCE, || {
            http::get_url(&url).is_ok_and(|answer| answer.status == 200)
        });
        took = began.elapsed();
    }
    Ok(took)
}
