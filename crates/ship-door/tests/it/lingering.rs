//! The end of a connection whose visitor has not said all that it wanted to say.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::door::{Door, HOST, Stream, route, site, soon};
use crate::raw;
use crate::tls::{local_root, shake};
use ship_door::table::Target;

/// Larger than what sockets hold.
const LONG: usize = 16 << 20;

fn files(folder: &tempfile::TempDir) -> Vec<ship_door::table::Site> {
    let files = Target::Files {
        folder: folder.path().to_owned(),
        fall_through: false,
        fallback: None,
        packed: None,
    };
    vec![site(vec![route("/", files)])]
}

/// Sends all of a long body before it looks at the answer, as many programs do.
async fn upload(mut stream: impl Stream) -> String {
    let head =
        format!("POST /page.html HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {LONG}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'x'; 1 << 16];
    for _ in 0..LONG / piece.len() {
        // A program that is told here that nobody reads any more may look no further.
        stream.write_all(&piece).await.unwrap();
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_refusal_reaches_who_goes_on_sending() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.html"), "a page").unwrap();
    let door = Door::start(files(&folder)).await;
    for _ in 0..5 {
        let plain = raw::dial(door.address).await;
        let shaken = shake(&door, &local_root(&door), HOST, "http/1.1").await;
        for answer in [
            soon("an answer", upload(plain)).await,
            soon("an answer", upload(shaken.unwrap())).await,
        ] {
            assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
            assert!(answer.contains("connection: close\r\n"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_short_body_that_nobody_wants_costs_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.html"), "a page").unwrap();
    let door = Door::start(files(&folder)).await;
    let mut stream = raw::dial(door.address).await;
    for _ in 0..3 {
        let ask =
            format!("POST /page.html HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\r\nab");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let head = raw::read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 405 "), "{head}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut page = vec![0; length.unwrap().parse().unwrap()];
        stream.read_exact(&mut page).await.unwrap();
    }
}
