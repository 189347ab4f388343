//! Requests and answers on their way through.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::{HeaderMap, Request, Response};
use ship_door::limit::Limits;
use ship_door::table::{Address, Protocol, Upstream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::door::{
    App, Count, Door, HOST, Reply, get, instances, request, route, served_by, site, soon, text,
    until,
};
use crate::raw;

/// Answers with what the app got to see.
async fn echo(request: Request<Incoming>) -> Reply {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let field = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        format!("{name}: {}\n", value.to_str().unwrap())
    };
    let mut fields: Vec<String> = parts.headers.iter().map(field).collect();
    fields.sort();
    let (method, uri) = (parts.method, parts.uri);
    text(format!(
        "{method} {uri}\n{}body {}\n",
        fields.concat(),
        body.len()
    ))
}

type Frames = mpsc::Sender<Frame<Bytes>>;

/// A reply whose frames come from a channel.
fn streamed() -> (Frames, Reply) {
    struct Channel(mpsc::Receiver<Frame<Bytes>>);
    impl Body for Channel {
        type Data = Bytes;
        type Error = io::Error;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
            self.0.poll_recv(context).map(|frame| frame.map(Ok))
        }
    }
    let (sender, frames) = mpsc::channel(1);
    (sender, Response::new(Channel(frames).boxed()))
}

fn data(bytes: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from(bytes))
}

/// An app that says when its request came, and answers over a channel.
fn app_with_stream(key: &str) -> (App, mpsc::Receiver<Frames>) {
    let (sender, streams) = mpsc::channel(8);
    let app = App::http(key, move |_| {
        let sender = sender.clone();
        async move {
            let (frames, reply) = streamed();
            sender.send(frames).await.unwrap();
            reply
        }
    });
    (app, streams)
}

#[tokio::test]
async fn the_app_sees_the_canonical_request_and_who_sent_it() {
    let app = App::http("blog/web.1@r7", echo);
    let door = Door::start(served_by(&[&app])).await;
    let claims = [
        ("host", "Blog.Localhost:8000"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x_real_ip", "6.6.6.6"),
        ("connection", "x-drop"),
        ("x-drop", "1"),
        ("cookie", "a=1"),
    ];
    let request = request("POST", "/a/../b%41?q=%2f&r", &claims, "hello");
    let answer = door.visit().await.send(request).await.unwrap();
    let seen: Vec<&str> = answer.text().lines().collect();
    let (id, seen): (Vec<&str>, Vec<&str>) = seen
        .into_iter()
        .partition(|line| line.starts_with("x-request-id: "));
    assert_eq!(id.len(), 1);
    insta::assert_snapshot!(seen.join("\n"), @r#"
    POST /bA?q=%2f&r
    content-length: 5
    cookie: a=1
    forwarded: for=127.0.0.1;host="Blog.Localhost:8000";proto=http
    host: Blog.Localhost:8000
    x-forwarded-for: 127.0.0.1
    x-forwarded-host: Blog.Localhost:8000
    x-forwarded-port: 8000
    x-forwarded-proto: http
    body 5
    "#);
}

#[tokio::test]
async fn an_app_on_a_port_is_reached_as_well() {
    let app = App::tcp("blog/web.1@r7", |mut stream| async move {
        raw::read_head(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.0 200 OK\r\n\r\nuntil I close")
            .await;
    })
    .await;
    let door = Door::start(served_by(&[&app])).await;
    assert_eq!(door.get("/").await.text(), "until I close");
}

#[tokio::test]
async fn a_visitor_that_speaks_http_1_0_is_answered_in_it() {
    let app = App::http("blog/web.1@r7", |_| async {
        let (frames, reply) = streamed();
        tokio::spawn(async move {
            frames.send(data("one ")).await.unwrap();
            frames.send(data("two")).await.unwrap();
        });
        reply
    });
    let door = Door::start(served_by(&[&app])).await;
    let request = format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n");
    let answer = raw::talk(door.address, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(!answer.to_lowercase().contains("chunked"), "{answer}");
    assert!(answer.ends_with("\r\n\r\none two"), "{answer}");
}

#[tokio::test]
async fn an_event_arrives_before_the_next_is_made() {
    let (app, mut streams) = app_with_stream("blog/web.1@r7");
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = door.visit().await;
    let answer =
        tokio::spawn(async move { (visitor.begin(get("/", &[])).await.unwrap(), visitor) });
    let frames = soon("the request", streams.recv()).await.unwrap();
    let (mut answer, _visitor) = soon("the head", answer).await.unwrap();
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        frames.send(data(event)).await.unwrap();
        let frame = soon("an event", answer.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), event);
    }
    drop(frames);
    assert!(soon("the end", answer.frame()).await.is_none());
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        let head = raw::read_head(&mut stream).await.to_lowercase();
        assert!(head.contains("\r\nte: trailers\r\n"), "{head}");
        let body = raw::read_until(&mut stream, b"\r\n\r\n").await;
        assert!(
            String::from_utf8(body)
                .unwrap()
                .to_lowercase()
                .contains("x-sum: 7")
        );
        let answer = b"HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n\
                       2\r\nhi\r\n0\r\nx-sum: 9\r\n\r\n";
        let _ = stream.write_all(answer).await;
    });
    let door = Door::start(served_by(&[&app])).await;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nTE: trailers\r\nConnection: te, close\r\n\
         Trailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n"
    );
    let answer = raw::talk(door.address, request.as_bytes())
        .await
        .to_lowercase();
    assert!(answer.contains("\r\n0\r\nx-sum: 9\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn answers_without_a_body_keep_their_heads() {
    let app = App::http("blog/web.1@r7", |request| async move {
        let mut reply = text("");
        match request.uri().path() {
            "/204" => *reply.status_mut() = hyper::StatusCode::NO_CONTENT,
            "/304" => {
                *reply.status_mut() = hyper::StatusCode::NOT_MODIFIED;
                reply.headers_mut().insert("etag", "\"1\"".parse().unwrap());
            }
            _ => drop(
                reply
                    .headers_mut()
                    .insert("content-length", "12345".parse().unwrap()),
            ),
        }
        reply
    });
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = door.visit().await;
    let head = visitor.send(request("HEAD", "/", &[], "")).await.unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, "12345"));
    assert_eq!(visitor.get("/204").await.status, 204);
    let unchanged = visitor.get("/304").await;
    assert_eq!((unchanged.status, unchanged.header("etag")), (304, "\"1\""));
}

#[tokio::test]
async fn an_app_that_dies_in_its_answer_breaks_the_answer() {
    for head in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let app = App::raw("blog/web.1@r7", move |mut stream| async move {
            raw::read_head(&mut stream).await;
            let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nhello\r\n");
            let _ = stream
                .write_all(&answer.as_bytes()[..answer.len() - 3])
                .await;
        });
        let door = Door::start(served_by(&[&app])).await;
        let broken = door.visit().await.send(get("/", &[])).await;
        assert!(broken.is_err(), "{head}: {broken:?}");
    }
}

#[tokio::test]
async fn an_app_that_dies_before_its_answer_is_a_502() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        raw::read_head(&mut stream).await;
    });
    let door = Door::start(served_by(&[&app])).await;
    assert_eq!(door.get("/").await.status, 502);
    let status = door.client().await.status().await.unwrap();
    assert_eq!((status.requests, status.failures), (1, 1));
}

#[tokio::test]
async fn an_app_sees_that_its_visitor_has_gone() {
    let (came, gone) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let app = App::raw("blog/web.1@r7", {
        let (came, gone) = (came.clone(), gone.clone());
        move |mut stream| {
            let (came, gone) = (came.clone(), gone.clone());
            async move {
                let head = raw::read_head(&mut stream).await;
                came.add();
                if head.contains(" /answering ") {
                    let begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
                    stream.write_all(begun).await.unwrap();
                }
                let _ = stream.read_u8().await;
                gone.add();
            }
        }
    });
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = raw::dial(door.address).await;
    let head = format!("GET /answering HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    visitor.write_all(head.as_bytes()).await.unwrap();
    raw::read_until(&mut visitor, b"x\r\n").await;
    drop(visitor);
    until("the app sees the end", async || {
        (gone.get() == 1).then_some(())
    })
    .await;

    let mut visitor = raw::dial(door.address).await;
    let head = format!("GET /thinking HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    visitor.write_all(head.as_bytes()).await.unwrap();
    until("the app has the request", async || {
        (came.get() == 2).then_some(())
    })
    .await;
    drop(visitor);
    until("the app sees the end", async || {
        (gone.get() == 2).then_some(())
    })
    .await;
}

/// Keeps a connection for one answer and then dies at the next request, having read it.
fn dies_when_reused(served: Arc<Count>) -> App {
    App::raw("blog/web.1@r7", move |mut stream| {
        let served = served.clone();
        async move {
            raw::read_head(&mut stream).await;
            served.add();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            raw::read_head(&mut stream).await;
            served.add();
        }
    })
}

#[tokio::test]
async fn a_get_on_a_dead_connection_is_sent_once_more() {
    let served = Arc::new(Count::default());
    let app = dies_when_reused(served.clone());
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = door.visit().await;
    for _ in 0..3 {
        assert_eq!(visitor.get("/").await.text(), "ok");
    }
    // The second and the third request each reached a dying connection first.
    assert_eq!(served.get(), 5);
}

#[tokio::test]
async fn a_post_that_may_have_had_an_effect_is_not_sent_twice() {
    let served = Arc::new(Count::default());
    let app = dies_when_reused(served.clone());
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = door.visit().await;
    assert_eq!(visitor.get("/").await.status, 200);
    let posted = visitor
        .send(request("POST", "/", &[], "pay"))
        .await
        .unwrap();
    assert_eq!((posted.status, served.get()), (502, 2));
}

#[tokio::test]
async fn an_instance_that_cannot_be_reached_is_passed_over() {
    let app = App::http("blog/web.2@r7", |_| async { text("two") });
    let dead = Upstream {
        key: "blog/web.1@r7".to_owned(),
        address: Address::Unix("/nonexistent/app.sock".into()),
        protocol: Protocol::Http1,
    };
    let sites = vec![site(vec![route(
        "/",
        instances(vec![dead, app.upstream()]),
    )])];
    let door = Door::start(sites).await;
    for _ in 0..8 {
        assert_eq!(door.get("/").await.text(), "two");
    }
}

#[tokio::test]
async fn a_request_waits_for_an_instance_that_is_starting_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let starting = Upstream {
        key: "blog/web.1@r7".to_owned(),
        address: Address::Unix(path.clone()),
        protocol: Protocol::Http1,
    };
    let door = Door::start(vec![site(vec![route("/", instances(vec![starting]))])]).await;
    let mut visitor = door.visit().await;
    let waiting = tokio::spawn(async move { visitor.get("/").await });
    // Not counted as answered: it is held.
    until("the visitor is there", async || {
        let status = door.client().await.status().await.unwrap();
        (status.connections == 1).then_some(())
    })
    .await;
    assert!(!waiting.is_finished());
    let _app = App::at("blog/web.1@r7", path, folder, |mut stream| async move {
        raw::read_head(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback")
            .await;
    });
    assert_eq!(
        soon("the held request", waiting).await.unwrap().text(),
        "back"
    );
}

#[tokio::test]
async fn each_way_of_not_answering_has_its_status() {
    let limits = Limits {
        hold: Duration::from_millis(50),
        answer: Duration::from_millis(50),
        ..Limits::default()
    };
    let silent = App::raw("blog/web.1@r7", |mut stream| async move {
        raw::rest(&mut stream).await;
    });
    let missing = Upstream {
        key: "blog/web.2@r7".to_owned(),
        address: Address::Unix("/nonexistent/app.sock".into()),
        protocol: Protocol::Http1,
    };
    let routes = vec![
        route("/silent", instances(vec![silent.upstream()])),
        route("/missing", instances(vec![missing])),
        route("/none", instances(Vec::new())),
    ];
    let door = Door::start_with(vec![site(routes)], true, limits).await;
    assert_eq!(door.get("/silent").await.status, 504);
    assert_eq!(door.get("/missing").await.status, 502);
    assert_eq!(door.get("/none").await.status, 503);
    assert_eq!(door.get("/else").await.status, 404);
}

#[tokio::test]
async fn a_slow_upload_is_not_taken_for_a_silent_app() {
    let limits = Limits {
        answer: Duration::from_millis(300),
        ..Limits::default()
    };
    let app = App::http("blog/web.1@r7", echo);
    let door = Door::start_with(served_by(&[&app]), true, limits).await;
    let mut visitor = raw::dial(door.address).await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"
    );
    visitor.write_all(head.as_bytes()).await.unwrap();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..12 {
        pace.tick().await;
        visitor.write_all(b"x").await.unwrap();
    }
    let answer = String::from_utf8(raw::rest(&mut visitor).await).unwrap();
    assert!(answer.ends_with("body 12\n"), "{answer}");
}

#[tokio::test]
async fn large_bodies_pass_unchanged_both_ways() {
    let app = App::http("blog/web.1@r7", |request: Request<Incoming>| async move {
        Response::new(request.into_body().map_err(io::Error::other).boxed())
    });
    let mut sites = served_by(&[&app]);
    sites[0].body_limit = 64 << 20;
    let door = Door::start(sites).await;
    let body: Vec<u8> = (0..8_000_000_u32).map(|n| (n * 7 / 3) as u8).collect();
    let answer = door
        .visit()
        .await
        .send(request("PUT", "/", &[], body.clone()))
        .await
        .unwrap();
    assert!(answer.body == body, "{} bytes came back", answer.body.len());
}

#[tokio::test]
async fn requests_go_to_the_instance_with_the_fewest_in_flight() {
    let (busy, mut streams) = app_with_stream("blog/web.1@r7");
    let free = App::http("blog/web.2@r7", |_| async { text("free") });
    let door = Door::start(served_by(&[&busy])).await;
    let mut visitor = door.visit().await;
    let held = tokio::spawn(async move {
        let answer = visitor.begin(get("/", &[])).await;
        (answer, visitor)
    });
    let _frames = soon("the request", streams.recv()).await.unwrap();
    let _held = soon("the head", held).await.unwrap();
    door.swap(served_by(&[&busy, &free])).await;
    for _ in 0..8 {
        assert_eq!(door.get("/").await.text(), "free");
    }
}

#[tokio::test]
async fn idle_connections_to_an_app_are_used_again() {
    let connections = Arc::new(Count::default());
    let app = App::raw("blog/web.1@r7", {
        let connections = connections.clone();
        move |mut stream| {
            connections.add();
            async move {
                loop {
                    raw::read_head(&mut stream).await;
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    stream.write_all(answer).await.unwrap();
                }
            }
        }
    });
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = door.visit().await;
    for _ in 0..20 {
        visitor.get("/").await;
    }
    assert_eq!(connections.get(), 1);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_holds_up_nobody_else() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        loop {
            let head = raw::read_head(&mut stream).await;
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            if head.starts_with("POST ") {
                // Takes the rest of the upload, as a server does that keeps its connection.
                raw::rest(&mut stream).await;
            }
        }
    });
    let door = Door::start(served_by(&[&app])).await;
    let mut uploading = raw::dial(door.address).await;
    let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100\r\n\r\nbegun");
    uploading.write_all(head.as_bytes()).await.unwrap();
    raw::read_until(&mut uploading, b"\r\n\r\nok").await;
    for _ in 0..8 {
        assert_eq!(door.get("/").await.text(), "ok");
    }
}

#[tokio::test]
async fn a_redirect_keeps_the_rest_of_the_path_and_the_query() {
    let redirect = |to: &str, status| ship_door::table::Target::Redirect {
        to: to.to_owned(),
        status,
    };
    let routes = vec![
        route("/old", redirect("https://new.test/", 308)),
        route("/fixed", redirect("/landing", 302)),
    ];
    let door = Door::start(vec![site(routes)]).await;
    let moved = door.get("/old/a/b?c=d").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (308, "https://new.test/a/b?c=d")
    );
    let fixed = door.get("/fixed/a?b").await;
    assert_eq!((fixed.status, fixed.header("location")), (302, "/landing"));
}

#[tokio::test]
async fn the_options_of_the_server_are_not_a_path() {
    let door = Door::start(Vec::new()).await;
    let request = b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = raw::talk(door.address, request).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}

/// Only to be sure that the tests above look at what hyper's client would hide.
#[tokio::test]
async fn an_answer_carries_nothing_of_the_apps_connection() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        raw::read_head(&mut stream).await;
        let answer = b"HTTP/1.1 200 OK\r\nConnection: x-own, close\r\nX-Own: 1\r\nKeep-Alive: 5\r\n\
                       Upgrade: h2c\r\nContent-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nok";
        let _ = stream.write_all(answer).await;
    });
    let door = Door::start(served_by(&[&app])).await;
    let answer = door.get("/").await;
    let kept: HeaderMap = answer.headers;
    for gone in ["connection", "x-own", "keep-alive", "upgrade"] {
        assert!(!kept.contains_key(gone), "{gone}");
    }
    assert_eq!(kept.get_all("set-cookie").iter().count(), 2);
}
