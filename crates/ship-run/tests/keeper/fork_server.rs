//! The process that keepers are copied from, and what a copy may not take along.

use std::fs;
use std::io::{IoSlice, Read as _};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::Signal;
use ship_run::process::ProcessKey;
use ship_run::spec::Spec;

use crate::stage::{LONG, ROLE, Stage, kill, stop_now, wait_until};

fn another(stage: &Stage, instance: &str) -> Spec {
    let mut spec = stage.shell("sleep 1000");
    spec.instance = instance.parse().unwrap();
    spec
}

#[tokio::test]
async fn keepers_outlive_a_killed_fork_server_and_new_ones_come_from_another() {
    let stage = Stage::new();
    let first = stage.start(&another(&stage, "blog/web.1")).await;
    let killed = ProcessKey::of(stage.server.pid().unwrap()).unwrap();
    kill(killed, Signal::KILL);
    wait_until(|| !killed.is_alive()).await;
    let second = stage.start(&another(&stage, "blog/web.2")).await;
    assert_ne!(stage.server.pid(), Some(killed.pid));
    for keeper in [&first, &second] {
        keeper.ready(LONG).await.unwrap();
        stop_now(keeper).await.unwrap();
    }
}

#[tokio::test]
async fn keepers_outlive_their_control_process_and_the_fork_server_does_not() {
    let mut stage = Stage::new();
    let keeper = stage.start(&another(&stage, "blog/web.1")).await;
    let server = ProcessKey::of(stage.server.pid().unwrap()).unwrap();
    stage.server = Stage::new().server.clone();
    wait_until(|| !server.is_alive()).await;
    keeper.ready(LONG).await.unwrap();
    stop_now(&keeper).await.unwrap();
}

/// A descriptor of another keeper, or of the fork server, would hold open what others wait to see
/// closed.
#[tokio::test]
async fn a_keeper_holds_nothing_of_those_before_it() {
    let stage = Stage::new();
    let mut held = Vec::new();
    let mut keepers = Vec::new();
    for index in 1..=3 {
        let keeper = stage
            .start(&another(&stage, &format!("blog/web.{index}")))
            .await;
        keeper.ready(LONG).await.unwrap();
        let pid = keeper.report().keeper.pid;
        held.push(fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count());
        keepers.push(keeper);
    }
    assert_eq!(held, [held[0]; 3]);
    for keeper in keepers {
        stop_now(&keeper).await.unwrap();
    }
}

#[tokio::test]
async fn a_keeper_that_ended_leaves_no_zombie() {
    let stage = Stage::new();
    let keeper = stage.start(&stage.job("true")).await;
    let key = keeper.report().keeper;
    keeper.gone().await;
    wait_until(|| ProcessKey::of(key.pid) != Some(key)).await;
}

/// Its control process died between starting the keeper and listening to it.
#[tokio::test]
async fn a_keeper_waits_for_a_listener_but_not_for_ever() {
    let stage = Stage::new();
    let spec = stage.job("touch started");
    fs::create_dir(stage.keepers()).unwrap();
    let (said, keeper) = fork_once(&spec);
    assert_eq!(said, r#""began""#);
    for _ in 0..100 {
        assert!(
            !stage.path("started").exists(),
            "the job ran before anybody could hear of it"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    wait_until(|| !keeper.is_alive()).await;
    assert!(stage.path("started").exists());
    assert_eq!(stage.adopt().await.dead.len(), 1);
}

/// What control does, up to the keeper's word; then it is gone, and the fork server with it.
fn fork_once(spec: &Spec) -> (String, ProcessKey) {
    let (control, theirs) = UnixStream::pair().unwrap();
    let mut server = Command::new(ROLE)
        .args(["keep", ""])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()
        .unwrap();
    let (mut stream, theirs) = UnixStream::pair().unwrap();
    let errors = fs::File::create("/dev/null").unwrap();
    let descriptors = [theirs.as_fd(), errors.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut along = SendAncillaryBuffer::new(&mut space);
    along.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(
        &control,
        &[IoSlice::new(b"\n")],
        &mut along,
        SendFlags::empty(),
    )
    .unwrap();
    drop(theirs);
    let mut pid = [0; 4];
    (&control).read_exact(&mut pid).unwrap();
    let keeper = ProcessKey::of(i32::from_ne_bytes(pid)).unwrap();
    serde_json::to_writer(&stream, spec).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    drop(control);
    assert!(server.wait().unwrap().success());
    (said, keeper)
}
