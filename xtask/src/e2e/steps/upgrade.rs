//! An upgrade of Shipsmith while visitors ask: control and front door are the new program afterwards,
//! apps go on in the processes they had, and their next deploy gives them a keeper of the new one.

use std::path::PathBuf;
use std::time::Duration;

use ship_base::file;
use ship_base::hash::ContentHash;

use crate::Result;
use crate::e2e::checks::{Checks, until};
use crate::e2e::stage::Stage;
use crate::e2e::visitors::{Sight, Visitors};

/// How long the old program may finish what it is at.
const HANDED_OVER: Duration = Duration::from_mins(2);

pub(super) fn run(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let (program, new) = another(stage)?;
    let (before, apps) = (stage.ship.status()?, stage.all_pids()?);
    let old = running(stage, before.pid)?;
    checks.differ("program of the upgrade", &old, &new);

    let visitors = Visitors::come(&stage.server, &stage.apps)?;
    stage.ship = stage.ship.with_program(program);
    stage.ship.server("upgrade", &[])?;
    checks.same(
        "content of /usr/local/bin/ship",
        &new,
        &stage.server.hash("/usr/local/bin/ship")?,
    );
    let control = || {
        stage
            .ship
            .status()
            .and_then(|status| running(stage, status.pid))
    };
    let control = until("control answers", HANDED_OVER, control)?;
    checks.same("program of control", &new, &control);
    stage.systemd_knows_control(checks)?;
    checks.becomes("program of the door", &new, HANDED_OVER, || door(stage));

    checks.same("processes of the apps", &apps, &stage.all_pids()?);
    stage.all_answer(checks, Duration::ZERO);
    let sights: Vec<Sight> = stage.apps.iter().map(Sight::now).collect();
    visitors.go(checks, &sights, 0);

    let keeper = stage.pids("hours")?.keeper;
    checks.same(
        "program of a keeper before a deploy",
        &old,
        &running(stage, keeper)?,
    );
    stage.sample_mut("hours").change()?;
    stage.ship.deploy(stage.sample("hours"))?;
    let keeper = stage.pids("hours")?.keeper;
    checks.same(
        "program of a keeper after a deploy",
        &new,
        &running(stage, keeper)?,
    );
    stage.all_answer(checks, Duration::ZERO);
    Ok(())
}

/// The same program with another content: what follows an ELF file's own parts is not looked at.
fn another(stage: &Stage) -> Result<(PathBuf, String)> {
    let mut content = file::read(stage.ship.program())?;
    content.push(b'\n');
    let path = stage.server.folder().join("ship-of-tomorrow");
    file::write_whole_with_mode(&path, &content, 0o755)?;
    Ok((path, ContentHash::of(&content).to_string()))
}

/// The content of the program that a process runs.
fn running(stage: &Stage, pid: i32) -> Result<String> {
    stage.server.hash(&format!("/proc/{pid}/exe"))
}

/// The content of the program that the door runs, or why there is none to be seen.
fn door(stage: &Stage) -> String {
    let door = || {
        let pid = stage.ship.status()?.door.ok_or("there is no door")?;
        running(stage, pid)
    };
    door().unwrap_or_else(|error| error.to_string())
}
