//! WebSockets over HTTP/2 (RFC 8441): what an app hears of them, and how they end.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use hyper::{Request, Response};
use ship_base::base64;
use ship_door::table::Target;
use ship_observe::log_store::{Query, query};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::door::{
    App, Count, Door, HOST, Stream, instances, route, served_by, site, soon, text, until,
};
use crate::raw;
use crate::tls::{local_root, shake};

/// A visitor who has heard that the door takes a CONNECT with a protocol.
async fn visitor(door: &Door) -> SendRequest<Bytes> {
    let stream = shake(door, &local_root(door), HOST, "h2").await.unwrap();
    let (sender, connection) = soon("HTTP/2", h2::client::handshake(stream)).await.unwrap();
    tokio::spawn(connection);
    until("the door's settings are heard", async || {
        sender.is_extended_connect_protocol_enabled().then_some(())
    })
    .await;
    sender
}

/// One stream of HTTP/2 that carries a WebSocket.
struct Socket {
    up: SendStream<Bytes>,
    down: RecvStream,
    rest: BytesMut,
}

fn connect(path: &str) -> hyper::http::request::Builder {
    Request::connect(format!("https://{HOST}{path}")).header("sec-websocket-version", "13")
}

async fn ask(
    sender: &SendRequest<Bytes>,
    protocol: &'static str,
    request: hyper::http::request::Builder,
) -> (Response<RecvStream>, SendStream<Bytes>) {
    let mut sender = soon("room for a stream", sender.clone().ready())
        .await
        .unwrap();
    let protocol = Protocol::from_static(protocol);
    let request = request.extension(protocol).body(()).unwrap();
    let (response, up) = sender.send_request(request, false).unwrap();
    (soon("an answer", response).await.unwrap(), up)
}

async fn status(sender: &SendRequest<Bytes>, path: &str) -> u16 {
    let (response, _) = ask(sender, "websocket", connect(path)).await;
    response.status().as_u16()
}

async fn open(sender: &SendRequest<Bytes>) -> Socket {
    let (response, up) = ask(sender, "websocket", connect("/chat")).await;
    assert_eq!(response.status(), 200);
    Socket {
        up,
        down: response.into_body(),
        rest: BytesMut::new(),
    }
}

impl Socket {
    fn send(&mut self, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        self.up.send_data(bytes, false).unwrap();
    }

    fn end(&mut self) {
        self.up.send_data(Bytes::new(), true).unwrap();
    }

    /// The next piece; `None` at the end.
    async fn piece(&mut self) -> Option<Bytes> {
        let piece = soon("more bytes", self.down.data()).await?.unwrap();
        self.down
            .flow_control()
            .release_capacity(piece.len())
            .unwrap();
        Some(piece)
    }

    async fn hear(&mut self, count: usize) -> Vec<u8> {
        while self.rest.len() < count {
            let piece = self.piece().await.expect("more bytes");
            self.rest.extend_from_slice(&piece);
        }
        self.rest.split_to(count).to_vec()
    }

    async fn rest(&mut self) -> Vec<u8> {
        while let Some(piece) = self.piece().await {
            self.rest.extend_from_slice(&piece);
        }
        self.rest.split().to_vec()
    }
}

/// What an app says to the key in this head.
fn proof(head: &str) -> String {
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then_some(value)
    });
    let key = key.expect("a key");
    assert_eq!(base64::decode(key).unwrap().len(), 16);
    let mixed = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, mixed.as_bytes());
    base64::encode(digest.as_ref())
}

/// Reads a handshake and agrees to it.
async fn agree(stream: &mut impl Stream) -> String {
    let head = raw::read_head(stream).await;
    let agreed = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
        proof(&head)
    );
    stream.write_all(agreed.as_bytes()).await.unwrap();
    head
}

/// Agrees, and sends back whatever comes; at the end says goodbye.
fn echoing() -> App {
    App::raw("blog/web.1@r7", |mut stream| async move {
        agree(&mut stream).await;
        let mut piece = [0; 1024];
        while let Ok(got @ 1..) = stream.read(&mut piece).await {
            stream.write_all(&piece[..got]).await.unwrap();
        }
        let _ = stream.write_all(b"bye").await;
    })
}

#[tokio::test]
async fn an_app_hears_the_handshake_of_http1() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        let head = agree(&mut stream).await;
        stream.write_all(head.as_bytes()).await.unwrap();
    });
    let door = Door::start(served_by(&[&app])).await;
    let visitor = visitor(&door).await;
    let request = connect("/ch%61t?room=1")
        .header("sec-websocket-protocol", "chat, superchat")
        .header("sec-websocket-key", "mine")
        .header("origin", "https://blog.localhost")
        .header("cookie", "a=1");
    let (response, _up) = ask(&visitor, "websocket", request).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!(headers["sec-websocket-protocol"], "chat");
    for gone in ["connection", "upgrade", "sec-websocket-accept"] {
        assert!(!headers.contains_key(gone), "{gone}");
    }
    let mut body = response.into_body();
    let mut head = Vec::new();
    while let Some(piece) = soon("the head", body.data()).await {
        head.extend(piece.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with("get /chat?room=1 http/1.1\r\n"), "{head}");
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-protocol: chat, superchat",
        "origin: https://blog.localhost",
        "cookie: a=1",
        "host: blog.localhost",
        "x-forwarded-proto: https",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
    }
    assert_eq!(head.matches("sec-websocket-key").count(), 1, "{head}");
}

#[tokio::test]
async fn bytes_go_both_ways_and_each_side_may_end_first() {
    let app = echoing();
    let door = Door::start(served_by(&[&app])).await;
    let visitor = visitor(&door).await;
    let mut sockets = [open(&visitor).await, open(&visitor).await];
    let content: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    for (number, socket) in sockets.iter_mut().enumerate() {
        for piece in content.chunks(1000 + number) {
            socket.send(piece);
            assert_eq!(socket.hear(piece.len()).await, piece);
        }
    }
    for socket in &mut sockets {
        socket.end();
        assert_eq!(socket.rest().await, b"bye");
    }
}

#[tokio::test]
async fn an_app_that_did_not_read_the_key_is_not_believed() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        raw::read_head(&mut stream).await;
        let agreed = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        stream.write_all(agreed).await.unwrap();
        raw::rest(&mut stream).await;
    });
    let door = Door::start(served_by(&[&app])).await;
    assert_eq!(status(&visitor(&door).await, "/chat").await, 502);
}

#[tokio::test]
async fn what_answers_as_a_page_is_no_websocket() {
    let app = App::http("blog/web.1@r7", |request| async move {
        let mut reply = text("a page");
        *reply.status_mut() = match request.uri().path() {
            "/missing" => hyper::StatusCode::NOT_FOUND,
            "/old" => hyper::StatusCode::UPGRADE_REQUIRED,
            _ => hyper::StatusCode::OK,
        };
        reply
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "a file").unwrap();
    let files = Target::Files {
        folder: folder.path().to_owned(),
        fall_through: false,
        fallback: None,
        packed: None,
    };
    let routes = vec![
        route("/", instances(vec![app.upstream()])),
        route("/static", files),
    ];
    let door = Door::start(vec![site(routes)]).await;
    let visitor = visitor(&door).await;
    for (path, expected) in [
        ("/", 405),
        ("/static/a.txt", 405),
        ("/static/b.txt", 404),
        ("/missing", 404),
        ("/old", 426),
    ] {
        assert_eq!(status(&visitor, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn other_protocols_and_a_plain_connect_lead_nowhere() {
    let app = echoing();
    let door = Door::start(served_by(&[&app])).await;
    let visitor = visitor(&door).await;
    let (response, _) = ask(&visitor, "connect-udp", connect("/")).await;
    assert_eq!(response.status(), 501);
    let mut sender = visitor.clone().ready().await.unwrap();
    let plain = Request::connect(format!("{HOST}:443")).body(()).unwrap();
    let (response, _) = sender.send_request(plain, false).unwrap();
    assert_eq!(soon("an answer", response).await.unwrap().status(), 405);
}

#[tokio::test]
async fn a_visitor_who_goes_takes_the_apps_side_along() {
    let gone = Arc::new(Count::default());
    let app = App::raw("blog/web.1@r7", {
        let gone = gone.clone();
        move |mut stream| {
            let gone = gone.clone();
            async move {
                agree(&mut stream).await;
                raw::rest(&mut stream).await;
                gone.add();
            }
        }
    });
    let door = Door::start(served_by(&[&app])).await;
    let visitor = visitor(&door).await;
    let mut reset = open(&visitor).await;
    reset.up.send_reset(h2::Reason::CANCEL);
    let both = async || (gone.get() == 1).then_some(());
    until("the app's side of a reset stream ends", both).await;
    let lost = open(&visitor).await;
    drop((visitor, reset, lost));
    let both = async || (gone.get() == 2).then_some(());
    until("the app's side of a lost connection ends", both).await;
}

const CLOSE_1012: [u8; 4] = [0x88, 2, 0x03, 0xF4];

#[tokio::test]
async fn a_drained_websocket_is_closed_with_1012() {
    let app = echoing();
    let door = Door::start(served_by(&[&app])).await;
    let visitor = visitor(&door).await;
    let mut socket = open(&visitor).await;
    door.swap(Vec::new()).await;
    let draining = tokio::spawn({
        let mut client = door.client().await;
        async move {
            let keys = vec!["blog/web.1@r7".to_owned()];
            client.drain(keys, Duration::ZERO).await
        }
    });
    assert_eq!(socket.hear(4).await, CLOSE_1012);
    socket.end();
    assert_eq!(socket.rest().await, b"");
    assert_eq!(soon("the drain", draining).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_door_that_stops_says_goodbye_as_well() {
    let app = echoing();
    let door = Door::start(served_by(&[&app])).await;
    let visitor = visitor(&door).await;
    let mut socket = open(&visitor).await;
    let stopping = tokio::spawn({
        let mut client = door.client().await;
        async move { client.stop(Duration::ZERO).await }
    });
    assert_eq!(socket.hear(4).await, CLOSE_1012);
    socket.end();
    assert_eq!(socket.rest().await, b"");
    soon("the stop", stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_log_has_it_as_the_visitor_asked() {
    let folder = tempfile::tempdir().unwrap();
    let app = echoing();
    let mut sites = served_by(&[&app]);
    sites[0].access_log = Some(folder.path().join("door"));
    let door = Door::start(sites).await;
    let visitor = visitor(&door).await;
    open(&visitor).await.end();
    let line = until("the line is written", async || {
        let mut lines = query(folder.path(), &Query::default()).unwrap();
        Some(lines.next()?.unwrap().lossy().into_owned())
    })
    .await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let shown = ["method", "target", "protocol", "status"].map(|field| line[field].to_string());
    assert_eq!(shown, ["\"CONNECT\"", "\"/chat\"", "\"HTTP/2\"", "200"]);
}
