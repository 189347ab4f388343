//! The stop ladder.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use ship_run::event::{Ended, State};
use ship_run::process::descendants;

use crate::stage::{LONG, Stage, kill, program, python, report_with, wait_until};

#[tokio::test]
async fn a_program_may_finish_what_it_is_at() {
    let stage = Stage::new();
    let line = "trap 'echo finishing; sleep 0.3; echo finished; exit 0' TERM; echo up; while :; do sleep 0.05; done";
    let keeper = stage.start(&stage.shell(line)).await;
    stage.logged("out", "up").await;
    assert_eq!(keeper.stop(LONG).await.unwrap(), Some(Ended::Code(0)));
    assert_eq!(stage.lines("out"), ["up", "finishing", "finished"]);
    assert_eq!(
        keeper.report().state,
        State::Ended {
            ended: Ended::Code(0)
        }
    );
    assert!(keeper.watch().borrow().is_none());
}

#[tokio::test]
async fn one_that_ignores_sigterm_is_killed_after_its_grace() {
    let stage = Stage::new();
    let keeper = stage
        .start(&stage.shell("trap '' TERM; echo up; while :; do sleep 0.05; done"))
        .await;
    stage.logged("out", "up").await;
    assert_eq!(
        keeper.stop(Duration::from_millis(100)).await.unwrap(),
        Some(Ended::Signal(9))
    );
}

#[tokio::test]
async fn a_second_stop_skips_ahead() {
    let stage = Stage::new();
    let keeper = stage
        .start(&stage.shell("trap '' TERM; echo up; while :; do sleep 0.05; done"))
        .await;
    stage.logged("out", "up").await;
    let patient = tokio::spawn({
        let keeper = keeper.clone();
        async move { keeper.stop(Duration::from_hours(1)).await }
    });
    report_with(&keeper, |report| {
        matches!(report.state, State::Stopping { .. })
    })
    .await;
    assert_eq!(
        keeper.stop(Duration::ZERO).await.unwrap(),
        Some(Ended::Signal(9))
    );
    assert_eq!(patient.await.unwrap().unwrap(), Some(Ended::Signal(9)));
}

#[tokio::test]
async fn children_of_a_shell_get_their_sigterm_too() {
    let stage = Stage::new();
    let child =
        "trap 'echo child finished; exit 0' TERM; echo child up; while :; do sleep 0.05; done";
    fs::write(stage.path("child.sh"), child).unwrap();
    let keeper = stage.start(&stage.shell("sh child.sh; true")).await;
    stage.logged("out", "child up").await;
    keeper.stop(LONG).await.unwrap();
    assert!(
        stage.lines("out").contains(&"child finished".to_owned()),
        "{:?}",
        stage.lines("out")
    );
}

#[tokio::test]
async fn daemons_that_forked_themselves_away_end_with_their_instance() {
    let stage = Stage::new();
    let code = r#"
import os, signal, time
def away(name, ignore):
    if os.fork(): return
    os.setsid()
    if os.fork(): os._exit(0)
    if ignore: signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for fd in (0, 1, 2): os.close(fd)
    with open(name + ".part", "w") as file: file.write(f"{os.getpid()}\n")
    os.rename(name + ".part", name)
    time.sleep(1000)
away("polite", False)
away("stubborn", True)
time.sleep(1000)
"#;
    let keeper = stage.start(&stage.worker(&[&python(), "-c", code])).await;
    let (polite, stubborn) = (stage.pid_in("polite").await, stage.pid_in("stubborn").await);
    assert!(polite.is_alive() && stubborn.is_alive());
    keeper.stop(Duration::from_millis(300)).await.unwrap();
    assert!(!polite.is_alive() && !stubborn.is_alive());
}

#[tokio::test]
async fn stopped_and_traced_processes_end_as_well() {
    let stage = Stage::new();
    let keeper = stage
        .start(&stage.shell("sleep 1000 & echo $! > child; wait"))
        .await;
    let child = stage.pid_in("child").await;
    kill(child, Signal::STOP);
    kill(program(&keeper.report()), Signal::STOP);
    keeper.stop(Duration::from_millis(100)).await.unwrap();
    assert!(!child.is_alive());
}

#[tokio::test]
async fn what_a_crashed_program_leaves_is_gone_before_it_starts_again() {
    let stage = Stage::new();
    let line = "test -e child && { ps -p $(cat child) -o pid= ; sleep 1000; }; (trap '' TERM; sleep 1000) & echo $! > child; exit 1";
    let keeper = stage.start(&stage.shell(line)).await;
    report_with(&keeper, |report| report.restarts == 1 && report.is_ready()).await;
    assert_eq!(
        stage.lines("out"),
        [""; 0],
        "a child of the first run still lived in the second"
    );
    keeper.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn sigterm_stops_a_keeper_and_a_second_one_skips_the_grace() {
    let stage = Stage::new();
    let mut spec = stage.shell("trap '' TERM; echo up; while :; do sleep 0.05; done");
    spec.grace = Duration::from_hours(1);
    let keeper = stage.start(&spec).await;
    stage.logged("out", "up").await;
    kill(keeper.report().keeper, Signal::TERM);
    report_with(&keeper, |report| {
        matches!(report.state, State::Stopping { .. })
    })
    .await;
    kill(keeper.report().keeper, Signal::TERM);
    assert_eq!(keeper.gone().await, Some(Ended::Signal(9)));
}

#[tokio::test]
async fn orphaned_grandchildren_do_not_pile_up_as_zombies() {
    let stage = Stage::new();
    let line = "i=0; while [ $i -lt 500 ]; do (true &) ; i=$((i+1)); done; echo done; sleep 1000";
    let keeper = stage.start(&stage.shell(line)).await;
    stage.logged("out", "done").await;
    let keeper_pid = keeper.report().keeper.pid;
    let children =
        || fs::read_to_string(format!("/proc/{keeper_pid}/task/{keeper_pid}/children")).unwrap();
    wait_until(|| children().split_whitespace().count() == 1).await;
    keeper.stop(Duration::ZERO).await.unwrap();
    assert!(descendants(keeper_pid).is_empty());
}

#[tokio::test]
async fn a_stop_during_the_rest_before_a_start_ends_it_at_once() {
    let stage = Stage::new();
    let keeper = stage.start(&stage.shell("exit 1")).await;
    report_with(&keeper, |report| report.failures >= 5).await;
    assert_eq!(keeper.stop(LONG).await.unwrap(), Some(Ended::Code(1)));
}
