//! The crash matrix of promise P12: programs that end come back by themselves.

use std::time::Duration;

use ship_run::event::{Ended, State};
use ship_run::{NotReady, Why};

use crate::stage::{LONG, Stage, is_waiting, kill, program, report_with, stop_now};

#[tokio::test]
async fn every_kind_of_end_is_told_and_starts_again() {
    let ends = [
        ("exit 0", Ended::Code(0)),
        ("exit 1", Ended::Code(1)),
        ("exit 137", Ended::Code(137)),
        ("kill -9 $$", Ended::Signal(9)),
        ("kill -11 $$", Ended::Signal(11)),
    ];
    for (line, expected) in ends {
        let stage = Stage::new();
        let keeper = stage.start(&stage.shell(line)).await;
        let report =
            report_with(&keeper, |report| report.restarts >= 2 && is_waiting(report)).await;
        assert_eq!(report.ended(), Some(&expected), "{line}");
        stop_now(&keeper).await.unwrap();
    }
}

#[tokio::test]
async fn a_start_that_keeps_ending_is_decided_early() {
    let stage = Stage::new();
    let keeper = stage.start(&stage.shell("echo no luck >&2; exit 3")).await;
    let refused = keeper.ready(LONG).await.unwrap_err();
    assert_eq!(refused.why, Why::Ended(Ended::Code(3)));
    assert_eq!(
        refused.to_string(),
        "`web.1` of `blog` ended before it was ready"
    );
    assert_eq!(refused.why.to_string(), "it ended with exit code 3");
    stage.logged("err", "no luck").await;
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_at_once() {
    let stage = Stage::new();
    let keeper = stage
        .start(&stage.worker(&["granian-of-nowhere", "--port", "1"]))
        .await;
    let NotReady { why, .. } = keeper.ready(LONG).await.unwrap_err();
    let text = "it could not be started: cannot execute `granian-of-nowhere`: No such file or directory (os error 2)";
    assert_eq!(why.to_string(), text);
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let stage = Stage::new();
    let mut spec = stage.shell("true");
    spec.folder = stage.path("gone");
    let keeper = stage.start(&spec).await;
    let refused = keeper.ready(LONG).await.unwrap_err();
    assert!(
        refused.why.to_string().contains("cannot start `sh` in"),
        "{}",
        refused.why
    );
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn a_program_that_dies_after_a_while_comes_back() {
    let stage = Stage::new();
    let keeper = stage.start(&stage.shell("sleep 1000")).await;
    keeper.ready(LONG).await.unwrap();
    let first = program(&keeper.report());
    kill(first, rustix::process::Signal::KILL);
    let again = report_with(&keeper, |report| report.restarts == 1 && report.is_ready()).await;
    assert_ne!(program(&again), first);
    assert_eq!(again.failures, 0);
    assert!(
        stage
            .lines("ship")
            .iter()
            .any(|line| line.starts_with("was killed by SIGKILL; starts again in 0.1 s"))
    );
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn a_job_runs_once_and_tells_its_outcome() {
    for (line, expected) in [("exit 0", Ended::Code(0)), ("exit 4", Ended::Code(4))] {
        let stage = Stage::new();
        let keeper = stage.start(&stage.job(line)).await;
        assert_eq!(keeper.gone().await, Some(expected.clone()));
        assert_eq!(keeper.report().state, State::Ended { ended: expected });
        assert_eq!(keeper.report().restarts, 0);
        assert!(
            stage.keepers().read_dir().unwrap().next().is_none(),
            "files are left"
        );
    }
}

#[tokio::test]
async fn a_start_that_hangs_is_not_ready_and_can_be_stopped() {
    let stage = Stage::new();
    let mut spec = stage.shell("sleep 1000");
    spec.listen = Some(stage.socket());
    let keeper = stage.start(&spec).await;
    let refused = keeper.ready(Duration::from_millis(200)).await.unwrap_err();
    assert_eq!(
        refused.why,
        Why::WaitingFor("nothing listens on the socket it was given".to_owned())
    );
    assert_eq!(
        refused.to_string(),
        "`web.1` of `blog` did not become ready within 0.2 s"
    );
    assert_eq!(stop_now(&keeper).await.unwrap(), Some(Ended::Signal(9)));
}
