//! A keeper that is killed takes its instance with it.

use rustix::process::Signal;
use ship_run::process::ProcessKey;

use crate::stage::{LONG, Stage, kill, program, python, wait_until};

/// Forks a daemon away that has lost the marker from its environment, and one that has a session
/// of its own.
const DAEMONS: &str = r#"
import os, time
def child(name, away, env):
    if os.fork(): return
    if away: os.setsid()
    code = f"import os, time; open('{name}.part', 'w').write(str(os.getpid()) + chr(10)); os.rename('{name}.part', '{name}'); time.sleep(1000)"
    os.execve(os.environ["PYTHON"], ["python", "-c", code], env)
child("unmarked", False, {})
child("away", True, dict(os.environ))
time.sleep(1000)
"#;

fn spec(stage: &Stage) -> ship_run::spec::Spec {
    let mut spec = stage.worker(&[&python(), "-c", DAEMONS]);
    spec.env.insert("PYTHON".to_owned(), python().into());
    spec
}

#[tokio::test]
async fn a_killed_keeper_takes_its_instance_with_it() {
    let stage = Stage::new();
    let keeper = stage.start(&spec(&stage)).await;
    let (unmarked, away) = (stage.pid_in("unmarked").await, stage.pid_in("away").await);
    let report = keeper.report();
    // As if it were killed while it writes its state.
    let half_written = format!(".tmp-{}-1000", report.keeper.pid);
    std::fs::write(stage.keepers().join(half_written), "{").unwrap();
    kill(report.keeper, Signal::KILL);
    keeper.gone().await;
    for key in [program(&report), unmarked, away] {
        assert!(!key.is_alive(), "{key:?} lives on");
    }
    assert!(
        stage.keepers().read_dir().unwrap().next().is_none(),
        "files are left"
    );
    wait_until(|| ProcessKey::of(report.keeper.pid) != Some(report.keeper)).await;
}

#[tokio::test]
async fn remains_of_a_keeper_that_died_unseen_are_ended_at_the_next_start() {
    let stage = Stage::new();
    let keeper = stage.start(&spec(&stage)).await;
    let (unmarked, away) = (stage.pid_in("unmarked").await, stage.pid_in("away").await);
    keeper.ready(LONG).await.unwrap();
    let report = keeper.report();
    drop(keeper);
    kill(report.keeper, Signal::KILL);
    wait_until(|| !program(&report).is_alive()).await;
    assert!(
        unmarked.is_alive() && away.is_alive(),
        "nothing is left to clear"
    );
    let adopted = stage.adopt().await;
    assert_eq!(adopted.dead, [report]);
    assert!(!unmarked.is_alive() && !away.is_alive());
    assert!(
        stage.keepers().read_dir().unwrap().next().is_none(),
        "files are left"
    );
}

#[tokio::test]
async fn a_new_keeper_can_follow_a_killed_one_at_once() {
    let stage = Stage::new();
    for _ in 0..5 {
        let keeper = stage.start(&stage.shell("sleep 1000")).await;
        kill(keeper.report().keeper, Signal::KILL);
        keeper.gone().await;
    }
    let keeper = stage.start(&stage.shell("sleep 1000")).await;
    keeper.ready(LONG).await.unwrap();
    crate::stage::stop_now(&keeper).await.unwrap();
}
