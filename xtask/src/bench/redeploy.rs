//! From a change to its first answer, on a machine that has nothing else to do.

use std::path::Path;
use std::time::{Duration, Instant};

use ship_test::{Project, http};

use super::figure::{Figure, median};
use super::installation::Installation;
use crate::Result;

/// How often each is measured.
const TIMES: u32 = 10;

/// Where "what comes on top of the app's own start" shall be.
const GOAL: Duration = Duration::from_secs(1);

/// A WSGI app without a framework, behind the server that is added.
pub(super) fn version(number: u32) -> String {
    format!(
        "def app(environ, start_response):\n    \
             start_response('200 OK', [('Content-Type', 'text/plain')])\n    \
             return [b'version {number}']\n"
    )
}

/// Redeploys and rollbacks as a person does them, and the app's own part in a redeploy.
pub(crate) fn measure(ship: &Path) -> Result<Vec<Figure>> {
    eprintln!("redeploy: {TIMES} changes, {TIMES} rollbacks");
    let installation = Installation::new(ship, &[])?;
    let project = Project::named("redeploy").file("main.py", &version(0));
    let url = installation.up(project.folder());

    let mut redeploys = Vec::new();
    for number in 1..=TIMES {
        project.write("main.py", &version(number));
        let command = ["up", "--detach"];
        redeploys.push(until_answered(
            &installation,
            &project,
            &command,
            &url,
            number,
        )?);
    }
    let mut rollbacks = Vec::new();
    for number in 1..=TIMES {
        // The one before, and the one before that: the last itself.
        let expected = TIMES - number % 2;
        let command = ["rollback", "--app", "redeploy"];
        rollbacks.push(until_answered(
            &installation,
            &project,
            &command,
            &url,
            expected,
        )?);
    }
    let mut starts = Vec::new();
    for number in TIMES + 1..=2 * TIMES {
        project.write("main.py", &version(number));
        starts.push(installation.deploy(project.folder())?.step("web.1"));
    }

    let (redeploy, rollback, start) = (median(redeploys), median(rollbacks), median(starts));
    Ok(vec![
        Figure::new("code-only redeploy, command to first answer", redeploy),
        Figure::new("of which the app's own start", start),
        Figure::new("of which ours", redeploy.saturating_sub(start)).at_most(GOAL),
        Figure::new("rollback, command to first answer", rollback),
        Figure::new("of which ours", rollback.saturating_sub(start)).at_most(GOAL),
    ])
}

/// From the start of a command to the first answer that says `version <number>`.
fn until_answered(
    installation: &Installation,
    project: &Project,
    command: &[&str],
    url: &str,
    number: u32,
) -> Result<Duration> {
    let expected = format!("version {number}");
    let (host, port, path) = http::parts(url).ok_or("a URL that cannot be asked")?;
    let began = Instant::now();
    let running = installation.home.start_in(project.folder(), command);
    let mut connection = http::Connection::open(port)?;
    let first = loop {
        if connection.get(&host, &path)?.text() == expected {
            break began.elapsed();
        }
        if began.elapsed() > Duration::from_mins(2) {
            return Err(format!("`{expected}` never came: {}", running.printed()).into());
        }
        // Half of what the figure shows, and no load on the machine.
        std::thread::sleep(Duration::from_micros(500));
    };
    running.finish().success();
    Ok(first)
}
