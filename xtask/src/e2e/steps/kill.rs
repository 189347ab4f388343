//! `kill -9` of each role, while visitors ask.

use std::time::Duration;

use crate::Result;
use crate::e2e::checks::{Checks, until};
use crate::e2e::stage::{AGAIN, Stage};
use crate::e2e::visitors::{Sight, THREADS, Visitors};

/// How long it may take until a killed role is there again.
const BACK: Duration = Duration::from_mins(1);

/// systemd starts another one, which finds door and apps as they are. No request fails.
pub(super) fn control(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let (before, apps) = (stage.ship.status()?, stage.all_pids()?);
    let visitors = Visitors::come(&stage.server, &stage.apps)?;
    stage.server.kill(before.pid)?;
    let after = until("another control answers", BACK, || {
        let status = stage.ship.status()?;
        another(status.pid == before.pid, status)
    })?;
    stage.systemd_knows_control(checks)?;
    checks.same("pid of the door", &before.door, &after.door);
    checks.same("apps that control knows", &before.running, &after.running);
    checks.same("processes of the apps", &apps, &stage.all_pids()?);
    everybody_is_served(stage, checks, visitors, 0);
    Ok(())
}

/// Another one takes the same listening sockets: each visitor loses at most what was under way.
pub(super) fn door(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let (before, apps) = (stage.ship.status()?, stage.all_pids()?);
    let door = before.door.ok_or("there is no door")?;
    let visitors = Visitors::come(&stage.server, &stage.apps)?;
    stage.server.kill(door)?;
    let after = until("another door is there", BACK, || {
        let status = stage.ship.status()?;
        match status.door {
            Some(pid) if pid != door => Ok(status),
            other => Err(format!("the door is {other:?}").into()),
        }
    })?;
    stage.all_answer(checks, BACK);
    checks.same("pid of control", &before.pid, &after.pid);
    checks.same("processes of the apps", &apps, &stage.all_pids()?);
    everybody_is_served(stage, checks, visitors, THREADS);
    Ok(())
}

/// systemd keeps the listening sockets and starts control, which starts a door with them: nobody is
/// refused meanwhile.
pub(super) fn both(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let (before, apps) = (stage.ship.status()?, stage.all_pids()?);
    let door = before.door.ok_or("there is no door")?;
    let visitors = Visitors::come(&stage.server, &stage.apps)?;
    stage.server.kill_all(&[before.pid, door])?;
    until("another control and door answer", BACK, || {
        let status = stage.ship.status()?;
        let is_new = status.pid != before.pid && status.door.is_some_and(|pid| pid != door);
        another(!is_new, status)
    })?;
    stage.all_answer(checks, BACK);
    stage.systemd_knows_control(checks)?;
    checks.same("processes of the apps", &apps, &stage.all_pids()?);
    everybody_is_served(stage, checks, visitors, THREADS);
    Ok(())
}

/// Control starts another one, with another program. The other apps have nothing to do with it.
pub(super) fn keeper(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let before = stage.pids("notes")?;
    let others = stage.pids("hours")?;
    let visitors = Visitors::come(&stage.server, &stage.apps)?;
    stage.server.kill(before.keeper)?;
    let after = until("another keeper is there", AGAIN, || {
        let pids = stage.pids("notes")?;
        another(pids.keeper == before.keeper, pids)
    })?;
    checks.differ(
        "pid of the program below the killed keeper",
        &before.program,
        &after.program,
    );
    checks.same("processes of another app", &others, &stage.pids("hours")?);
    only_notes_pauses(stage, checks, visitors);
    Ok(())
}

/// Its keeper starts it again, and counts that.
pub(super) fn program(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let before = stage.pids("notes")?;
    let others = stage.pids("hours")?;
    let restarts = stage.web("notes")?.restarts;
    let visitors = Visitors::come(&stage.server, &stage.apps)?;
    stage.server.kill(before.program)?;
    let after = until("the program is there again", AGAIN, || {
        let pids = stage.pids("notes")?;
        another(pids.program == before.program, pids)
    })?;
    checks.same("pid of its keeper", &before.keeper, &after.keeper);
    checks.same(
        "restarts that `ship ps` shows",
        &(restarts + 1),
        &stage.web("notes")?.restarts,
    );
    checks.same("processes of another app", &others, &stage.pids("hours")?);
    only_notes_pauses(stage, checks, visitors);
    Ok(())
}

/// What was found, unless it is still the killed one.
fn another<T>(killed: bool, found: T) -> Result<T> {
    if killed {
        return Err("it is the killed one".into());
    }
    Ok(found)
}

/// Everybody is answered; at most `lost` requests of each app were not.
fn everybody_is_served(stage: &Stage, checks: &mut Checks, visitors: Visitors, lost: usize) {
    stage.all_answer(checks, Duration::ZERO);
    let sights: Vec<Sight> = stage.apps.iter().map(Sight::now).collect();
    visitors.go(checks, &sights, lost);
}

/// The one instance of notes is gone for a moment: its visitors may see that, the others nothing.
fn only_notes_pauses(stage: &Stage, checks: &mut Checks, visitors: Visitors) {
    stage.all_answer(checks, AGAIN);
    let sights: Vec<Sight> = stage.apps.iter().map(Sight::now).collect();
    visitors.go_but(checks, &sights, "notes");
}
