//! First deploys: each app answers under its name from its first release, runs as a user of its own,
//! and the same project again makes no new release. Only ssh and the front door can be reached from
//! outside.

use ship_base::name::ReleaseId;

use crate::Result;
use crate::e2e::checks::Checks;
use crate::e2e::stage::{AGAIN, Stage};

pub(super) fn run(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    for app in &stage.apps {
        let live = stage.ship.deploy(app)?;
        checks.same(
            &format!("release of {}", app.name),
            &ReleaseId::new(1),
            &live.release,
        );
        let seconds = live.took.as_secs_f64();
        checks.note(format!("{} after {seconds:.1} s", app.name));
    }
    stage.all_answer(checks, AGAIN);

    let again = stage.ship.deploy(&stage.apps[1])?;
    let unchanged = (again.unchanged, again.release);
    checks.same(
        "the same project again",
        &(true, ReleaseId::new(1)),
        &unchanged,
    );

    let pids = stage.all_pids()?;
    let mut users: Vec<u32> = pids.iter().map(|pids| pids.user).collect();
    users.sort_unstable();
    users.dedup();
    let own = users.len() == pids.len() && users.iter().all(|user| *user >= 70_000);
    checks.holds(
        own,
        "users of the apps",
        "one of its own for each, from 70000 on",
        &users,
    );

    let stranger = stage.server.get("nobody.test", "/")?.status;
    checks.same("status of a name that no app has", &404, &stranger);
    reachable(stage, checks)?;
    example(stage, checks)
}

/// Ports on which something waits for the network, by TCP.
fn reachable(stage: &Stage, checks: &mut Checks) -> Result<()> {
    let listed = stage.server.run("ss -Hltn")?;
    let mut ports: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().nth(3))
        .filter(|address| !address.starts_with("127.") && !address.starts_with("[::1]"))
        .filter_map(|address| address.rsplit(':').next())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    checks.same(
        "ports that can be reached",
        &["22", "443", "80"][..],
        &ports,
    );
    Ok(())
}

/// Its migrations ran, its static files are served, and its worker works.
fn example(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let host = stage.sample("talkshow").host.clone();
    let home = stage.server.get(&host, "/")?.text();
    let episode = home.contains("Below the waterline");
    checks.holds(
        episode,
        "home of talkshow",
        "the episodes of its migration",
        &home,
    );

    let sheet = home.split('"').find(|word| word.contains("podcast/site."));
    let sheet = sheet.ok_or("the home of talkshow names no style sheet")?;
    let answer = stage.server.get(&host, sheet)?;
    let kind = answer.header("content-type").unwrap_or_default();
    let found = (
        answer.status,
        kind.starts_with("text/css"),
        !answer.body.is_empty(),
    );
    checks.same(
        &format!("{sheet}: status, is CSS, has content"),
        &(200, true, true),
        &found,
    );

    let instances = stage.ship.app("talkshow")?.instances;
    let states: Vec<String> = instances
        .iter()
        .map(|instance| format!("{} {}", instance.id.local(), instance.state))
        .collect();
    checks.same(
        "instances of talkshow",
        &vec!["web.1 ready".to_owned(), "worker.1 ready".to_owned()],
        &states,
    );
    Ok(())
}
