//! A restarted control process finds the living again.

use std::fs;

use ship_run::Error;
use ship_run::event::{Ended, State};

use crate::stage::{LONG, Stage, program, stop_now, wait_until};

#[tokio::test]
async fn a_restarted_control_process_finds_living_keepers_and_rules_them() {
    let stage = Stage::new();
    let before = stage.start(&stage.shell("sleep 1000")).await;
    before.ready(LONG).await.unwrap();
    let report = before.report();
    drop(before);

    let mut adopted = stage.adopt().await;
    assert!(adopted.dead.is_empty());
    let keeper = adopted.living.remove(0);
    assert_eq!(keeper.report(), report);
    assert!(program(&report).is_alive(), "it was started anew");
    stop_now(&keeper).await.unwrap();
    assert!(!program(&report).is_alive());
}

#[tokio::test]
async fn a_job_that_ended_unheard_tells_its_outcome_once() {
    let stage = Stage::new();
    let keeper = stage
        .start(&stage.job("while ! test -e go; do sleep 0.02; done; exit 5"))
        .await;
    let key = keeper.report().keeper;
    drop(keeper);
    fs::write(stage.path("go"), "").unwrap();
    wait_until(|| !key.is_alive()).await;
    let adopted = stage.adopt().await;
    assert_eq!(adopted.dead.len(), 1);
    assert_eq!(
        adopted.dead[0].state,
        State::Ended {
            ended: Ended::Code(5)
        }
    );
    assert!(stage.adopt().await.dead.is_empty(), "told twice");
    assert!(stage.keepers().read_dir().unwrap().next().is_none());
}

#[tokio::test]
async fn an_instance_has_one_keeper() {
    let stage = Stage::new();
    let keeper = stage.start(&stage.shell("sleep 1000")).await;
    let second = stage.try_start(&stage.shell("sleep 1000")).await;
    assert!(matches!(second, Err(Error::Taken { .. })), "{second:?}");
    assert!(program(&keeper.report()).is_alive());
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn several_control_connections_hear_the_same() {
    let stage = Stage::new();
    let first = stage.start(&stage.shell("sleep 1000")).await;
    let second = stage.adopt().await.living.remove(0);
    first.ready(LONG).await.unwrap();
    second.ready(LONG).await.unwrap();
    stop_now(&second).await.unwrap();
    assert_eq!(first.gone().await, Some(Ended::Signal(9)));
}

#[tokio::test]
async fn keepers_of_sub_folders_are_found_too_and_strays_are_removed() {
    let stage = Stage::new();
    let mut spec = stage.shell("sleep 1000");
    spec.keepers = stage.keepers().join("2");
    let keeper = stage.start(&spec).await;
    fs::write(stage.keepers().join("2/other.web.1.r1.keep"), "").unwrap();
    fs::write(stage.keepers().join("2/broken.json"), "{").unwrap();
    drop(keeper);
    let adopted = stage.adopt().await;
    assert_eq!(adopted.living.len(), 1);
    let names: Vec<_> = fs::read_dir(&spec.keepers)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    stop_now(&adopted.living[0]).await.unwrap();
}

#[tokio::test]
async fn a_keeper_that_cannot_begin_says_why() {
    let stage = Stage::new();
    let mut spec = stage.shell("true");
    spec.keepers = stage.path(&"long/".repeat(30));
    let error = stage.try_start(&spec).await.unwrap_err();
    assert!(matches!(error, Error::Begin { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .starts_with("the keeper of `blog/web.1` could not begin: cannot begin: "),
        "{error}"
    );
}
