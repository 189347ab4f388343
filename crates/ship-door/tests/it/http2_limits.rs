//! What a visitor by HTTP/2 may not do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ship_door::limit::Limits;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::door::{App, Count, Door, HOST, served_by, soon, until};
use crate::raw;
use crate::tls::{local_root, mirror, shake};

const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// HEADERS of five bytes on stream 1 that do not end its head.
const HALF_A_HEAD: &[u8] = b"\0\0\x05\x01\x01\0\0\0\x01\x82\x87\x84\x84\x84";

async fn dial(door: &Door) -> TlsStream<TcpStream> {
    shake(door, &local_root(door), HOST, "h2").await.unwrap()
}

/// A visitor whose streams have windows of so many bytes.
async fn visitor(door: &Door, window: u32) -> SendRequest<Empty<Bytes>> {
    let shaking = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(window)
        .handshake(TokioIo::new(dial(door).await));
    let (sender, connection) = shaking.await.unwrap();
    tokio::spawn(connection);
    sender
}

fn ask(method: &str, path: &str) -> Request<Empty<Bytes>> {
    let address = format!("https://{HOST}{path}");
    let request = Request::builder().method(method).uri(address);
    request.body(Empty::new()).unwrap()
}

/// An app that answers `/` without an end, and everything else with `ok`; it counts who has gone.
fn endless(gone: &Arc<Count>) -> App {
    let gone = gone.clone();
    App::raw("blog/web.1@r7", move |mut stream| {
        let gone = gone.clone();
        async move {
            loop {
                let head = raw::read_head(&mut stream).await;
                if head.starts_with("GET / ") {
                    break;
                }
                let short = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                if head.is_empty() || stream.write_all(short).await.is_err() {
                    return;
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            let piece = vec![b'x'; 1 << 16];
            while stream.write_all(&piece).await.is_ok() {}
            gone.add();
        }
    })
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_given_up_alone() {
    let limits = Limits {
        read_patience: Duration::from_millis(100),
        ..Limits::default()
    };
    let gone = Arc::default();
    let app = endless(&gone);
    let door = Door::start_with(served_by(&[&app]), true, limits).await;
    for window in [0, 100, 100_000] {
        let before = gone.get();
        let mut visitor = visitor(&door, window).await;
        let asked = visitor.send_request(ask("GET", "/"));
        let stalled = soon("an answer begins", asked).await.unwrap();
        let is_given_up = async || (gone.get() > before).then_some(());
        until("the answer is given up", is_given_up).await;
        // What the visitor takes goes on.
        let asked = visitor.send_request(ask("HEAD", "/other"));
        assert_eq!(soon("another answer", asked).await.unwrap().status(), 200);
        drop(stalled);
    }
}

#[tokio::test]
async fn an_app_that_is_slow_is_waited_for() {
    let limits = Limits {
        read_patience: Duration::from_millis(50),
        ..Limits::default()
    };
    let go_on = Arc::new(tokio::sync::Notify::new());
    let app = App::raw("blog/web.1@r7", {
        let go_on = go_on.clone();
        move |mut stream| {
            let go_on = go_on.clone();
            async move {
                raw::read_head(&mut stream).await;
                let begins = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab";
                stream.write_all(begins).await.unwrap();
                go_on.notified().await;
                stream.write_all(b"cd").await.unwrap();
            }
        }
    });
    let door = Door::start_with(served_by(&[&app]), true, limits).await;
    let mut visitor = visitor(&door, 1 << 16).await;
    let asked = visitor.send_request(ask("GET", "/"));
    let mut answer = soon("an answer begins", asked).await.unwrap();
    soon("the first half", answer.body_mut().frame())
        .await
        .unwrap()
        .unwrap();
    let later = tokio::time::timeout(Duration::from_millis(300), answer.body_mut().frame()).await;
    assert!(later.is_err(), "nothing more was sent");
    go_on.notify_one();
    let rest = soon("the rest", answer.into_body().collect()).await;
    assert_eq!(rest.unwrap().to_bytes(), "cd");
}

#[tokio::test]
async fn what_has_begun_has_the_time_of_a_head() {
    let limits = Limits {
        head_time: Duration::from_millis(300),
        ..Limits::default()
    };
    let app = mirror();
    let door = Door::start_with(served_by(&[&app]), true, limits).await;
    let whole_frame = [HELLO, b"\0\0\x03\x01\x01\0\0\0\x01\x82\x87\x84"].concat();
    let half_a_frame = [HELLO, &HALF_A_HEAD[..11]].concat();
    for begun in [b"".as_slice(), &HELLO[..10], &half_a_frame, &whole_frame] {
        let mut stream = dial(&door).await;
        stream.write_all(begun).await.unwrap();
        soon("the connection is closed", raw::rest(&mut stream)).await;
    }
}

#[tokio::test]
async fn a_method_is_one_as_in_http1() {
    let app = mirror();
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = visitor(&door, 1 << 16).await;
    let long = "A".repeat(21);
    for (method, status) in [
        ("get", 400),
        ("G", 400),
        (long.as_str(), 400),
        ("PURGE", 200),
        ("M-SEARCH", 200),
    ] {
        let asked = visitor.send_request(ask(method, "/"));
        let answer = soon("an answer", asked).await.unwrap();
        assert_eq!(answer.status(), status, "{method}");
    }
}

#[tokio::test]
async fn trailers_set_no_cookies() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        raw::read_head(&mut stream).await;
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=b\r\nX-Sum: 1\r\n\r\n";
        stream.write_all(answer).await.unwrap();
    });
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = visitor(&door, 1 << 16).await;
    let asked = visitor.send_request(ask("GET", "/"));
    let answer = soon("an answer", asked).await.unwrap();
    let whole = soon("its end", answer.into_body().collect()).await.unwrap();
    let trailers = whole.trailers().unwrap();
    assert_eq!(trailers["x-sum"], "1");
    assert!(!trailers.contains_key("set-cookie"));
}
