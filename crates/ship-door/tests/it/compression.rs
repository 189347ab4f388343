//! Answers that are compressed on their way.

use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use ship_door::table::Target;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Mutex, mpsc};

use crate::door::{
    Answer, App, Door, HOST, Reply, get, request, route, served_by, site, soon, text,
};
use crate::raw;

/// What a browser asks for.
const BROWSER: (&str, &str) = ("accept-encoding", "gzip, deflate, br, zstd");

/// A page that has repetitions, as pages do.
fn page() -> String {
    "<li>one talk</li>\n<li>and another</li>\n".repeat(100)
}

/// An answer with this type and these fields.
fn typed(kind: &str, fields: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut reply = text(body);
    let headers = reply.headers_mut();
    headers.insert("content-type", kind.parse().unwrap());
    for (name, value) in fields {
        let name: hyper::header::HeaderName = name.parse().unwrap();
        headers.append(name, value.parse().unwrap());
    }
    reply
}

fn decoded(answer: &Answer) -> Vec<u8> {
    let (mut out, bytes) = (Vec::new(), &answer.body[..]);
    let read = match answer.header("content-encoding") {
        "zstd" => zstd::stream::read::Decoder::new(bytes)
            .unwrap()
            .read_to_end(&mut out),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out),
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut out),
        other => panic!("`{other}` is not a coding"),
    };
    read.unwrap();
    out
}

#[tokio::test]
async fn text_is_compressed_as_the_visitor_likes_best() {
    let app = App::http("a", |_| async {
        typed(
            "text/html",
            &[("etag", "\"7\""), ("vary", "Cookie")],
            page(),
        )
    });
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = door.visit().await;
    for (wish, coding) in [
        (BROWSER.1, "zstd"),
        ("gzip, br", "br"),
        ("br;q=0.1, gzip;q=0.2", "gzip"),
    ] {
        let asked = get("/", &[("accept-encoding", wish)]);
        let answer = visitor.send(asked).await.unwrap();
        assert_eq!(answer.header("content-encoding"), coding);
        assert_eq!(answer.header("vary"), "Cookie, Accept-Encoding");
        assert_eq!(answer.header("etag"), "W/\"7\"");
        assert_eq!(answer.header("content-length"), "");
        assert_eq!(decoded(&answer), page().as_bytes());
        assert!(answer.body.len() < page().len() / 4, "{coding}");
    }
    for wish in ["identity", "gzip;q=0", "deflate"] {
        let asked = get("/", &[("accept-encoding", wish)]);
        let plain = visitor.send(asked).await.unwrap();
        assert_eq!(
            (plain.text(), plain.header("content-encoding")),
            (&*page(), "")
        );
    }
    let plain = visitor.get("/").await;
    assert_eq!(plain.text(), page());
    assert_eq!(plain.header("etag"), "\"7\"");
    assert_eq!(plain.header("content-length"), page().len().to_string());
    // A cache on the way must not hand this one to somebody who would get the other.
    assert_eq!(plain.header("vary"), "Cookie, Accept-Encoding");
}

#[tokio::test]
async fn what_must_or_need_not_be_compressed_passes_as_it_is() {
    let app = App::http("a", |request| async move {
        let html = |fields: &[(&str, &str)]| typed("text/html", fields, page());
        match request.uri().path() {
            "/image" => typed("image/png", &[], page()),
            "/untyped" => text(page()),
            "/small" => typed("text/html", &[], "small"),
            "/coded" => html(&[("content-encoding", "identity")]),
            "/no-transform" => html(&[("cache-control", "public, No-Transform")]),
            "/digest" => html(&[("content-digest", "sha-256=:AA==:")]),
            _ => {
                let mut reply = html(&[("content-range", "bytes */9999")]);
                *reply.status_mut() = hyper::StatusCode::RANGE_NOT_SATISFIABLE;
                reply
            }
        }
    });
    let door = Door::start(served_by(&[&app])).await;
    for path in [
        "/image",
        "/untyped",
        "/small",
        "/coded",
        "/no-transform",
        "/digest",
        "/416",
    ] {
        let answer = door
            .visit()
            .await
            .send(get(path, &[BROWSER]))
            .await
            .unwrap();
        assert!(!answer.headers.contains_key("vary"), "{path}");
        assert_ne!(answer.header("content-encoding"), "zstd", "{path}");
        assert_eq!(
            answer.header("content-length"),
            answer.body.len().to_string()
        );
    }
}

#[tokio::test]
async fn a_part_passes_as_it_is_and_varies_as_the_whole_does() {
    let app = App::http("a", |request| async move {
        let of = |kind, whole| typed(kind, &[("content-range", whole)], page());
        let mut reply = match request.uri().path() {
            "/text" => of("text/html", "bytes 0-4199/9999"),
            "/unknown" => of("text/html", "bytes 0-4199/*"),
            "/small" => of("text/html", "bytes 0-4199/1023"),
            _ => of("image/png", "bytes 0-4199/9999"),
        };
        *reply.status_mut() = hyper::StatusCode::PARTIAL_CONTENT;
        reply
    });
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = door.visit().await;
    for (path, varies) in [
        ("/text", "Accept-Encoding"),
        ("/unknown", "Accept-Encoding"),
        ("/small", ""),
        ("/image", ""),
    ] {
        let part = visitor.send(get(path, &[BROWSER])).await.unwrap();
        assert_eq!((part.text(), part.header("vary")), (&*page(), varies));
        assert_eq!(part.header("content-encoding"), "", "{path}");
    }
}

#[tokio::test]
async fn a_head_is_the_head_of_the_same_answer() {
    let app = App::http("a", |_| async {
        typed("text/html", &[("etag", "\"7\"")], page())
    });
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = door.visit().await;
    for fields in [&[BROWSER][..], &[]] {
        let got = visitor.send(get("/", fields)).await.unwrap();
        let asked = request("HEAD", "/", fields, "");
        let head = visitor.send(asked).await.unwrap();
        for name in [
            "content-encoding",
            "content-length",
            "etag",
            "vary",
            "content-type",
        ] {
            assert_eq!(head.header(name), got.header(name), "{name} {fields:?}");
        }
        assert!(head.body.is_empty());
    }
}

#[tokio::test]
async fn who_has_a_compressed_version_is_told_that_it_is_still_good() {
    let app = App::http("a", |request| async move {
        let known = request.headers().get("if-none-match");
        let known = known.is_some_and(|known| known.to_str().unwrap().contains("\"7\""));
        let mut reply = typed(
            "text/html",
            &[("etag", "\"7\"")],
            if known { String::new() } else { page() },
        );
        if known {
            *reply.status_mut() = hyper::StatusCode::NOT_MODIFIED;
        }
        reply
    });
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = door.visit().await;
    for fields in [&[BROWSER][..], &[]] {
        let tag = visitor.send(get("/", fields)).await.unwrap();
        let tag = tag.header("etag").to_owned();
        let again = [fields, &[("if-none-match", &tag)]].concat();
        let same = visitor.send(get("/", &again)).await.unwrap();
        assert_eq!((same.status, same.header("etag")), (304, &*tag));
        assert_eq!(same.header("vary"), "Accept-Encoding");
    }
}

/// What a visitor can read of bytes that have not ended.
fn seen(coding: &str, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    let _ = match coding {
        "zstd" => zstd::stream::read::Decoder::new(bytes)
            .unwrap()
            .read_to_end(&mut out),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out),
        _ => flate2::read::GzDecoder::new(bytes).read_to_end(&mut out),
    };
    String::from_utf8_lossy(&out).into_owned()
}

/// An app that sends, as chunks, what the test tells it to, until the test drops its sender; then
/// the end of the body, or none.
fn told(pieces: mpsc::Receiver<&'static str>, end: &'static str) -> App {
    let pieces = Arc::new(Mutex::new(pieces));
    App::raw("a", move |mut stream| {
        let pieces = pieces.clone();
        async move {
            raw::read_head(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                         Trailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head).await.unwrap();
            while let Some(piece) = pieces.lock().await.recv().await {
                let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
                stream.write_all(chunk.as_bytes()).await.unwrap();
            }
            stream.write_all(end.as_bytes()).await.unwrap();
        }
    })
}

#[tokio::test]
async fn an_event_passes_before_the_next_is_made() {
    for coding in ["zstd", "br", "gzip"] {
        let (pieces, waiting) = mpsc::channel(1);
        let app = told(waiting, "0\r\n\r\n");
        let door = Door::start(served_by(&[&app])).await;
        let mut visitor = door.visit().await;
        let asked = get("/", &[("accept-encoding", coding)]);
        let mut answer = visitor.begin(asked).await.unwrap().into_body();
        let (mut bytes, mut so_far) = (Vec::new(), String::new());
        for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
            pieces.send(event).await.unwrap();
            so_far.push_str(event);
            while seen(coding, &bytes) != so_far {
                let frame = soon("an event", answer.frame()).await.unwrap().unwrap();
                bytes.extend(frame.into_data().unwrap());
            }
        }
        drop(pieces);
        let rest = soon("the end", answer.collect()).await.unwrap();
        bytes.extend(rest.to_bytes());
        assert_eq!(seen(coding, &bytes), so_far);
    }
}

#[tokio::test]
async fn trailers_follow_a_compressed_answer() {
    let (pieces, waiting) = mpsc::channel(1);
    let app = told(waiting, "0\r\nx-sum: 9\r\n\r\n");
    let door = Door::start(served_by(&[&app])).await;
    pieces.send("data: 1\n\n").await.unwrap();
    drop(pieces);
    let asked = format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: gzip\r\nTE: trailers\r\n\
         Connection: te, close\r\n\r\n"
    );
    let answer = raw::talk(door.address, asked.as_bytes()).await;
    assert!(answer.contains("content-encoding: gzip"), "{answer}");
    assert!(answer.contains("\r\n0\r\nx-sum: 9\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_compressed_answer_that_breaks_off_does_not_look_whole() {
    for coding in ["zstd", "br", "gzip"] {
        let (pieces, waiting) = mpsc::channel(1);
        let app = told(waiting, "");
        let door = Door::start(served_by(&[&app])).await;
        pieces.send("data: 1\n\n").await.unwrap();
        drop(pieces);
        let asked = get("/", &[("accept-encoding", coding)]);
        let broken = door.visit().await.send(asked).await;
        assert!(broken.is_err(), "{coding}: {broken:?}");
    }
}

#[tokio::test]
async fn a_large_answer_is_the_same_however_it_was_sent() {
    let mut state = 1_u32;
    let numbers = (0..200_000).flat_map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 20).to_string().into_bytes()
    });
    let sent: Bytes = numbers.collect();
    let app = App::http("a", {
        let sent = sent.clone();
        move |_| {
            let sent = sent.clone();
            async move { typed("application/json", &[], sent) }
        }
    });
    let door = Door::start(served_by(&[&app])).await;
    for coding in ["zstd", "br", "gzip"] {
        let asked = get("/", &[("accept-encoding", coding)]);
        let answer = door.visit().await.send(asked).await.unwrap();
        assert_eq!(answer.header("content-encoding"), coding);
        assert!(decoded(&answer) == sent, "{coding}");
    }
}

#[tokio::test]
async fn files_of_text_are_compressed_and_their_parts_are_not() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("feed.xml"), page()).unwrap();
    std::fs::write(folder.path().join("talk.mp3"), page()).unwrap();
    let files = Target::Files {
        folder: folder.path().to_owned(),
        fall_through: false,
        fallback: None,
        packed: None,
    };
    let door = Door::start(vec![site(vec![route("/", files)])]).await;
    let mut visitor = door.visit().await;
    let feed = visitor.send(get("/feed.xml", &[BROWSER])).await.unwrap();
    assert_eq!(decoded(&feed), page().as_bytes());
    assert!(feed.header("etag").starts_with("W/"));
    assert_eq!(feed.header("accept-ranges"), "");
    let part = [BROWSER, ("range", "bytes=0-1999")];
    let part = visitor.send(get("/feed.xml", &part)).await.unwrap();
    assert_eq!((part.status, part.text()), (206, &page()[..2000]));
    let talk = visitor.send(get("/talk.mp3", &[BROWSER])).await.unwrap();
    assert_eq!(
        (talk.text(), talk.header("accept-ranges")),
        (&*page(), "bytes")
    );
}
