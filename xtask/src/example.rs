//! The README's first command, done for real: the example is brought up, asked, and its own tests
//! are run in its release.

use std::process::Command;

use ship_test::http;

use crate::step::{self, Outcome};
use crate::{Result, workspace};

/// Builds `ship`, brings the example up in a home of its own, and takes everything down again.
pub(crate) fn test() -> Result<Outcome> {
    if let failed @ Outcome::Failed(_) = step::cargo(&["build", "--package", "ship", "--locked"])? {
        return Ok(failed);
    }
    let outcome = up_and_tested();
    // Also after a failure: nothing of it may stay.
    for arguments in [
        &["destroy", "--app", "talkshow", "--yes"][..],
        &["server", "stop"],
    ] {
        ship(arguments).output()?;
    }
    outcome
}

fn up_and_tested() -> Result<Outcome> {
    let up = ship(&["up", "--detach", "examples/talkshow"]).output()?;
    if !up.status.success() {
        let words = String::from_utf8_lossy(&up.stderr).into_owned();
        return Ok(Outcome::Failed(vec![words]));
    }
    let url = String::from_utf8(up.stdout)?;
    let page = http::get_url(url.trim())?;
    if page.status != 200 || !page.text().contains("Below the waterline") {
        let wrong = format!("{} answers {}: {}", url.trim(), page.status, page.text());
        return Ok(Outcome::Failed(vec![wrong]));
    }
    let tests = [
        "run",
        "--app",
        "talkshow",
        "--",
        "python",
        "manage.py",
        "test",
    ];
    step::command(&mut ship(&tests))
}

/// `ship` as it was just built, with everything of it in one folder.
fn ship(arguments: &[&str]) -> Command {
    let target = workspace::target();
    let mut command = Command::new(target.join("debug/ship"));
    command
        .args(arguments)
        .current_dir(workspace::root())
        .env("SHIP_HOME", target.join("xtask/home"));
    command
}
