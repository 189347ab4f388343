//! Files that are too large to be read in one go, and that the kernel sends by itself where it can.

use std::path::Path;
use std::time::Duration;

use ship_door::limit::Limits;
use ship_door::table::{Site, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::door::{Door, HOST, get, request, route, site, soon, until};
use crate::raw;
use crate::tls::{ask_http1, ask_http2};

/// A folder with one file, `large`, and what is in it.
fn folder(length: usize) -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
    std::fs::write(folder.path().join("large"), &content).unwrap();
    (folder, content)
}

fn sites(folder: &Path) -> Vec<Site> {
    let files = Target::Files {
        folder: folder.to_owned(),
        fall_through: false,
        fallback: None,
        packed: None,
    };
    vec![site(vec![route("/", files)])]
}

/// The part of an answer behind its head.
fn body(answer: &[u8]) -> &[u8] {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    &answer[end.unwrap() + 4..]
}

#[tokio::test]
async fn every_way_to_speak_brings_the_same_bytes() {
    let (folder, content) = folder(1_234_567);
    let door = Door::start(sites(folder.path())).await;
    let mut visitor = door.visit().await;
    for _ in 0..2 {
        assert!(visitor.get("/large").await.body == content);
    }
    let many = "bytes=5-300000,600000-600001,-400000";
    let many = [("host", HOST), ("range", many)];
    let plain = visitor.send(get("/large", &many)).await.unwrap();
    let secure = ask_http1(&door, crate::tls::get("/large", &many)).await;
    assert_eq!((plain.status, secure.status), (206, 206));
    assert!(plain.body == secure.body);
    let head = visitor.send(request("HEAD", "/large", &[], "")).await;
    let head = head.unwrap();
    assert_eq!(head.header("content-length"), content.len().to_string());
    assert!(head.body.is_empty());
    let secure = ask_http1(&door, crate::tls::get("/large", &[("host", HOST)])).await;
    assert!(secure.body == content);
    let address = format!("https://{HOST}/large");
    let second = ask_http2(&door, crate::tls::get(&address, &[])).await;
    assert!(second.body == content);
}

#[tokio::test]
async fn answers_to_requests_that_came_together_do_not_mix() {
    let (folder, content) = folder(700_000);
    std::fs::write(folder.path().join("small"), "small").unwrap();
    let door = Door::start(sites(folder.path())).await;
    let ask = |path, more| format!("GET /{path} HTTP/1.1\r\nHost: {HOST}\r\n{more}\r\n");
    let requests = [
        ask("large", ""),
        ask("small", ""),
        ask("large", "Range: bytes=100-400099\r\n"),
        ask("large", "Connection: close\r\n"),
    ];
    let mut stream = raw::dial(door.address).await;
    let asked = requests.concat();
    stream.write_all(asked.as_bytes()).await.unwrap();
    let lengths = [700_000, 5, 400_000, 700_000];
    let wanted = [
        &content[..],
        &b"small"[..],
        &content[100..400_100],
        &content[..],
    ];
    for (length, wanted) in lengths.into_iter().zip(wanted) {
        let head = raw::read_head(&mut stream).await;
        let said = format!("content-length: {length}\r\n");
        assert!(head.contains(&said), "{head}");
        let mut got = vec![0; length];
        soon("a body", stream.read_exact(&mut got)).await.unwrap();
        assert!(got == wanted, "{length}");
    }
    assert!(raw::rest(&mut stream).await.is_empty());
}

#[tokio::test]
async fn a_file_that_shrinks_on_its_way_ends_the_connection() {
    let (folder, content) = folder(32 << 20);
    let door = Door::start(sites(folder.path())).await;
    let mut stream = raw::dial(door.address).await;
    let ask = format!("GET /large HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let head = raw::read_head(&mut stream).await;
    assert!(head.contains("content-length: 33554432\r\n"), "{head}");
    let file = std::fs::File::options();
    let file = file.clone().write(true).open(folder.path().join("large"));
    // To nothing: of a page that is cut, the kernel would send the zeros behind the cut.
    file.unwrap().set_len(0).unwrap();
    let rest = raw::rest(&mut stream).await;
    assert!(rest.len() < content.len());
    assert!(content.starts_with(&rest));
}

#[tokio::test]
async fn a_visitor_that_takes_nothing_of_a_file_is_given_up() {
    let limits = Limits {
        read_patience: Duration::from_millis(100),
        ..Limits::default()
    };
    let (folder, content) = folder(32 << 20);
    let door = Door::start_with(sites(folder.path()), true, limits).await;
    let mut stream = raw::dial(door.address).await;
    let ask = format!("GET /large HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    until("the connection is given up", async || {
        let status = door.client().await.status().await.unwrap();
        (status.requests == 1 && status.connections == 0).then_some(())
    })
    .await;
    let got = raw::rest(&mut stream).await;
    assert!(body(&got).len() < content.len());
    assert!(content.starts_with(body(&got)));
}

#[tokio::test]
async fn the_log_says_how_much_of_a_file_was_sent() {
    let (folder, content) = folder(1_000_000);
    let log = tempfile::tempdir().unwrap();
    let mut sites = sites(folder.path());
    sites[0].access_log = Some(log.path().join("door"));
    let door = Door::start(sites).await;
    assert!(door.get("/large").await.body == content);
    let lines = crate::access_log::lines(log.path(), 1).await;
    assert_eq!(lines[0]["bytes"], 1_000_000);
}
