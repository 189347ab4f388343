//! HTTP/3: a request as any other.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Incoming;
use ship_door::bind;
use tokio::sync::{Barrier, Notify};

use crate::door::{App, Count, Door, HOST, served_by, soon, text, until};
use crate::quic::{Visitor, answer, closed_with, has, refused_with, request};
use crate::tls::{ask_http1, ask_http2, local_root, mirror, pair, put_own};

async fn door(app: &App) -> Door {
    let mut door = Door::start(served_by(&[app])).await;
    door.speak_http3().await;
    door
}

#[tokio::test]
async fn a_request_reaches_the_app_as_by_any_other_protocol() {
    let app = mirror();
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    let fields = [
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-forwarded-for", "192.0.2.1"),
    ];
    let asked = request("GET", "/a/%2e%2e/b?c", &fields);
    let answer = visitor.send(asked, "").await.unwrap();
    assert_eq!(answer.status, 200);
    let text = answer.text();
    assert!(text.starts_with("GET /b?c\n"), "{text}");
    assert!(text.contains("x-forwarded-proto: https\n"), "{text}");
    assert!(text.contains("x-forwarded-for: 127.0.0.1\n"), "{text}");
    assert!(text.contains("cookie: a=1; b=2\n"), "{text}");
    assert_eq!(text.matches("host: blog.localhost\n").count(), 2, "{text}");
    assert!(!text.contains("transfer-encoding"), "{text}");
    assert!(has(&answer.headers, "date"));
    assert!(!has(&answer.headers, "connection"));
    assert_eq!(
        answer.header("content-length"),
        answer.body.len().to_string()
    );
}

#[tokio::test]
async fn large_bodies_go_each_way() {
    let app = App::http("blog/web.1@r7", |request: Request<Incoming>| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        text([&body[..], &body[..], &body[..]].concat())
    });
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    let body: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_be_bytes).collect();
    let length = body.len().to_string();
    for fields in [vec![], vec![("content-length", length.as_str())]] {
        let asked = request("POST", "/", &fields);
        let answer = visitor.send(asked, body.clone()).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.body == [&body[..], &body, &body].concat());
    }
}

#[tokio::test]
async fn a_hundred_requests_are_answered_at_once() {
    let all = Arc::new(Barrier::new(100));
    let app = App::http("blog/web.1@r7", move |_| {
        let all = all.clone();
        async move {
            all.wait().await;
            text("ok")
        }
    });
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    let mut asked = Vec::new();
    for _ in 0..100 {
        let mut one = visitor.begin(request("GET", "/", &[])).await.unwrap();
        one.finish().await.unwrap();
        asked.push(one);
    }
    for one in asked {
        assert_eq!(answer(one).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn trailers_reach_the_app() {
    let app = App::http("blog/web.1@r7", |request: Request<Incoming>| async move {
        let body = request.into_body().collect().await.unwrap();
        let sum = body.trailers().unwrap().get("x-sum").unwrap().clone();
        text(sum.to_str().unwrap().to_owned())
    });
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    let fields = [("te", "trailers"), ("trailer", "x-sum")];
    let asked = visitor.begin(request("POST", "/", &fields)).await;
    let mut asked = asked.unwrap();
    asked.send_data("content".into()).await.unwrap();
    let mut trailers = hyper::HeaderMap::new();
    trailers.insert("x-sum", "7".parse().unwrap());
    asked.send_trailers(trailers).await.unwrap();
    asked.finish().await.unwrap();
    assert_eq!(answer(asked).await.unwrap().text(), "7");
}

#[tokio::test]
async fn a_head_request_is_answered_without_a_body() {
    let app = mirror();
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    let asked = request("HEAD", "/", &[]);
    let answer = visitor.send(asked, "").await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn a_name_that_nobody_has_gets_no_certificate_and_no_site() {
    let app = mirror();
    let door = door(&app).await;
    let (certificate, key) = pair("blog.example");
    put_own(&door, "blog.pem", &(certificate.clone() + &key)).await;
    let known = Visitor::connect_to(&door, &certificate, "blog.example").await;
    assert!(known.is_ok());
    let unknown = Visitor::connect_to(&door, &certificate, "other.example").await;
    assert!(unknown.is_err());
    let elsewhere = Request::get("https://other.localhost/").body(()).unwrap();
    let mut visitor = Visitor::connect(&door).await;
    door.swap(served_by(&[&app])).await;
    let answer = visitor.send(elsewhere, "").await.unwrap();
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn a_new_certificate_is_shown_from_the_next_connection_on() {
    let app = mirror();
    let door = door(&app).await;
    let (old, new) = (pair("blog.example"), pair("blog.example"));
    put_own(&door, "blog.pem", &(old.0.clone() + &old.1)).await;
    let connect = async |root: &str| Visitor::connect_to(&door, root, "blog.example").await;
    let first = connect(&old.0).await.unwrap();
    put_own(&door, "blog.pem", &(new.0.clone() + &new.1)).await;
    assert!(connect(&new.0).await.is_ok());
    assert!(connect(&old.0).await.is_err());
    assert!(first.connection.close_reason().is_none());
}

#[tokio::test]
async fn visitors_by_tls_are_told_and_only_while_it_is_so() {
    let app = App::http("blog/web.1@r7", |request: Request<Incoming>| async move {
        let mut answer = text("ok");
        if request.uri().path() == "/own" {
            let own = "clear".parse().unwrap();
            answer.headers_mut().insert("alt-svc", own);
        }
        answer
    });
    let mut door = Door::start(served_by(&[&app])).await;
    let told = async |door: &Door, path: &str| {
        let port = door.secure.port();
        let host = format!("{HOST}:{port}");
        let url = format!("https://{host}{path}");
        let first = ask_http1(door, crate::tls::get(path, &[("host", &host)])).await;
        let second = ask_http2(door, crate::tls::get(&url, &[])).await;
        let both = [first, second].map(|answer| answer.header("alt-svc").to_owned());
        assert_eq!(both[0], both[1]);
        both[0].clone()
    };
    assert_eq!(told(&door, "/").await, "");
    door.speak_http3().await;
    let there = format!("h3=\":{}\"; ma=86400", door.secure.port());
    assert_eq!(told(&door, "/").await, there);
    assert_eq!(told(&door, "/own").await, "clear");
    // A visitor that knows no port came to 443: somebody passes it on.
    let passed_on = ask_http1(&door, crate::tls::get("/", &[("host", HOST)])).await;
    assert_eq!(passed_on.header("alt-svc"), "h3=\":443\"; ma=86400");
    assert_eq!(door.get("/").await.header("alt-svc"), "");
    let by_http3 = Visitor::connect(&door).await.get("/").await;
    assert_eq!(by_http3.header("alt-svc"), "");
}

#[tokio::test]
async fn a_socket_of_tcp_is_none_for_http3() {
    let app = mirror();
    let door = Door::start(served_by(&[&app])).await;
    let socket = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let handed = vec![("http3:443".to_owned(), socket)];
    let refused = door.client().await.listen(handed).await.unwrap_err();
    let refused = ship_base::hint::chain(&refused);
    assert!(refused.contains("the socket does not listen"), "{refused}");
    let answer = ask_http1(&door, crate::tls::get("/", &[("host", HOST)])).await;
    assert_eq!(answer.header("alt-svc"), "");
}

#[tokio::test]
async fn a_swap_disturbs_no_connection() {
    let (old, new) = (mirror(), App::http("blog/web.1@r8", async |_| text("new")));
    let door = door(&old).await;
    let mut visitor = Visitor::connect(&door).await;
    assert!(visitor.get("/").await.text().starts_with("GET /"));
    door.swap(served_by(&[&new])).await;
    assert_eq!(visitor.get("/").await.text(), "new");
}

#[tokio::test]
async fn a_visitor_whose_router_gives_it_another_port_stays() {
    let app = mirror();
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    assert_eq!(visitor.get("/").await.status, 200);
    visitor.move_on();
    assert_eq!(visitor.get("/").await.status, 200);
}

/// An app whose answer begins, and ends when it is told to.
fn slow(begun: Arc<Notify>, end: Arc<Notify>) -> App {
    App::raw("blog/web.1@r7", move |mut stream| {
        use tokio::io::AsyncWriteExt as _;
        let (begun, end) = (begun.clone(), end.clone());
        async move {
            crate::raw::read_head(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
            stream.write_all(head).await.unwrap();
            begun.notify_one();
            end.notified().await;
            let _ = stream.write_all(&vec![b'x'; 300_000]).await;
        }
    })
}

#[tokio::test]
async fn a_door_that_stops_finishes_what_it_has_begun_and_takes_no_more() {
    let (begun, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let app = slow(begun.clone(), end.clone());
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    let mut running = visitor.begin(request("GET", "/", &[])).await.unwrap();
    running.finish().await.unwrap();
    soon("the app has the request", begun.notified()).await;
    let mut client = door.client().await;
    let stopping = tokio::spawn(async move { client.stop(Duration::from_secs(20)).await });
    let root = local_root(&door);
    let refused = async || {
        let newcomer = Visitor::connect_to(&door, &root, HOST).await;
        newcomer.is_err().then_some(())
    };
    until("newcomers are refused", refused).await;
    end.notify_one();
    let finished = answer(running).await.unwrap();
    assert_eq!(finished.body.len(), 300_000);
    assert_eq!(closed_with(&visitor.connection).await, 0x100);
    soon("the door stops", stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_app_hears_of_a_visitor_that_goes_away() {
    let (asked, gone) = (Arc::new(Notify::new()), Arc::new(Count::default()));
    let app = App::raw("blog/web.1@r7", {
        let (asked, gone) = (asked.clone(), gone.clone());
        move |mut stream| {
            use tokio::io::AsyncReadExt as _;
            let (asked, gone) = (asked.clone(), gone.clone());
            async move {
                crate::raw::read_head(&mut stream).await;
                asked.notify_one();
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
                gone.add();
            }
        }
    });
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    let mut answer = visitor.begin(request("GET", "/", &[])).await.unwrap();
    answer.finish().await.unwrap();
    soon("the app has the request", asked.notified()).await;
    answer.stop_sending(h3::error::Code::H3_REQUEST_CANCELLED);
    until("the app hears of it", async || {
        (gone.get() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_malformed_is_refused_and_no_app_sees_it() {
    let seen = Arc::new(Count::default());
    let app = App::http("blog/web.1@r7", {
        let seen = seen.clone();
        move |_| {
            seen.add();
            async { text("ok") }
        }
    });
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    for field in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("content-length", "+1"),
        ("content-length", "3"),
    ] {
        let refused = visitor.send(request("GET", "/", &[field]), "").await;
        let code = refused_with(refused.unwrap_err());
        assert_eq!(code, h3::error::Code::H3_MESSAGE_ERROR, "{field:?}");
    }
    assert_eq!(seen.get(), 0);
    let answer = visitor.get("/").await;
    assert_eq!(
        answer.status, 200,
        "the connection is none the worse for it"
    );
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_its_head_says_never_reaches_the_app_whole() {
    let whole = Arc::new(Count::default());
    let app = App::http("blog/web.1@r7", {
        let whole = whole.clone();
        move |request: Request<Incoming>| {
            let whole = whole.clone();
            async move {
                if request.into_body().collect().await.is_ok() {
                    whole.add();
                }
                text("ok")
            }
        }
    });
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    for length in ["3", "5"] {
        let asked = request("POST", "/", &[("content-length", length)]);
        match visitor.send(asked, "four").await {
            Ok(answer) => assert_eq!(answer.status, 400),
            Err(error) => {
                assert_eq!(refused_with(error), h3::error::Code::H3_MESSAGE_ERROR);
            }
        }
    }
    assert_eq!(whole.get(), 0);
}

#[tokio::test]
async fn the_log_names_the_protocol() {
    let app = mirror();
    let folder = tempfile::tempdir().unwrap();
    let mut sites = served_by(&[&app]);
    sites[0].access_log = Some(folder.path().to_owned());
    let mut door = Door::start(sites).await;
    door.speak_http3().await;
    assert_eq!(Visitor::connect(&door).await.get("/a").await.status, 200);
    let line = until("the request is in the log", async || {
        let file = std::fs::read_dir(folder.path()).ok()?.next()?.ok()?.path();
        let text = std::fs::read_to_string(file).ok()?;
        text.contains("HTTP/").then_some(text)
    })
    .await;
    assert!(line.contains("HTTP/3"), "{line}");
}
