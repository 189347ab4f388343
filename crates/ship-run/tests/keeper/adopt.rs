//! A restarted control process finds the living again.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use ship_run::Error;
use ship_run::event::{Ended, State};

use crate::stage::{LONG, ROLE, Stage, program, stop_now, wait_until};

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

/// Its control process died between starting the keeper and listening to it.
#[tokio::test]
async fn a_keeper_waits_for_a_listener_but_not_for_ever() {
    let stage = Stage::new();
    let spec = stage.job("touch started");
    fs::create_dir(stage.keepers()).unwrap();
    let mut keeper = Command::new(ROLE)
        .arg("keep")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(keeper.stdin.take().unwrap(), &spec).unwrap();
    let mut said = String::new();
    keeper
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(said, r#""began""#);
    for _ in 0..100 {
        assert!(
            !stage.path("started").exists(),
            "the job ran before anybody could hear of it"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(keeper.wait().unwrap().success());
    assert!(stage.path("started").exists());
    assert_eq!(stage.adopt().await.dead.len(), 1);
}
