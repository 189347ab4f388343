//! The client against a server that answers byte by byte what a test tells it to.

use std::fmt::Write as _;
use std::time::Duration;

use ship_api::client::{Client, Error};
use ship_api::event::DeployEvent;
use ship_api::request::{Logs, Rollback, Stop};
use ship_base::fault::FaultKind;
use ship_base::hint::Hints as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

const DEADLINE: Duration = Duration::from_secs(20);

/// Answers one request with `answer`, closes, and gives back what it was asked.
struct Scripted {
    client: Client,
    asked: JoinHandle<String>,
    _folder: tempfile::TempDir,
}

impl Scripted {
    async fn answering(answer: impl Into<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("api.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let client = Client::connect(&socket).await.unwrap();
        // The connection that `connect` tried is the first in line.
        drop(listener.accept().await.unwrap());
        let answer = answer.into();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = read_request(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            asked
        });
        Self {
            client,
            asked,
            _folder: folder,
        }
    }
}

async fn read_request(stream: &mut UnixStream) -> String {
    let mut asked = Vec::new();
    loop {
        let mut some = [0; 1024];
        let count = stream.read(&mut some).await.unwrap();
        asked.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&asked);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                (name == "content-length").then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return text.into_owned();
            }
        }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

fn chunked(chunks: &[&str], end: &str) -> String {
    let mut text =
        "HTTP/1.1 200 OK\r\nship-api: 1\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    for chunk in chunks {
        let _ = write!(text, "{:x}\r\n{chunk}\r\n", chunk.len());
    }
    text + end
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let error = Client::connect(&folder.path().join("api.sock"))
        .await
        .unwrap_err();
    assert!(error.is_nobody_there(), "{error:?}");

    let dead = folder.path().join("dead.sock");
    drop(UnixListener::bind(&dead).unwrap());
    let error = Client::connect(&dead).await.unwrap_err();
    assert!(error.is_nobody_there(), "{error:?}");

    // What a server that was killed does to those who were not accepted yet.
    let killed = Error::NobodyThere {
        socket: dead,
        source: std::io::ErrorKind::ConnectionReset.into(),
    };
    assert!(killed.is_gone(), "{killed:?}");
}

#[tokio::test]
async fn another_version_is_named_with_a_remedy() {
    for (headers, theirs) in [("ship-api: 9\r\n", "version 9"), ("", "version none")] {
        let server = Scripted::answering(answer("200 OK", headers, "[]")).await;
        let error = server.client.apps().await.unwrap_err();
        assert!(matches!(error, Error::Mismatch(_)));
        assert!(error.to_string().contains(theirs), "{error}");
        assert!(error.hints()[0].contains("`ship server stop`"));
    }
}

#[tokio::test]
async fn a_server_of_another_version_can_be_stopped() {
    let server = Scripted::answering(answer("204 No Content", "ship-api: 9\r\n", "")).await;
    server.client.stop_server(&Stop::default()).await.unwrap();
    let asked = server.asked.await.unwrap();
    assert!(!asked.contains("ship-api"), "{asked}");
}

#[tokio::test]
async fn a_failure_arrives_in_the_servers_words() {
    let problem = r#"{"kind":"user","message":"there is no app `blog`","causes":[],"hints":["`ship ps` lists them"],"output":[],"still":null}"#;
    let server = Scripted::answering(answer("404 Not Found", "ship-api: 1\r\n", problem)).await;
    let error = server
        .client
        .app(&"blog".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no app `blog`");
    assert_eq!(error.hints(), ["`ship ps` lists them"]);
    assert_eq!(error.fault(), FaultKind::User);
    let asked = server.asked.await.unwrap();
    assert!(asked.starts_with("GET /v1/apps/blog HTTP/1.1\r\n"));
    assert!(asked.contains("ship-api: 1\r\n"));
}

#[tokio::test]
async fn events_arrive_one_by_one_however_they_are_cut() {
    let chunks = [
        r#"{"event":"beg"#,
        "in\",\"step\":\"environment\"}\n\n{\"event\":\"finished\"",
        "}",
    ];
    let server = Scripted::answering(chunked(&chunks, "0\r\n\r\n")).await;
    let rollback = Rollback {
        to: Some("r3".parse().unwrap()),
    };
    let mut events = server
        .client
        .rollback(&"blog".parse().unwrap(), &rollback)
        .await
        .unwrap();
    let begin = DeployEvent::Begin {
        step: "environment".into(),
    };
    assert_eq!(events.next().await.unwrap(), Some(begin));
    assert_eq!(events.next().await.unwrap(), Some(DeployEvent::Finished));
    assert_eq!(events.next().await.unwrap(), None);
    let asked = server.asked.await.unwrap();
    assert!(asked.starts_with("POST /v1/apps/blog/rollback HTTP/1.1\r\n"));
    assert!(asked.ends_with(r#"{"to":"r3"}"#));
}

#[tokio::test]
async fn a_server_that_dies_in_a_stream_is_an_error_and_not_an_end() {
    let server = Scripted::answering(chunked(&["{\"event\":\"finished\"}\n"], "")).await;
    let mut events = server
        .client
        .rollback(&"blog".parse().unwrap(), &Rollback { to: None })
        .await
        .unwrap();
    assert_eq!(events.next().await.unwrap(), Some(DeployEvent::Finished));
    let error = events.next().await.unwrap_err();
    assert!(error.is_broken(), "{error:?}");
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("api.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let client = Client::connect(&socket).await.unwrap();
    drop(listener.accept().await.unwrap());
    let closed = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = read_request(&mut stream).await;
        let begun = chunked(&["\n"], "");
        stream.write_all(begun.as_bytes()).await.unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
        asked
    });
    let logs = Logs {
        follow: true,
        ..Logs::default()
    };
    let stream = client.logs(&"blog".parse().unwrap(), &logs).await.unwrap();
    drop(stream);
    let asked = tokio::time::timeout(DEADLINE, closed).await.unwrap();
    assert!(
        asked
            .unwrap()
            .starts_with("GET /v1/apps/blog/logs?follow=true HTTP/1.1\r\n")
    );
}
