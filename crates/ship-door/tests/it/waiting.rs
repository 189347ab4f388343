//! Connections that wait for their next request.

use std::time::Duration;

use ship_door::limit::Limits;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::door::{App, Door, HOST, served_by, soon, text, until};
use crate::raw;
use crate::tls::{local_root, shake};

/// A connection keeps nothing at hand, from the first moment on.
fn at_once() -> Limits {
    Limits {
        at_hand: Duration::ZERO,
        ..Limits::default()
    }
}

/// Says what was asked.
fn echo() -> App {
    App::http("blog/web.1@r7", |request| async move {
        use http_body_util::BodyExt as _;
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        text([path.as_bytes(), b" ", &body].concat())
    })
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send>(stream: &mut S) -> String {
    let head = raw::read_head(stream).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let length = head.split_once("content-length: ").unwrap().1;
    let length = length.split_once("\r\n").unwrap().0.parse().unwrap();
    let mut body = vec![0; length];
    soon("a body", stream.read_exact(&mut body)).await.unwrap();
    String::from_utf8(body).unwrap()
}

/// Asks in many ways on one connection, and waits for the answer before it goes on.
async fn talk_for_long<S: AsyncRead + AsyncWrite + Unpin + Send>(mut stream: S) {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    for number in 0..3 {
        let path = format!("/{number}");
        stream.write_all(get(&path).as_bytes()).await.unwrap();
        assert_eq!(answer(&mut stream).await, format!("{path} "));
    }
    let together = get("/a") + &get("/b");
    stream.write_all(together.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await, "/a ");
    assert_eq!(answer(&mut stream).await, "/b ");
    let post = format!("POST /p HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\n\r\nbody");
    let post = post + "\r\n" + &get("/after");
    // Byte by byte: between any two the connection may wait.
    for byte in post.as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(answer(&mut stream).await, "/p body");
    assert_eq!(answer(&mut stream).await, "/after ");
}

#[tokio::test]
async fn a_connection_that_kept_nothing_goes_on_as_if_it_had() {
    let app = echo();
    let door = Door::start_with(served_by(&[&app]), true, at_once()).await;
    talk_for_long(raw::dial(door.address).await).await;
    let root = local_root(&door);
    talk_for_long(shake(&door, &root, HOST, "http/1.1").await.unwrap()).await;
}

#[tokio::test]
async fn a_connection_that_kept_nothing_is_closed_in_its_time() {
    let limits = Limits {
        head_time: Duration::from_millis(300),
        ..at_once()
    };
    let app = echo();
    let door = Door::start_with(served_by(&[&app]), true, limits).await;
    let mut visitor = raw::dial(door.address).await;
    let get = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    visitor.write_all(get.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut visitor).await, "/ ");
    assert!(raw::rest(&mut visitor).await.is_empty());
}

#[tokio::test]
async fn a_connection_that_kept_nothing_ends_with_its_door() {
    let app = echo();
    let door = Door::start_with(served_by(&[&app]), true, at_once()).await;
    let mut visitor = raw::dial(door.address).await;
    let get = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    visitor.write_all(get.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut visitor).await, "/ ");
    let mut client = door.client().await;
    let stopping = client.stop(Duration::from_mins(10));
    soon("the door stops", stopping).await.unwrap();
    assert!(raw::rest(&mut visitor).await.is_empty());
}

#[tokio::test]
async fn one_who_leaves_while_nothing_is_kept_is_let_go() {
    let app = echo();
    let door = Door::start_with(served_by(&[&app]), true, at_once()).await;
    let visitor = raw::dial(door.address).await;
    let count = async |wanted| {
        let status = door.client().await.status().await.unwrap();
        (status.connections == wanted).then_some(())
    };
    until("it has come", async || count(1).await).await;
    drop(visitor);
    until("it has gone", async || count(0).await).await;
}
