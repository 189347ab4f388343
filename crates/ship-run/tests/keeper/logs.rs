//! What a program prints reaches the log, whatever it is.

use ship_run::event::Ended;

use crate::stage::{LONG, Stage, python, stop_now};

#[tokio::test]
async fn both_outputs_and_our_own_remarks_are_told_apart() {
    let stage = Stage::new();
    let keeper = stage
        .start(&stage.job("echo to out; echo to err >&2; exit 2"))
        .await;
    let pid = keeper.report().program.map(|key| key.pid);
    keeper.gone().await;
    assert_eq!(stage.lines("out"), ["to out"]);
    assert_eq!(stage.lines("err"), ["to err"]);
    let remarks = stage.lines("ship");
    assert!(remarks[0].starts_with("started as process "), "{remarks:?}");
    if let Some(pid) = pid {
        assert_eq!(remarks[0], format!("started as process {pid}"));
    }
    assert_eq!(remarks.last().unwrap(), "ended with exit code 2");
}

#[tokio::test]
async fn a_line_in_many_writes_is_one_line_and_one_without_an_end_is_kept() {
    let stage = Stage::new();
    let keeper = stage
        .start(
            &stage.job("for c in a b c d; do printf $c; sleep 0.02; done; echo; printf unfinished"),
        )
        .await;
    keeper.gone().await;
    assert_eq!(stage.lines("out"), ["abcd", "unfinished"]);
}

#[tokio::test]
async fn binary_output_survives() {
    let stage = Stage::new();
    let code = r"import os; os.write(1, bytes(b for b in range(256) if b != 10) + b'\n')";
    let spec = ship_run::spec::Spec {
        restart: ship_run::spec::Restart::Never,
        ..stage.worker(&[&python(), "-c", code])
    };
    stage.start(&spec).await.gone().await;
    let all: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    assert!(stage.log().windows(255).any(|window| window == all));
}

#[tokio::test]
async fn an_endless_line_neither_blocks_the_program_nor_grows_its_keeper() {
    let stage = Stage::new();
    let line = "dd if=/dev/zero bs=65536 count=1600 2>/dev/null | tr '\\0' x; echo; echo after; sleep 1000";
    let keeper = stage.start(&stage.shell(line)).await;
    stage.logged("out", "after").await;
    assert!(stage.log().len() < 8 << 20);
    // What is not shared with the other keepers: the pages that are no file's.
    let memory =
        std::fs::read_to_string(format!("/proc/{}/smaps_rollup", keeper.report().keeper.pid))
            .unwrap();
    let own = memory
        .lines()
        .find_map(|line| line.strip_prefix("Anonymous:")?.trim().strip_suffix(" kB"));
    let own: u64 = own.unwrap().parse().unwrap();
    assert!(own < 1024, "{own} kB");
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn no_line_is_lost_or_doubled_when_control_restarts() {
    let stage = Stage::new();
    let line =
        "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo through; sleep 1000";
    let mut keeper = stage.start(&stage.shell(line)).await;
    for _ in 0..5 {
        drop(keeper);
        keeper = stage.adopt().await.living.remove(0);
    }
    stage.logged("out", "through").await;
    let lines = stage.lines("out");
    let expected: Vec<_> = (0..3000)
        .map(|i| format!("line {i}"))
        .chain(["through".to_owned()])
        .collect();
    assert_eq!(lines, expected);
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn a_pipe_that_a_stranger_holds_does_not_keep_the_keeper() {
    let stage = Stage::new();
    let keeper = stage.start(&stage.shell("echo up; sleep 1000")).await;
    stage.logged("out", "up").await;
    let pid = keeper.report().program.unwrap().pid;
    let held = std::fs::OpenOptions::new()
        .write(true)
        .open(format!("/proc/{pid}/fd/1"))
        .unwrap();
    let ended = keeper.stop(LONG).await.unwrap();
    assert_eq!(
        ended,
        Some(Ended::Signal(15)),
        "the keeper itself had to be killed"
    );
    drop(held);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_does_not_stop_the_program() {
    let stage = Stage::new();
    std::fs::write(stage.path("logs"), "a file where the folder should be").unwrap();
    let keeper = stage
        .start(&stage.shell(
            "i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done; echo > through; sleep 1000",
        ))
        .await;
    keeper.ready(LONG).await.unwrap();
    crate::stage::wait_until(|| stage.path("through").exists()).await;
    stop_now(&keeper).await.unwrap();
}
