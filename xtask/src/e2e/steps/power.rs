//! Power cuts: the machine is gone between two instructions, and with it whatever was not synced.
//! After each, what served serves again without anybody's help, and the next deploy works.

use std::time::{Duration, Instant};

use ship_api::event::DeployEvent;
use ship_base::name::ReleaseId;

use crate::Result;
use crate::e2e::checks::{Checks, until};
use crate::e2e::stage::{AGAIN, Stage};

/// How long a deploy may take to come to the moment of its cut.
const MOMENT: Duration = Duration::from_mins(5);

/// What an app synced is there, too.
pub(super) fn idle(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let host = stage.sample("notes").host.clone();
    let word = format!("before-{}", std::process::id());
    let kept = stage.server.get(&host, &format!("/keep/{word}"))?;
    checks.same("status of `notes` keeping a word", &200, &kept.status);
    let releases = current(stage)?;
    // At once: nothing but what was synced is on the disk.
    stage.server.crash()?;
    resume(stage, checks)?;
    checks.same("live releases", &releases, &current(stage)?);
    let read = stage.server.get(&host, "/kept")?;
    checks.same(
        "the word that notes kept",
        &(200, word),
        &(read.status, read.text()),
    );
    Ok(())
}

/// In the middle of installing a package that no release had.
pub(super) fn build(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let more = "flask==3.1.3\ngunicorn==23.0.0\nroman-numerals-py\n";
    stage.sample("notes").write("requirements.txt", more);
    cut_before_the_swap(stage, checks, "environment")
}

/// Between the build and the swap, when the new instance is told to start.
pub(super) fn start(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    cut_before_the_swap(stage, checks, "web.1")
}

/// The old release is what visitors get, and the same deploy again works.
fn cut_before_the_swap(stage: &mut Stage, checks: &mut Checks, step: &str) -> Result<()> {
    let before = release(stage, "notes")?;
    let old = stage.sample("notes").version;
    stage.sample_mut("notes").change()?;
    let begins =
        |event: &DeployEvent| matches!(event, DeployEvent::Begin { step: it } if it == step);
    let (succeeded, story) = cut_at(stage, begins)?;
    checks.holds(
        !succeeded,
        "the deploy whose server is gone",
        "an error",
        &story,
    );

    let new = std::mem::replace(&mut stage.sample_mut("notes").version, old);
    resume(stage, checks)?;
    checks.same("live release of notes", &before, &release(stage, "notes")?);

    stage.sample_mut("notes").version = new;
    let live = stage.ship.deploy(stage.sample("notes"))?;
    let newer = Some(live.release) > before && !live.unchanged;
    let expected = format!("a new release after {before:?}");
    checks.holds(newer, "the same deploy again", &expected, &live);
    stage.all_answer(checks, Duration::ZERO);
    Ok(())
}

/// The moment somebody is told that a release is live: it is the one that serves ever after.
pub(super) fn live(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let before = release(stage, "notes")?;
    stage.sample_mut("notes").change()?;
    cut_at(stage, |event| matches!(event, DeployEvent::Live { .. }))?;
    resume(stage, checks)?;
    let after = release(stage, "notes")?;
    let expected = format!("one after {before:?}");
    checks.holds(after > before, "live release of notes", &expected, &after);

    let again = stage.ship.deploy(stage.sample("notes"))?;
    let found = (again.unchanged, Some(again.release));
    checks.same("the same project again", &(true, after), &found);
    Ok(())
}

/// Deploys notes and cuts the power at an event; how the deploy ended, and its story.
fn cut_at(stage: &Stage, moment: impl Fn(&DeployEvent) -> bool) -> Result<(bool, String)> {
    let deploying = stage.ship.begin_deploy(stage.sample("notes"))?;
    deploying.wait_for(moment, MOMENT)?;
    stage.server.crash()?;
    deploying.finish()
}

/// Power, and everything answers again; how long that took from the moment that ssh answered.
fn resume(stage: &Stage, checks: &mut Checks) -> Result<()> {
    stage.server.resume()?;
    let began = Instant::now();
    stage.all_answer(checks, AGAIN);
    let seconds = began.elapsed().as_secs_f64();
    checks.note(format!("all apps answer {seconds:.1} s after ssh"));
    until("control answers", AGAIN, || stage.ship.status())?;
    // An error where a line of the log of changes is missing or changed.
    stage.ship.there(&["audit", "--verify"])?;
    Ok(())
}

fn current(stage: &Stage) -> Result<Vec<Option<ReleaseId>>> {
    stage
        .apps
        .iter()
        .map(|app| release(stage, app.name))
        .collect()
}

fn release(stage: &Stage, app: &str) -> Result<Option<ReleaseId>> {
    Ok(stage.ship.app(app)?.current)
}
