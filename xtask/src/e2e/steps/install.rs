//! An installation: the program, its configuration and its unit are there, and control answers. A
//! second one finds nothing to do.

use std::time::Duration;

use crate::Result;
use crate::e2e::checks::{Checks, until};
use crate::e2e::stage::Stage;

/// What stands in its place for the rest of the run: our index, and no authority, since no domain of
/// the run leads to this machine.
const CONFIG: &str = "/etc/ship/server.toml";

/// From 5 on systemd speaks of a medium exposure (`systemd-analyze security`).
const EXPOSED: f32 = 5.0;

/// How long control may take to answer after it was started.
const ANSWERS: Duration = Duration::from_mins(1);

pub(super) fn run(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let dry = stage.ship.server("install", &["--dry-run"])?;
    checks.holds(
        dry.contains("nothing was changed"),
        "dry run",
        "`nothing was changed`",
        &dry,
    );
    let there = stage
        .server
        .run(&format!("test ! -e {CONFIG} && echo nothing"))?;
    checks.same("what a dry run wrote", &"nothing", &there.trim());

    stage.ship.server("install", &[])?;
    is_installed(stage, checks)?;
    let sent = stage.server.hash("/usr/local/bin/ship")?;
    let own = ship_base::hash::ContentHash::of(&ship_base::file::read(stage.ship.program())?);
    checks.same("content of /usr/local/bin/ship", &own.to_string(), &sent);

    let again = stage.ship.server("install", &[])?;
    let done = again.lines().filter(|line| line.ends_with("there already"));
    checks.same(
        "steps that a second installation finds done",
        &5,
        &done.count(),
    );
    for unit in ["ship", "ship-apps"] {
        is_closed(stage, checks, unit)?;
    }

    configure(stage)
}

/// Control runs and says which version it is.
pub(super) fn is_installed(stage: &Stage, checks: &mut Checks) -> Result<()> {
    let active = stage
        .server
        .run("systemctl is-active ship; systemctl is-enabled ship")?;
    checks.same(
        "unit",
        &vec!["active", "enabled"],
        &active.lines().collect(),
    );
    let version = stage.ship.status()?.version;
    checks.same(
        "version of control",
        &env!("CARGO_PKG_VERSION"),
        &version.as_str(),
    );
    Ok(())
}

/// What systemd says of how much the kernel keeps from a unit: from 0, for all that can be kept, to 10.
fn is_closed(stage: &Stage, checks: &mut Checks, unit: &str) -> Result<()> {
    let ask = format!("systemd-analyze security {unit} --no-pager | tail -n 1");
    let told = stage.server.run(&ask)?;
    let level = told
        .split_once(": ")
        .and_then(|(_, level)| level.split_once(' '));
    let exposed: Option<f32> = level.and_then(|(number, _)| number.parse().ok());
    let what = format!("exposure of {unit}");
    checks.holds(
        exposed.is_some_and(|exposed| exposed < EXPOSED),
        &what,
        &format!("less than {EXPOSED}"),
        told.trim(),
    );
    checks.note(told.trim().trim_start_matches('→').trim());
    Ok(())
}

/// As the guide says: a change of the configuration, and control is started again.
fn configure(stage: &Stage) -> Result<()> {
    let config = format!("index = \"{}\"\n[acme]\nenabled = false\n", stage.index);
    stage.server.run(&format!(
        "printf '{}' >{CONFIG} && systemctl restart ship",
        config.replace('\n', "\\n")
    ))?;
    until("control answers again", ANSWERS, || stage.ship.status())?;
    Ok(())
}
