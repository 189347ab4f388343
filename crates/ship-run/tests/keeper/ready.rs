//! Readiness: what counts, what is sent, and what is said when something is missing.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ship_run::event::State;
use ship_run::spec::{Address, Health, Listen};

use crate::stage::{LONG, Stage, report_with, stop_now, wait_until};

/// Answers every request with the status in `STATUS`, and writes what it was asked to `asked`.
const SERVER: &str = r#"
import os, socket, sys
if "SOCKET" in os.environ:
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.environ["SOCKET"])
else:
    server = socket.create_server((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("OTHER", os.environ["PORT"]))))
server.listen(16)
while True:
    connection, _ = server.accept()
    request = connection.recv(65536)
    open("asked", "wb").write(request)
    status = open("status").read().strip() if os.path.exists("status") else "200"
    if status == "-":
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    elif status == "h2":
        connection.sendall(b"\0\0\0\4\0\0\0\0\0" b"\0\0\0\4\1\0\0\0\0")
    else:
        connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: 3\r\n\r\nyes".encode())
    connection.close()
"#;

#[tokio::test]
async fn ready_when_it_answers_on_its_socket() {
    let stage = Stage::new();
    let keeper = stage.start(&stage.web(SERVER, stage.socket())).await;
    let address = keeper.ready(LONG).await.unwrap();
    assert_eq!(address, Some(Address::Unix(stage.path("web.sock"))));
    let asked = fs::read_to_string(stage.path("asked")).unwrap();
    assert!(UnixStream::connect(stage.path("web.sock")).is_ok());
    let asked = asked.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(asked.replace("\r\n", "\n").trim_end(), @r"
    GET / HTTP/1.1
    Host: blog.localhost
    X-Forwarded-Proto: https
    X-Forwarded-Host: blog.localhost
    User-Agent: ship-health/VERSION
    Accept: */*
    Connection: close
    ");
    stop_now(&keeper).await.unwrap();
    assert!(!stage.path("web.sock").exists(), "the socket is left");
}

#[tokio::test]
async fn ready_when_it_answers_on_its_port_which_stays_over_a_restart() {
    let stage = Stage::new();
    let mut spec = stage.web(SERVER, Listen::Port);
    spec.argv.push("--bind=127.0.0.1:$PORT".to_owned());
    let keeper = stage.start(&spec).await;
    let Some(Address::Tcp(address)) = keeper.ready(LONG).await.unwrap() else {
        panic!("no port")
    };
    assert!(address.ip().is_loopback());
    let mut answer = String::new();
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("yes"), "{answer}");
    let pid = keeper.report().program.unwrap().pid;
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(line.contains(&format!("--bind={address}")), "{line}");

    keeper.restart().await.unwrap();
    let report = report_with(&keeper, |report| report.restarts == 1 && report.is_ready()).await;
    assert_eq!(report.address, Some(Address::Tcp(address)));
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn any_answer_below_500_is_alive_and_500_is_told_until_it_mends() {
    let stage = Stage::new();
    fs::write(stage.path("status"), "503").unwrap();
    let keeper = stage.start(&stage.web(SERVER, stage.socket())).await;
    let waits = |text: &'static str| move |report: &ship_run::event::Report| matches!(&report.state, State::Starting { waiting_for, .. } if waiting_for == text);
    report_with(&keeper, waits("it answers 503 on /")).await;
    fs::write(stage.path("status"), "-").unwrap();
    report_with(&keeper, waits("it does not answer in HTTP on /")).await;
    fs::write(stage.path("status"), "404").unwrap();
    keeper.ready(LONG).await.unwrap();
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn what_speaks_http2_is_ready_with_its_settings_and_only_where_that_was_said() {
    let stage = Stage::new();
    fs::write(stage.path("status"), "h2").unwrap();
    let mut spec = stage.web(SERVER, stage.socket());
    let waits = |text: &'static str| move |report: &ship_run::event::Report| matches!(&report.state, State::Starting { waiting_for, .. } if waiting_for.contains(text));
    let keeper = stage.start(&spec).await;
    report_with(&keeper, waits("it speaks HTTP/2 alone")).await;
    stop_now(&keeper).await.unwrap();

    spec.health = Some(Health::H2c);
    fs::write(stage.path("status"), "200").unwrap();
    let keeper = stage.start(&spec).await;
    report_with(&keeper, waits("it does not speak HTTP/2 without TLS")).await;
    fs::write(stage.path("status"), "h2").unwrap();
    keeper.ready(LONG).await.unwrap();
    let asked = fs::read(stage.path("asked")).unwrap();
    assert!(
        asked.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        "{asked:?}"
    );
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn a_program_that_listens_elsewhere_is_told_where() {
    let stage = Stage::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = free.local_addr().unwrap().port();
    drop(free);
    let mut spec = stage.web(SERVER, Listen::Port);
    spec.env
        .insert("OTHER".to_owned(), other.to_string().into());
    spec.env
        .insert("HOST".to_owned(), "0.0.0.0".to_owned().into());
    let keeper = stage.start(&spec).await;
    let expected = format!("it listens on 0.0.0.0:{other} instead of the port it was given");
    report_with(&keeper, |report| matches!(&report.state, State::Starting { waiting_for, .. } if *waiting_for == expected))
        .await;
    let refused = keeper.ready(Duration::from_millis(10)).await.unwrap_err();
    assert_eq!(refused.why.to_string(), expected);
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn a_stale_socket_file_is_no_obstacle() {
    let stage = Stage::new();
    drop(std::os::unix::net::UnixListener::bind(stage.path("web.sock")).unwrap());
    assert!(stage.path("web.sock").exists());
    let keeper = stage.start(&stage.web(SERVER, stage.socket())).await;
    keeper.ready(LONG).await.unwrap();
    assert_eq!(keeper.report().restarts, 0, "it took a second start");
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn a_worker_is_ready_when_it_has_lived_a_while() {
    let stage = Stage::new();
    let keeper = stage.start(&stage.shell("sleep 1000")).await;
    assert_eq!(keeper.ready(LONG).await.unwrap(), None);
    stop_now(&keeper).await.unwrap();
}

#[tokio::test]
async fn the_program_gets_its_environment_and_nothing_else() {
    let stage = Stage::new();
    let mut spec = stage.job("env > env; pwd > pwd; ps -o sid= -p $$ > sid; echo $$ > pid");
    spec.env
        .insert("SECRET".to_owned(), "hunter2".to_owned().into());
    let keeper = stage.start(&spec).await;
    let state = fs::read_to_string(stage.keepers().join("blog.web.1.r7.json")).unwrap_or_default();
    assert!(!state.contains("hunter2"));
    keeper.gone().await;
    let env = fs::read_to_string(stage.path("env")).unwrap();
    let mut names: Vec<_> = env
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    names.retain(|name| !["PWD", "_", "SHLVL", "OLDPWD"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["PATH", "SECRET", "SHIP_INSTANCE", "SHIP_KEEPER"]);
    assert!(env.contains("SHIP_INSTANCE=blog/web.1\n"));
    wait_until(|| stage.path("pid").exists()).await;
    let read = |name| {
        fs::read_to_string(stage.path(name))
            .unwrap()
            .trim()
            .to_owned()
    };
    assert_eq!(read("sid"), read("pid"), "no session of its own");
}

#[tokio::test]
async fn the_keeper_has_a_title_that_top_shows() {
    let stage = Stage::new();
    let keeper = stage.start(&stage.shell("sleep 1000")).await;
    let pid = keeper.report().keeper.pid;
    let read = |name| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
    assert_eq!(
        read("cmdline").trim_end_matches('\0'),
        "ship: blog web.1 r7\0keep"
    );
    assert_eq!(read("comm").trim(), "ship:blog/web.1");
    stop_now(&keeper).await.unwrap();
}
