//! The door as a process of its own: killed, and started again with the same sockets.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use ship_door::{Config, bind, run};

use crate::door::{App, Visitor, connect, get, served_by, table, text, until};

/// Where the door of [`door_role`] lives.
const FOLDER: &str = "SHIP_TEST_DOOR_FOLDER";

/// Not a test: the role that [`Process::start`] runs this program for.
#[test]
#[ignore = "the role of a child process"]
fn door_role() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    run(config(&folder)).unwrap();
}

/// Set for a door that is to take the place of another.
const NEXT: &str = "SHIP_TEST_DOOR_NEXT";

fn config(folder: &Path) -> Config {
    Config {
        socket: folder.join("door.sock"),
        first_socket: std::env::var_os(NEXT).map(|_| folder.join("next.sock")),
        folder: folder.join("door"),
        cores: 2,
        developer: true,
    }
}

struct Process(Child);

impl Process {
    fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    fn start_next(folder: &Path) -> Self {
        Self::start_with(folder, &[(NEXT, "1")])
    }

    fn start_with(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "process::door_role", "--ignored", "--nocapture"]);
        command
            .env(FOLDER, folder)
            .envs(variables.iter().copied())
            .stdout(std::process::Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn copy(listener: &std::net::TcpListener) -> OwnedFd {
    listener.try_clone().unwrap().into()
}

#[tokio::test]
async fn a_killed_door_loses_only_what_is_in_its_hands() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("door.sock");
    let listener: std::net::TcpListener = bind(([127, 0, 0, 1], 0).into()).unwrap().into();
    let address = listener.local_addr().unwrap();
    let app = App::http("blog/web.1@r7", |_| async { text("here") });

    let first = Process::start(folder.path());
    let mut client = connect(&socket).await;
    client
        .listen(vec![("http".to_owned(), copy(&listener))])
        .await
        .unwrap();
    client.swap(table(served_by(&[&app]))).await.unwrap();
    let first_pid = client.status().await.unwrap().pid;
    assert_eq!(
        Visitor::connect(address).await.get("/").await.text(),
        "here"
    );
    first.kill();

    // Nobody accepts now, and yet nobody is refused: the kernel keeps them in line.
    let mut visitors = Vec::new();
    for _ in 0..50 {
        visitors.push(Visitor::connect(address).await);
    }
    let answers: Vec<_> = visitors
        .into_iter()
        .map(|mut visitor| tokio::spawn(async move { visitor.send(get("/", &[])).await }))
        .collect();

    // The next door has its table from disk, and needs nothing but the sockets.
    let second = Process::start(folder.path());
    let mut client = until("the second door answers", async || {
        let mut client = connect(&socket).await;
        let pid = client.status().await.ok()?.pid;
        (pid != first_pid).then_some(client)
    })
    .await;
    client
        .listen(vec![("http".to_owned(), copy(&listener))])
        .await
        .unwrap();
    for answer in answers {
        assert_eq!(answer.await.unwrap().unwrap().text(), "here");
    }
    client.stop(Duration::from_secs(5)).await.unwrap();
    let mut second = second;
    let ended = until("the door ends", async || second_ended(&socket)).await;
    assert!(ended);
    assert!(second.0.wait().unwrap().success());
}

/// The socket goes as the door's last act.
fn second_ended(socket: &Path) -> Option<bool> {
    (!socket.exists()).then_some(true)
}

/// Its parent tells it to leave, unless that was killed before it came to it.
#[tokio::test]
async fn a_door_whose_place_another_has_leaves_and_one_whose_turn_never_came_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, next) = (
        folder.path().join("door.sock"),
        folder.path().join("next.sock"),
    );
    let pid = async |path: &Path| connect(path).await.status().await.unwrap().pid;
    let mut first = Process::start(folder.path());
    let first_pid = pid(&socket).await;
    let mut second = Process::start_next(folder.path());
    let second_pid = pid(&next).await;
    assert_eq!(pid(&socket).await, first_pid);
    std::fs::rename(&next, &socket).unwrap();
    assert!(first.0.wait().unwrap().success());
    assert_eq!(pid(&socket).await, second_pid);

    let mut third = Process::start_next(folder.path());
    pid(&next).await;
    std::fs::remove_file(&next).unwrap();
    assert!(third.0.wait().unwrap().success());
    assert_eq!(pid(&socket).await, second_pid);
    second.0.kill().unwrap();
}

#[tokio::test]
async fn a_signal_ends_the_door_as_a_stop_does() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("door.sock");
    let mut door = Process::start(folder.path());
    let mut client = connect(&socket).await;
    let pid = rustix::process::Pid::from_raw(client.status().await.unwrap().pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(door.0.wait().unwrap().success());
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_table_on_disk_that_cannot_be_used_does_not_keep_the_door_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("door")).unwrap();
    for text in ["", "{", "{\"version\": 99, \"sites\": []}"] {
        std::fs::write(folder.path().join("door/table.json"), text).unwrap();
        let door = Process::start(folder.path());
        let mut client = connect(&folder.path().join("door.sock")).await;
        client.swap(table(Vec::new())).await.unwrap();
        door.kill();
        std::fs::remove_file(folder.path().join("door.sock")).unwrap();
    }
}
