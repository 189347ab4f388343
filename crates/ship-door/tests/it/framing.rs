//! How requests are cut out of bytes, against the corpus of two public test suites.

use std::path::Path;

use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::door::{App, DEADLINE, Door, HOST, served_by, text};
use crate::raw;

#[tokio::test]
async fn messages_with_two_readings_are_refused_and_the_connection_closed() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(served_by(&[&app])).await;
    for (name, request) in [
        ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("no host", "GET / HTTP/1.1\r\n\r\n"),
        ("a host that is none", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        (
            "a coding before chunked",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "a length and a coding",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "a coding in HTTP/1.0",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("a bare LF", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
        ("a bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        ("a target that is none", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            "a request behind a refused one",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        (
            "chunked twice",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        ),
        (
            "a list of lengths",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na",
        ),
        (
            "a signed length",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
        ),
        (
            "a folded line",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        ),
        (
            "a space before the colon",
            "GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
        ),
        (
            "a path with an escaped slash",
            "GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
    ] {
        let answer = raw::talk(door.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{name}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{name}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let length = format!("content-length: {}", body.len());
        assert!(head.to_lowercase().contains(&length), "{name}: {answer}");
        assert!(!body.is_empty(), "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_broken_chunk_is_a_400_and_the_app_never_sees_a_whole_request() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        let all = raw::rest(&mut stream).await;
        assert!(!all.ends_with(b"0\r\n\r\n"));
    });
    let door = Door::start(served_by(&[&app])).await;
    for chunk in [
        "x\r\nabc\r\n",
        "-1\r\n",
        "3\r\nabcd\r\n",
        "fffffffffffffffff\r\n",
        "3;\r\nabc\r\n",
        "3 \r\nabc\r\n",
        "3\nabc\r\n",
        "3\r\nabc\n",
        "0\r\nHost: a\r\n\r\n",
    ] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
        );
        let answer = raw::talk(door.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{chunk:?}: {answer}");
    }
}

#[tokio::test]
async fn answers_that_are_due_come_before_the_refusal() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(served_by(&[&app])).await;
    let first = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let answer = raw::talk(door.address, format!("{first}{first}GET /\n").as_bytes()).await;
    let statuses: Vec<_> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["200", "200", "400"]);
}

/// Health checks of other programs ask so; RFC 9112, 3.2 wants a `Host` of 1.1 alone.
#[tokio::test]
async fn http_1_0_without_a_host_reaches_the_app_of_all_other_names() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(served_by(&[&app])).await;
    let ask = b"GET / HTTP/1.0\r\n\r\n";
    let answer = raw::talk(door.address, ask).await;
    assert!(answer.starts_with("HTTP/1.0 404 "), "{answer}");
    let mut sites = served_by(&[&app]);
    sites[0].hosts.push("*".to_owned());
    door.swap(sites).await;
    let answer = raw::talk(door.address, ask).await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
}

/// What comes behind a request for a WebSocket is not looked at, so it must not be answered.
#[tokio::test]
async fn a_refused_websocket_ends_its_connection() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(served_by(&[&app])).await;
    let asks = format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
    let behind = format!("GET / HTTP/1.1\nHost: {HOST}\n\n");
    let answer = raw::talk(door.address, format!("{asks}{behind}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(
        answer.to_lowercase().contains("\r\nconnection: close\r\n"),
        "{answer}"
    );
}

/// The status of the first answer; none when the door waits for more, which is told by the end of
/// ours: it closes without a word.
async fn first_status(door: &Door, payload: &[u8], more_expected: bool) -> Option<u16> {
    let mut stream = raw::dial(door.address).await;
    let _ = stream.write_all(payload).await;
    if more_expected {
        let _ = stream.shutdown().await;
    }
    let mut head = vec![0; 12];
    let read = tokio::time::timeout(DEADLINE, stream.read_exact(&mut head)).await;
    read.ok()?.ok()?;
    std::str::from_utf8(&head[9..]).ok()?.parse().ok()
}

/// Cases whose outcome differs from what the suite expects, each with the status and the reason.
const EXPLAINED: &[(&str, u16, &str)] = &[
    (
        "006.http",
        200,
        "a target beyond gunicorn's 4094 bytes; ours is part of the head's 16 KiB",
    ),
    (
        "007.http",
        200,
        "a field beyond gunicorn's 8190 bytes; ours is part of the head's 16 KiB",
    ),
    (
        "008.http",
        200,
        "a field beyond gunicorn's 8190 bytes; ours is part of the head's 16 KiB",
    ),
    (
        "limit_header_default_01.http",
        200,
        "a field beyond a limit that gunicorn was set to",
    ),
    (
        "040.http",
        200,
        "a name with an underscore is dropped on the way, not refused",
    ),
    (
        "041.http",
        200,
        "two `Content-Type` fields change no framing: the app's to judge",
    ),
];

/// One line of the corpus.
struct Case {
    name: String,
    payload: Vec<u8>,
    expected: Vec<(i64, i64)>,
}

/// Closed, or waiting for more.
const NO_ANSWER: i64 = -1;

impl Case {
    fn read(line: &str) -> Self {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        let ranges = case["expect"].as_array().cloned().unwrap_or_default();
        let range = |range: &Value| (range[0].as_i64().unwrap(), range[1].as_i64().unwrap());
        let expected = match text("expect_error").as_str() {
            _ if !ranges.is_empty() => ranges.iter().map(range).collect(),
            "NoMoreData" | "ChunkMissingTerminator" => vec![(NO_ANSWER, NO_ANSWER), (400, 499)],
            _ if text("src").contains("/invalid/") => vec![(400, 499)],
            _ => vec![(200, 299)],
        };
        // The corpus holds bytes, one in each character.
        let payload = text("payload").chars().map(|char| char as u8).collect();
        Self {
            name: text("name"),
            payload,
            expected,
        }
    }

    fn expects(&self, status: i64) -> bool {
        let fits = |(least, most): &(i64, i64)| (*least..=*most).contains(&status);
        let explained = |(name, as_is, _): &(&str, u16, &str)| {
            *name == self.name && i64::from(*as_is) == status
        };
        self.expected.iter().any(fits) || EXPLAINED.iter().any(explained)
    }
}

/// The host names of the corpus, so that nothing is refused for its name.
const HOSTS: [&str; 6] = ["localhost", "example.com", "0.0.0.0", "127.0.0.1", "a", "x"];

/// An app that answers whatever reaches it, under all names that the cases have.
async fn door_of_all_names() -> (Door, App) {
    let app = App::http("blog/web.1@r7", |request| async move {
        let _ = request.into_body().collect().await;
        text("ok")
    });
    let mut sites = served_by(&[&app]);
    sites[0].hosts.extend(HOSTS.map(str::to_owned));
    (Door::start(sites).await, app)
}

/// The cases that the framing alone is held against in `src/framing/tests.rs`.
const OURS: &str = include_str!("../../src/framing/corpus.txt");

fn unescape(text: &str) -> Vec<u8> {
    let pairs = [
        (r"\r", '\r'),
        (r"\n", '\n'),
        (r"\t", '\t'),
        (r"\0", '\0'),
        (r"\f", '\u{ff}'),
    ];
    let put = |text: String, (name, byte): &(&str, char)| text.replace(name, &byte.to_string());
    let text = text.replace(r"\\", "\u{1}");
    let text = pairs.iter().fold(text, put).replace('\u{1}', "\\");
    text.chars().map(|char| char as u8).collect()
}

#[tokio::test]
async fn our_own_cases_are_answered_as_they_are_judged() {
    let (door, _app) = door_of_all_names().await;
    let cases = OURS.lines().filter_map(|line| line.split_once(" <- "));
    let mut wrong = Vec::new();
    for (verdict, request) in cases {
        let waits = verdict == "waits";
        let status = first_status(&door, &unescape(request), waits).await;
        let well = match (verdict, status) {
            ("accepted", Some(200..300)) => true,
            ("waits", status) => status.is_none_or(|status| (400..500).contains(&status)),
            ("accepted", _) => false,
            (_, status) => status.is_some_and(|status| (400..500).contains(&status)),
        };
        if !well {
            wrong.push((verdict, request, status));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_corpus_is_answered_as_expected_or_the_difference_is_explained() {
    let corpus =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/http1-corpus.jsonl");
    let Ok(corpus) = std::fs::read_to_string(&corpus) else {
        eprintln!(
            "skipped: there is no corpus of HTTP/1 requests at `{}`",
            corpus.display()
        );
        return;
    };
    let (door, _app) = door_of_all_names().await;
    let mut differences = Vec::new();
    for case in corpus.lines().map(Case::read) {
        let waits = case.expected.iter().any(|(least, _)| *least == NO_ANSWER);
        let status = first_status(&door, &case.payload, waits).await;
        let status = status.map_or(NO_ANSWER, i64::from);
        if !case.expects(status) {
            differences.push((case.name, status, case.expected));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
