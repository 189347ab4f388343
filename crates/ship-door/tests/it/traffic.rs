//! What goes to visitors and comes from them is counted, by whatever protocol; and what is done beyond a
//! budget.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Incoming;
use ship_base::clock::Moment;
use ship_door::limit::Limits;
use ship_door::table::{Budget, Over, Site, SiteRules, Target};
use ship_door::traffic::{Month, read};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::door::{App, Door, get, instances, request, route, served_by, site, soon, text, until};
use crate::quic;
use crate::raw;
use crate::tls::{ask_http1, ask_http2};
use crate::websockets::{echoing, handshake};

/// Room for heads.
const HEADS: u64 = 2000;

async fn start(sites: Vec<Site>, limits: Limits) -> Door {
    let limits = Limits {
        traffic_saved: Duration::from_millis(10),
        ..limits
    };
    Door::start_with(sites, false, limits).await
}

fn counted(door: &Door) -> Month {
    let book = read(&door.folder.path().join("door")).unwrap();
    let app = "blog".parse().unwrap();
    let months = book.apps.get(&app);
    // Whatever month it is; two, should one end right now.
    let each = months.into_iter().flat_map(|months| months.values());
    each.fold(Month::default(), |all, month| Month {
        sent: all.sent + month.sent,
        received: all.received + month.received,
        told: month.told,
    })
}

/// Waits until at least so much was counted, and expects that it is not much more.
async fn expect(what: &str, door: &Door, before: &Month, sent: u64, received: u64) {
    let now = until(what, async || {
        let now = counted(door);
        let all = now.sent >= before.sent + sent && now.received >= before.received + received;
        all.then_some(now)
    });
    let now = now.await;
    let more = (
        now.sent - before.sent - sent,
        now.received - before.received - received,
    );
    assert!(more.0 < HEADS && more.1 < HEADS, "{what}: {more:?} beyond");
}

const ANSWER: usize = 100_000;
const BODY: usize = 50_000;

/// Reads what it is sent, and answers with something that cannot be compressed on the way.
fn app() -> App {
    App::http("blog/web.1@r7", |request: Request<Incoming>| async move {
        request.into_body().collect().await.unwrap();
        text(vec![7; ANSWER])
    })
}

#[tokio::test]
async fn bytes_are_counted_each_way_by_every_protocol() {
    let app = app();
    let mut door = start(served_by(&[&app]), Limits::default()).await;
    door.speak_http3().await;
    let body = || vec![1; BODY];
    let (sent, received) = (ANSWER as u64, BODY as u64);

    let before = counted(&door);
    let asked = request("POST", "/", &[], body());
    let answer = door.visit().await.send(asked).await.unwrap();
    assert_eq!(answer.body.len(), ANSWER);
    expect("plain HTTP/1", &door, &before, sent, received).await;

    let before = counted(&door);
    let asked = request("POST", "/", &[("host", "blog.localhost")], body());
    ask_http1(&door, asked).await;
    expect("HTTP/1 with TLS", &door, &before, sent, received).await;

    let before = counted(&door);
    let mut asked = request("POST", "/", &[], body());
    *asked.uri_mut() = "https://blog.localhost/".parse().unwrap();
    ask_http2(&door, asked).await;
    expect("HTTP/2", &door, &before, sent, received).await;

    let before = counted(&door);
    let mut visitor = quic::Visitor::connect(&door).await;
    let asked = quic::request("POST", "/", &[]);
    visitor.send(asked, body()).await.unwrap();
    expect("HTTP/3", &door, &before, sent, received).await;
}

#[tokio::test]
async fn files_that_the_kernel_sends_are_counted_and_what_is_not_sent_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let length = 3_000_000;
    std::fs::write(folder.path().join("film.mp4"), vec![3; length]).unwrap();
    let files = Target::Files {
        folder: folder.path().to_owned(),
        fall_through: false,
        fallback: None,
        packed: None,
    };
    let door = start(vec![site(vec![route("/", files)])], Limits::default()).await;
    let before = counted(&door);
    let answer = door.get("/film.mp4").await;
    assert_eq!(answer.body.len(), length);
    expect("a file", &door, &before, length as u64, 1).await;

    let before = counted(&door);
    let asked = request("HEAD", "/film.mp4", &[], "");
    door.visit().await.send(asked).await.unwrap();
    let known = [("if-none-match", answer.header("etag"))];
    let asked = get("/film.mp4", &known);
    assert_eq!(door.visit().await.send(asked).await.unwrap().status, 304);
    let part = [("range", "bytes=0-99999")];
    let asked = get("/film.mp4", &part);
    assert_eq!(door.visit().await.send(asked).await.unwrap().status, 206);
    expect("parts of it", &door, &before, 100_000, 1).await;
}

#[tokio::test]
async fn kept_answers_are_counted_for_each_visitor() {
    let app = App::http("blog/web.1@r7", |_| async {
        let mut reply = text(vec![7; ANSWER]);
        let kept = "max-age=60".parse().unwrap();
        reply.headers_mut().insert("cache-control", kept);
        reply
    });
    let door = start(served_by(&[&app]), Limits::default()).await;
    let before = counted(&door);
    for _ in 0..3 {
        assert_eq!(door.get("/").await.body.len(), ANSWER);
    }
    expect("kept answers", &door, &before, 3 * ANSWER as u64, 1).await;
}

#[tokio::test]
async fn a_websocket_is_counted_each_way() {
    let app = echoing("blog/web.1@r7");
    let door = start(served_by(&[&app]), Limits::default()).await;
    let mut stream = raw::dial(door.address).await;
    stream.write_all(handshake().as_bytes()).await.unwrap();
    raw::read_head(&mut stream).await;
    let before = counted(&door);
    for _ in 0..100 {
        let frame = [&[0x82, 0xFE, 3, 0xE0, 1, 2, 3, 4][..], &[7; 992]].concat();
        stream.write_all(&frame).await.unwrap();
        let mut echo = vec![0; frame.len()];
        soon("the echo", stream.read_exact(&mut echo))
            .await
            .unwrap();
        assert!(echo == frame);
    }
    expect("a WebSocket", &door, &before, 100_000, 100_000).await;
}

fn limited(app: &App, bytes: u64, over: Over) -> Vec<Site> {
    let budget = Budget {
        bytes,
        over,
        open: vec!["/healthz".to_owned()],
    };
    let rules = SiteRules {
        budget: Some(budget),
        ..SiteRules::default()
    };
    let routes = vec![route("/", instances(vec![app.upstream()]))];
    vec![Site {
        rules,
        ..site(routes)
    }]
}

#[tokio::test]
async fn a_paused_app_rests_until_the_month_ends_or_its_budget_is_raised() {
    let app = app();
    let door = start(limited(&app, 150_000, Over::Pause), Limits::default()).await;
    assert_eq!(door.get("/").await.status, 200);
    assert_eq!(door.get("/").await.status, 200);
    let page = until("it is paused", async || {
        let answer = door.get("/page").await;
        (answer.status == 503).then_some(answer)
    });
    let page = page.await;
    let left = Moment::now().next_month().as_millis() - Moment::now().as_millis();
    let seconds: i64 = page.header("retry-after").parse().unwrap();
    // Should the month have ended since.
    assert!(seconds <= 31 * 86_400 && (seconds * 1000 >= left || seconds < 60));
    assert_eq!(page.header("cache-control"), "no-store");
    for open in ["/healthz", "/.well-known/acme-challenge/of-the-app"] {
        assert_eq!(door.get(open).await.status, 200, "{open}");
    }
    for closed in [
        "/healthz/x",
        "/.well-known/acme-challenge/../../x",
        "/x?/healthz",
    ] {
        assert_eq!(door.get(closed).await.status, 503, "{closed}");
    }
    assert_eq!(door.client().await.status().await.unwrap().failures, 0);
    door.swap(limited(&app, 1_000_000_000, Over::Pause)).await;
    assert_eq!(door.get("/").await.status, 200);
}

#[tokio::test]
async fn beyond_its_budget_an_app_that_is_to_be_warned_goes_on() {
    let app = app();
    let door = start(limited(&app, 1000, Over::Warn), Limits::default()).await;
    for _ in 0..3 {
        assert_eq!(door.get("/").await.status, 200);
    }
    until("it is told", async || counted(&door).told).await;
    assert_eq!(door.get("/").await.status, 200);
}

#[tokio::test]
async fn a_slowed_app_answers_whole_and_turns_away_whom_it_could_not_answer_in_good_time() {
    let folder = tempfile::tempdir().unwrap();
    let film: Vec<u8> = (0..600_000_u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(folder.path().join("film.mp4"), &film).unwrap();
    let app = app();
    let mut sites = limited(&app, 1000, Over::Slow);
    let files = Target::Files {
        folder: folder.path().to_owned(),
        fall_through: false,
        fallback: None,
        packed: None,
    };
    sites[0].routes.push(route("/files", files));
    let limits = Limits {
        slow_pace: 3_000_000,
        ..Limits::default()
    };
    let door = start(sites.clone(), limits).await;
    door.get("/").await;
    until("it is slowed", async || counted(&door).told).await;
    for _ in 0..2 {
        assert!(door.get("/files/film.mp4").await.body == film);
        assert_eq!(door.get("/").await.body.len(), ANSWER);
    }

    // At a byte a second there is soon a line of hours.
    let limits = Limits {
        slow_pace: 1,
        ..Limits::default()
    };
    let door = start(sites, limits).await;
    door.get("/").await;
    until("it is slowed", async || counted(&door).told).await;
    let mut first = door.visit().await;
    assert_eq!(first.begin(get("/", &[])).await.unwrap().status(), 200);
    let turned_away = until("the line is long", async || {
        let mut visitor = door.visit().await;
        let answer = visitor.begin(get("/", &[])).await.unwrap();
        (answer.status() == 503).then_some(answer)
    });
    let turned_away = turned_away.await;
    let wait: u64 = turned_away.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(wait > 10, "{wait}");
}
