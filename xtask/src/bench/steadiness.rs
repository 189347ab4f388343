//! What visitors notice of redeploys, rollbacks and the death of control: requests that fail under
//! a constant load, each of them counted.

use std::path::Path;
use std::time::Duration;

use ship_test::{Load, Project, wait_until};

use super::figure::{Figure, Value};
use super::installation::Installation;
use crate::Result;

const REDEPLOYS: u32 = 20;
const ROLLBACKS: u32 = 5;
const KILLS: u32 = 5;

/// Threads of the load: half keep their connection, half open one per request; each asks about a
/// hundred times a second.
const THREADS: usize = 6;

/// Slow enough that requests are in flight at every moment.
fn version(number: u32) -> String {
    format!("import time\n\n{}", super::redeploy::version(number)).replace(
        "    start_response",
        "    time.sleep(0.02)\n    start_response",
    )
}

/// Everything under one load.
pub(crate) fn measure(ship: &Path) -> Result<Vec<Figure>> {
    eprintln!(
        "steadiness: {REDEPLOYS} redeploys, {ROLLBACKS} rollbacks, {KILLS} × kill -9 of control"
    );
    let installation = Installation::new(ship, &[])?;
    let project = Project::named("steady").file("main.py", &version(0));
    let url = installation.up(project.folder());
    let load = Load::start(&url, THREADS);
    wait_until("the load is answered", Duration::from_mins(1), || {
        load.answered() > 100
    });

    for number in 1..=REDEPLOYS {
        project.write("main.py", &version(number));
        installation.up(project.folder());
    }
    for _ in 0..ROLLBACKS {
        let rollback = ["rollback", "--app", "steady"];
        installation.home.ship(&rollback).success();
    }
    for _ in 0..KILLS {
        installation.home.kill(installation.home.control());
        // Any command starts control again, which finds what lives.
        installation.home.ship(&["ps"]).success();
    }
    project.write("main.py", &version(REDEPLOYS + 1));
    installation.up(project.folder());

    let outcome = load.finish();
    for failure in outcome.failed.iter().take(10) {
        eprintln!("failed: {failure}");
    }
    let releases = outcome.bodies.len() as u64;
    let failed = outcome.failed.len() as u64;
    Ok(vec![
        Figure::new("releases that answered under load", Value::Count(releases)),
        Figure::new("requests answered", Value::Count(outcome.answered)),
        Figure::new("requests failed", Value::Count(failed)).at_most(Value::Count(0)),
    ])
}
