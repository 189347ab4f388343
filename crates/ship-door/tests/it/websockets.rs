//! WebSockets: joined, not understood; ended politely.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::door::{App, Count, Door, HOST, Stream, instances, route, served_by, site, soon, until};
use crate::raw;

const AGREED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

pub(crate) fn handshake() -> String {
    format!(
        "GET /chat HTTP/1.1\r\nHost: {HOST}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Agrees, and sends back whatever comes.
pub(crate) fn echoing(key: &str) -> App {
    App::raw(key, |mut stream| async move {
        let head = raw::read_head(&mut stream).await.to_lowercase();
        assert!(head.contains("\r\nupgrade: websocket\r\n"), "{head}");
        stream.write_all(AGREED).await.unwrap();
        let mut piece = [0; 1024];
        while let Ok(got @ 1..) = stream.read(&mut piece).await {
            stream.write_all(&piece[..got]).await.unwrap();
        }
    })
}

/// What a visitor sends in the transcript: frames of every length form, masked.
fn frames() -> Vec<u8> {
    let mut frames = vec![0x81, 0x85, 1, 2, 3, 4, 9, 9, 9, 9, 9];
    frames.extend([0x82, 0xFE, 1, 0, 1, 2, 3, 4]);
    frames.extend([7; 256]);
    frames.extend([0x89, 0x80, 1, 2, 3, 4]);
    frames
}

async fn transcript(mut stream: impl Stream) -> Vec<u8> {
    stream.write_all(handshake().as_bytes()).await.unwrap();
    let head = raw::read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut heard = Vec::new();
    for piece in frames().chunks(37) {
        stream.write_all(piece).await.unwrap();
        let mut echo = vec![0; piece.len()];
        soon("the echo", stream.read_exact(&mut echo))
            .await
            .unwrap();
        heard.extend(echo);
    }
    stream.shutdown().await.unwrap();
    heard.extend(raw::rest(&mut stream).await);
    heard
}

#[tokio::test]
async fn a_transcript_is_the_same_with_and_without_the_door() {
    let app = echoing("blog/web.1@r7");
    let door = Door::start(served_by(&[&app])).await;
    let through = transcript(raw::dial(door.address).await).await;
    assert_eq!(through, transcript(app.dial().await).await);
    assert_eq!(through, frames());
}

#[tokio::test]
async fn bytes_behind_the_handshake_wait_for_the_apps_consent() {
    let heard = Arc::new(Count::default());
    let app = App::raw("blog/web.1@r7", {
        let heard = heard.clone();
        move |mut stream| {
            let heard = heard.clone();
            async move {
                raw::read_head(&mut stream).await;
                heard.add();
                let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(refusal).await.unwrap();
                let more = raw::rest(&mut stream).await;
                assert!(!String::from_utf8_lossy(&more).contains("smuggled-bytes"));
                heard.add();
            }
        }
    });
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = raw::dial(door.address).await;
    let smuggled = format!("{}smuggled-bytes\r\n\r\n", handshake());
    visitor.write_all(smuggled.as_bytes()).await.unwrap();
    let answers = String::from_utf8(raw::rest(&mut visitor).await).unwrap();
    assert!(answers.starts_with("HTTP/1.1 403 "), "{answers}");
    // What came behind was for a WebSocket that there is not: nobody reads it.
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    drop(door);
    until("the app is done", async || (heard.get() == 2).then_some(())).await;
}

#[tokio::test]
async fn other_upgrades_are_not_passed_on() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        let head = raw::read_head(&mut stream).await.to_lowercase();
        let seen = head.contains("upgrade") || head.contains("http2-settings");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{seen:<5}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let door = Door::start(served_by(&[&app])).await;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    );
    let answer = raw::talk(door.address, request.as_bytes()).await;
    assert!(answer.ends_with("\r\n\r\nfalse"), "{answer}");
}

#[tokio::test]
async fn a_101_that_nobody_asked_for_is_a_502() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        raw::read_head(&mut stream).await;
        stream.write_all(AGREED).await.unwrap();
    });
    let door = Door::start(served_by(&[&app])).await;
    assert_eq!(door.get("/").await.status, 502);
}

/// Upgrades and hears a piece of what the app says first.
async fn upgraded<const N: usize>(door: &Door) -> (tokio::net::TcpStream, [u8; N]) {
    let mut visitor = raw::dial(door.address).await;
    visitor.write_all(handshake().as_bytes()).await.unwrap();
    raw::read_head(&mut visitor).await;
    let mut heard = [0; N];
    soon("the first bytes", visitor.read_exact(&mut heard))
        .await
        .unwrap();
    (visitor, heard)
}

#[tokio::test]
async fn a_drained_websocket_is_closed_with_1012_between_two_frames() {
    let go_on = Arc::new(tokio::sync::Notify::new());
    let app = App::raw("blog/web.1@r7", {
        let go_on = go_on.clone();
        move |mut stream| {
            let go_on = go_on.clone();
            async move {
                raw::read_head(&mut stream).await;
                stream.write_all(AGREED).await.unwrap();
                stream.write_all(&[0x82, 5, 1, 2]).await.unwrap();
                go_on.notified().await;
                let _ = stream.write_all(&[3, 4, 5, 0x82, 1, 9]).await;
                raw::rest(&mut stream).await;
            }
        }
    });
    let idle = echoing("blog/web.1@r7");
    let routes = vec![route("/chat", instances(vec![app.upstream()]))];
    let door = Door::start(vec![site(routes)]).await;
    let (mut busy, begun) = upgraded(&door).await;
    assert_eq!(begun, [0x82, 5, 1, 2]);
    door.swap(served_by(&[&idle])).await;
    let (mut quiet, []) = upgraded(&door).await;
    door.swap(Vec::new()).await;
    let draining = tokio::spawn({
        let mut client = door.client().await;
        async move {
            client
                .drain(vec!["blog/web.1@r7".to_owned()], Duration::ZERO)
                .await
        }
    });
    let close = [0x88, 2, 0x03, 0xF4];
    // The one that stands between two frames is closed at once; from then on the other is cut too.
    let mut heard = [0; 4];
    soon("the close", quiet.read_exact(&mut heard))
        .await
        .unwrap();
    assert_eq!(heard, close);
    go_on.notify_one();
    let mut heard = [0; 7];
    soon("the frame's end", busy.read_exact(&mut heard))
        .await
        .unwrap();
    assert_eq!((&heard[..3], &heard[3..]), (&[3, 4, 5][..], &close[..]));
    for visitor in [&mut quiet, &mut busy] {
        visitor
            .write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xF4])
            .await
            .unwrap();
        visitor.shutdown().await.unwrap();
        assert!(raw::rest(visitor).await.is_empty());
    }
    assert_eq!(soon("the drain", draining).await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn a_websocket_lives_through_a_swap_until_it_ends_by_itself() {
    let app = echoing("blog/web.1@r7");
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = raw::dial(door.address).await;
    visitor.write_all(handshake().as_bytes()).await.unwrap();
    raw::read_head(&mut visitor).await;
    door.swap(Vec::new()).await;
    visitor.write_all(&frames()).await.unwrap();
    let mut echo = vec![0; frames().len()];
    soon("the echo", visitor.read_exact(&mut echo))
        .await
        .unwrap();
    assert_eq!(echo, frames());
    let draining = tokio::spawn({
        let mut client = door.client().await;
        async move {
            client
                .drain(vec!["blog/web.1@r7".to_owned()], Duration::from_secs(30))
                .await
        }
    });
    drop(visitor);
    assert_eq!(soon("the drain", draining).await.unwrap().unwrap(), 0);
}
