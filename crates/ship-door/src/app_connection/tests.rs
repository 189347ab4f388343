use super::*;

use hyper::header::HeaderValue;
use hyper::{HeaderMap, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::head::{Marks, Scheme};

/// A connection, the app's end of it, and what cuts it.
fn connected() -> (AppConnection, UnixStream, CancellationToken) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let cut = CancellationToken::new();
    let connection = AppConnection::new(AppStream::Unix(ours), cut.clone());
    (connection, theirs, cut)
}

/// Begins a GET.
fn ask(connection: &mut AppConnection) {
    let head = Head {
        method: &Method::GET,
        headers: &HeaderMap::new(),
    };
    let target = PathAndQuery::from_static("/page?q=1");
    let host = HeaderValue::from_static("blog.test");
    let peer = "192.0.2.7:5000".parse().unwrap();
    let parsed = crate::host::parse("blog.test").unwrap();
    let marks = Marks::new(host, &parsed, peer, Scheme::Http);
    let fields = ForApp {
        marks: &marks,
        id: &HeaderValue::from_static("1"),
        prefix: None,
        websocket: false,
    };
    connection.begin(head, RequestBody::Empty, &target, &fields);
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: StatusCode,
    content: String,
    trailers: Option<HeaderMap>,
    rests: bool,
}

/// Reads an answer to its end.
async fn read(connection: &mut AppConnection, method: &Method) -> io::Result<Answer> {
    let head = std::future::poll_fn(|context| connection.poll_answer(method, context)).await?;
    let (mut content, mut trailers) = (Vec::new(), None);
    let mut left = connection.left();
    while let Some(frame) = std::future::poll_fn(|context| connection.poll_frame(context)).await? {
        match frame.into_data() {
            Ok(data) => {
                left = left.map(|left| left - data.len() as u64);
                assert_eq!(connection.left().filter(|_| left.is_some()), left);
                content.extend(data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    assert!(connection.is_over());
    Ok(Answer {
        status: head.status(),
        content: String::from_utf8(content).unwrap(),
        trailers,
        rests: connection.rests(),
    })
}

/// What the app is asked.
async fn hear(theirs: &mut UnixStream) -> String {
    let mut asked = String::new();
    while !asked.ends_with("\r\n\r\n") {
        asked.push(theirs.read_u8().await.unwrap().into());
    }
    asked
}

/// What becomes of an app's bytes that come in pieces of this length, and then the end.
async fn answered(method: &Method, bytes: &[u8], piece: usize) -> io::Result<Answer> {
    let (mut connection, mut theirs, _cut) = connected();
    ask(&mut connection);
    let saying = async {
        hear(&mut theirs).await;
        for piece in bytes.chunks(piece) {
            // One that has heard enough may be gone.
            let _ = theirs.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        drop(theirs);
    };
    let (answer, ()) = tokio::join!(read(&mut connection, method), saying);
    answer
}

#[tokio::test]
async fn a_request_is_written_as_it_is_and_an_answer_may_follow_the_next() {
    let (mut connection, mut theirs, _cut) = connected();
    for _ in 0..3 {
        assert!(connection.is_quiet());
        ask(&mut connection);
        assert!(!connection.has_begun());
        let app = async {
            let asked = hear(&mut theirs).await;
            assert!(asked.starts_with("GET /page?q=1 HTTP/1.1\r\nhost: blog.test\r\n"));
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
            theirs.write_all(answer).await.unwrap();
        };
        let (answer, ()) = tokio::join!(read(&mut connection, &Method::GET), app);
        let answer = answer.unwrap();
        assert_eq!((answer.content.as_str(), answer.rests), ("hi", true));
        assert!(connection.has_begun());
    }
    drop(theirs);
    tokio::task::yield_now().await;
    assert!(!connection.is_quiet());
}

const CHUNKED: &str = "Transfer-Encoding: chunked";

fn ok(fields: &str, content: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{content}")
}

#[tokio::test]
async fn content_ends_where_rfc_9112_says_however_it_is_cut() {
    let long = "x".repeat(3 * ROOM);
    let counted = format!("Content-Length: {}", long.len());
    let chunks = "5\r\nhello\r\n6 ;a=b\r\n there\r\n0\r\n\r\n";
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n";
    let early = early.to_owned() + &ok("Content-Length: 2", "hi");
    let (none, unchanged) = (
        "HTTP/1.1 204 A\r\n\r\n",
        "HTTP/1.1 304 A\r\nContent-Length: 7\r\n\r\n",
    );
    let old = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    let (get, head) = (&Method::GET, &Method::HEAD);
    let cases = [
        (get, ok("Content-Length: 5", "hello"), "hello", true),
        (get, ok("Content-Length: 5, 5", "hello"), "hello", true),
        (get, ok("Content-Length: 0", ""), "", true),
        (get, ok(&counted, &long), long.as_str(), true),
        (
            get,
            ok("Content-Length: 2\r\nConnection: x, Close", "hi"),
            "hi",
            false,
        ),
        // More than was said: not a byte of it is the next answer.
        (get, ok("Content-Length: 2", "hi there"), "hi", false),
        (get, old.to_owned(), "hi", false),
        (
            get,
            ok("Server: a", "until the end"),
            "until the end",
            false,
        ),
        (
            get,
            ok("Transfer-Encoding: gzip", "as it is"),
            "as it is",
            false,
        ),
        (get, none.to_owned(), "", true),
        (get, unchanged.to_owned(), "", true),
        (head, ok("Content-Length: 7", ""), "", true),
        (get, early, "hi", true),
        (get, ok(CHUNKED, chunks), "hello there", true),
        (
            get,
            ok("Transfer-Encoding: chunked\r\nContent-Length: 3", chunks),
            "hello there",
            true,
        ),
    ];
    for (method, bytes, content, rests) in cases {
        for piece in [1, 7, bytes.len()] {
            if piece == 1 && bytes.len() > ROOM {
                continue;
            }
            let answer = answered(method, bytes.as_bytes(), piece).await;
            let answer = answer.unwrap_or_else(|error| panic!("{bytes}: {error}"));
            assert_eq!(answer.content, content, "{bytes} by {piece}");
            // What comes later than its answer is not seen yet.
            if piece == bytes.len() {
                assert_eq!(answer.rests, rests, "{bytes}");
            }
        }
    }
}

#[tokio::test]
async fn trailers_come_behind_the_last_chunk() {
    let bytes = ok(CHUNKED, "2\r\nhi\r\n0\r\nX-Sum: 9\r\n\r\n");
    for piece in [1, 5, bytes.len()] {
        let answer = answered(&Method::GET, bytes.as_bytes(), piece)
            .await
            .unwrap();
        assert_eq!(answer.trailers.unwrap()["x-sum"], "9");
        assert!(answer.rests);
    }
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    let cases = [
        String::new(),
        "nonsense\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n".to_owned(),
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        ok("Content-Length: 5", "hell"),
        ok("Content-Length: +5", "hello"),
        ok("Content-Length: 5\r\nContent-Length: 6", "hello"),
        ok("Content-Length: 99999999999999999999", "hello"),
        ok(CHUNKED, "5\r\nhello\r\n"),
        ok(CHUNKED, "5\r\nhello!\r\n0\r\n\r\n"),
        ok(CHUNKED, "5\nhello\r\n0\r\n\r\n"),
        ok(CHUNKED, "-5\r\nhello\r\n0\r\n\r\n"),
        ok(CHUNKED, "1000000000000000\r\nhello"),
        ok(CHUNKED, "0\r\nno trailer\r\n\r\n"),
        ok(&"a: b\r\n".repeat(answer::FIELDS + 1), ""),
    ];
    for bytes in cases {
        for piece in [1, bytes.len().max(1)] {
            let answer = answered(&Method::GET, bytes.as_bytes(), piece).await;
            assert!(answer.is_err(), "{bytes} by {piece}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn bytes_behind_a_101_are_the_first_of_the_tunnel() {
    let (mut connection, mut theirs, _cut) = connected();
    ask(&mut connection);
    let bytes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfirst";
    theirs.write_all(bytes).await.unwrap();
    let answer = std::future::poll_fn(|context| connection.poll_answer(&Method::GET, context));
    assert_eq!(answer.await.unwrap().status(), 101);
    hear(&mut theirs).await;
    theirs.write_all(b", second").await.unwrap();
    drop(theirs);
    let mut tunnel = String::new();
    connection.read_to_string(&mut tunnel).await.unwrap();
    assert_eq!(tunnel, "first, second");
}

#[tokio::test]
async fn what_is_on_its_way_ends_when_the_instance_is_cut() {
    let (mut connection, mut theirs, cut) = connected();
    ask(&mut connection);
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    theirs.write_all(bytes).await.unwrap();
    let cutting = async {
        tokio::task::yield_now().await;
        cut.cancel();
    };
    let (answer, ()) = tokio::join!(read(&mut connection, &Method::GET), cutting);
    assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
}
