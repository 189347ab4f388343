//! What a visitor may not do.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Incoming;
use ship_door::limit::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::door::{App, Count, Door, HOST, request, served_by, text};
use crate::raw;

fn counting(seen: Arc<Count>) -> App {
    App::http("blog/web.1@r7", move |request: Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let whole = request.into_body().collect().await.is_ok();
            if whole {
                seen.add();
            }
            text("ok")
        }
    })
}

/// A request whose head has just this many bytes.
fn head_of(bytes: usize) -> String {
    let frame = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nX: \r\n\r\n");
    let filling = "x".repeat(bytes - frame.len());
    frame.replace("X: ", &format!("X: {filling}"))
}

#[tokio::test]
async fn a_head_of_16_kib_is_taken_and_one_byte_more_is_not() {
    let app = counting(Arc::default());
    let door = Door::start(served_by(&[&app])).await;
    let fits = raw::talk(door.address, head_of(16 << 10).as_bytes()).await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
    let beyond = raw::talk(door.address, head_of((16 << 10) + 1).as_bytes()).await;
    assert!(beyond.starts_with("HTTP/1.1 431 "), "{beyond}");
}

#[tokio::test]
async fn a_hundred_fields_are_taken_and_one_more_is_not() {
    // Not hyper, which would count the fields that the door adds as well.
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        raw::read_head(&mut stream).await;
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
    });
    let door = Door::start(served_by(&[&app])).await;
    let with = |fields: usize| {
        let more = "X: 1\r\n".repeat(fields - 2);
        format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{more}\r\n")
    };
    let fits = raw::talk(door.address, with(100).as_bytes()).await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
    let beyond = raw::talk(door.address, with(101).as_bytes()).await;
    assert!(beyond.starts_with("HTTP/1.1 431 "), "{beyond}");
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_closes_the_connection() {
    let limits = Limits {
        head_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let app = counting(Arc::default());
    let door = Door::start_with(served_by(&[&app]), true, limits).await;
    let mut visitor = raw::dial(door.address).await;
    visitor
        .write_all(b"GET / HTTP/1.1\r\nHost: ")
        .await
        .unwrap();
    // A byte now and then does not buy time: the limit is for the whole head.
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    let dripping = async {
        loop {
            pace.tick().await;
            if visitor.write_all(b"x").await.is_err() {
                return;
            }
        }
    };
    crate::door::soon("the connection is closed", dripping).await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_never_reaches_the_app_whole() {
    let seen = Arc::new(Count::default());
    let app = counting(seen.clone());
    let mut sites = served_by(&[&app]);
    sites[0].body_limit = 1000;
    let door = Door::start(sites).await;
    let fits = request("POST", "/", &[], vec![b'x'; 1000]);
    assert_eq!(door.visit().await.send(fits).await.unwrap().status, 200);

    let announced = format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n"
    );
    let answer = raw::talk(door.address, announced.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500)).repeat(3);
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
    );
    let answer = raw::talk(door.address, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.to_lowercase().contains("\r\nconnection: close\r\n"),
        "{answer}"
    );
    assert_eq!(seen.get(), 1);
}

#[tokio::test]
async fn a_visitor_that_waits_for_100_gets_it() {
    let app = counting(Arc::default());
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = raw::dial(door.address).await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\
         Connection: close\r\n\r\n"
    );
    visitor.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(
        raw::read_head(&mut visitor).await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    visitor.write_all(b"hi").await.unwrap();
    let answer = String::from_utf8(raw::rest(&mut visitor).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn an_upload_that_drips_is_told_so_and_ended() {
    let limits = Limits {
        body_patience: Duration::from_millis(100),
        ..Limits::default()
    };
    let seen = Arc::new(Count::default());
    let app = counting(seen.clone());
    let door = Door::start_with(served_by(&[&app]), true, limits).await;
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\r\nx");
    let answer = raw::talk(door.address, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(seen.get(), 0);
}

#[tokio::test]
async fn a_visitor_that_takes_nothing_of_its_answer_is_given_up() {
    let limits = Limits {
        read_patience: Duration::from_millis(100),
        ..Limits::default()
    };
    let ended = Arc::new(Count::default());
    let app = App::raw("blog/web.1@r7", {
        let ended = ended.clone();
        move |mut stream| {
            let ended = ended.clone();
            async move {
                raw::read_head(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let piece = vec![b'x'; 1 << 16];
                while stream.write_all(&piece).await.is_ok() {}
                ended.add();
            }
        }
    });
    let door = Door::start_with(served_by(&[&app]), true, limits).await;
    let mut visitor = raw::dial(door.address).await;
    let asks = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    visitor.write_all(asks.as_bytes()).await.unwrap();
    let given_up = async || (ended.get() == 1).then_some(());
    crate::door::until("the visitor is given up", given_up).await;
}

#[tokio::test]
async fn one_address_has_only_so_many_connections() {
    let limits = Limits {
        connections_each: 2,
        ..Limits::default()
    };
    let app = counting(Arc::default());
    let door = Door::start_with(served_by(&[&app]), false, limits).await;
    let (mut first, mut second) = (door.visit().await, door.visit().await);
    assert_eq!(first.get("/").await.status, 200);
    assert_eq!(second.get("/").await.status, 200);
    assert_eq!(raw::talk(door.address, b"").await, "");
    drop(first);
    let there_is_room = async || {
        let answer = raw::talk(door.address, head_of(200).as_bytes()).await;
        answer.starts_with("HTTP/1.1 200 ").then_some(())
    };
    crate::door::until("there is room again", there_is_room).await;
}
