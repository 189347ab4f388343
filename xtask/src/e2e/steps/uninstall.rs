//! An end, of a server whose control was stopped: nothing of ours runs or listens; what apps are and
//! have stays, and is found by another installation. After `--purge` nothing is left of it either.

use std::time::Duration;

use crate::Result;
use crate::e2e::checks::{Checks, until};
use crate::e2e::stage::{AGAIN, Stage};

/// Files and folders of an installation that go with it.
const OURS: &str = "/usr/local/bin/ship /etc/systemd/system/ship.service /etc/ship/server.toml";

/// Whatever is named after us, wherever programs put things. systemd has an empty folder for each unit
/// that ran, and takes it away or not.
const LEFT: &str = "find /etc /usr/local /var /run /tmp /root \
     -path /run/systemd/propagate -prune -o \\( -name 'ship*' -o -name '*-ship.*' \\) -prune -print 2>/dev/null || true";

/// How long control may take to answer after it was installed again.
const ANSWERS: Duration = Duration::from_mins(1);

pub(super) fn run(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let host = stage.sample("notes").host.clone();
    let kept = stage.server.get(&host, "/keep/for-later")?.status;
    checks.same("status of `notes` keeping a word", &200, &kept);
    let releases = stage.ship.releases("notes")?.len();

    // Control alone ends: what it would have to end as well is not forgotten.
    stage.server.run("systemctl stop ship")?;
    stage.all_answer(checks, Duration::ZERO);
    stage.ship.server("uninstall", &[])?;
    is_gone(stage, checks)?;
    let note = "/var/lib/ship/apps/notes/data/note";
    let read = stage.server.run(&format!("cat {note}"))?;
    checks.same(
        "data of an app after an uninstall",
        &"for-later",
        &read.as_str(),
    );

    stage.ship.server("install", &[])?;
    until("control answers", ANSWERS, || stage.ship.status())?;
    let found = stage.ship.releases("notes")?.len();
    checks.same(
        "releases that another installation finds",
        &releases,
        &found,
    );

    stage.ship.server("uninstall", &["--purge"])?;
    is_gone(stage, checks)?;
    let left = stage.server.run(LEFT)?;
    checks.none("files and folders after a purge", &lines(&left));
    Ok(())
}

fn is_gone(stage: &Stage, checks: &mut Checks) -> Result<()> {
    let left = stage
        .server
        .run(&format!("ls -d {OURS} 2>/dev/null || true"))?;
    checks.none("files after an uninstall", &lines(&left));
    let loaded = stage
        .server
        .run("systemctl show --property LoadState --value ship")?;
    checks.same("state of the unit", &"not-found", &loaded.trim());
    let apps = |user: u32| user >= 70_000;
    let processes: Vec<String> = stage
        .server
        .processes()?
        .into_iter()
        .filter(|it| apps(it.user) || it.is_ours())
        .map(|it| it.command)
        .collect();
    checks.none("processes after an uninstall", &processes);
    checks.becomes("whether port 80 answers", &false, AGAIN, || {
        stage.server.get("notes.test", "/").is_ok()
    });
    Ok(())
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}
