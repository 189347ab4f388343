//! Answers that are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Incoming;
use ship_door::limit::Limits;
use ship_door::table::{Cache, Route, Site};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use crate::door::{
    Answer, App, Count, Door, HOST, Reply, Visitor, get, instances, request, route, site, soon,
    text, until,
};
use crate::raw;

/// A reply with these fields.
fn reply(fields: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut reply = text(body);
    for (name, value) in fields {
        let name: hyper::header::HeaderName = name.parse().unwrap();
        reply.headers_mut().append(name, value.parse().unwrap());
    }
    reply
}

/// An app that counts, and tells the number of each request to `answer`.
fn counting<F>(answer: F) -> (App, Arc<Count>)
where
    F: Fn(u64, &Request<Incoming>) -> Reply + Clone + Send + Sync + 'static,
{
    let count = Arc::new(Count::default());
    let app = App::http("a", {
        let count = count.clone();
        move |request| {
            let reply = answer(count.add(), &request);
            async move { reply }
        }
    });
    (app, count)
}

/// An app whose every answer has these fields and its number.
fn numbered(fields: &'static [(&'static str, &'static str)]) -> (App, Arc<Count>) {
    counting(move |number, _| reply(fields, format!("answer {number}")))
}

fn kept(app: &App, fresh: u64, stale: u64) -> Route {
    Route {
        cache: Some(Cache {
            fresh,
            share: None,
            stale,
        }),
        ..route("/", instances(vec![app.upstream()]))
    }
}

/// A door whose author says that answers are good for an hour.
async fn told(app: &App) -> Door {
    Door::start(vec![site(vec![kept(app, 3600, 0)])]).await
}

/// A door whose author says that answers are good for a tenth of their age.
async fn guessing(app: &App) -> Door {
    let mut route = kept(app, 86_400, 0);
    route.cache = Some(Cache {
        fresh: 86_400,
        share: Some(10),
        stale: 0,
    });
    Door::start(vec![site(vec![route])]).await
}

/// A door whose author says nothing, with its cache awake.
async fn silent(app: &App) -> Door {
    let door = Door::start(crate::door::served_by(&[app])).await;
    door.get("/wakes").await;
    door
}

async fn asked(door: &Door, fields: &[(&str, &str)]) -> Answer {
    door.visit().await.send(get("/", fields)).await.unwrap()
}

#[tokio::test]
async fn a_tenth_of_its_age_is_what_an_answer_is_kept_for_where_the_author_says_so() {
    let (old, asked_old) = numbered(&[("last-modified", "Thu, 01 Jan 2015 00:00:00 GMT")]);
    let door = guessing(&old).await;
    for _ in 0..2 {
        assert_eq!(asked(&door, &[]).await.text(), "answer 1");
    }
    assert_eq!(asked_old.get(), 1);
    let (silent, asked_silent) = numbered(&[]);
    let door = guessing(&silent).await;
    for number in 1..=2 {
        assert_eq!(asked(&door, &[]).await.text(), format!("answer {number}"));
    }
    assert_eq!(asked_silent.get(), 2);
}

#[tokio::test]
async fn what_the_app_allows_is_kept_and_gets_older() {
    let (app, count) = numbered(&[("cache-control", "max-age=60"), ("age", "5")]);
    let door = silent(&app).await;
    let first = asked(&door, &[]).await;
    let second = asked(&door, &[]).await;
    assert_eq!((first.text(), second.text()), ("answer 2", "answer 2"));
    let age: u64 = second.header("age").parse().unwrap();
    assert!((5..60).contains(&age), "{age}");
    assert!(!second.header("date").is_empty());
    assert_eq!(count.get(), 2);
}

#[tokio::test]
async fn an_app_that_says_nothing_is_asked_each_time() {
    for fields in [
        &[][..],
        &[("last-modified", "Thu, 01 Jan 1970 00:16:40 GMT")],
        &[("cache-control", "no-store")],
        &[("cache-control", "private, max-age=60")],
        &[("cache-control", "max-age=60"), ("set-cookie", "a=b")],
        &[("cache-control", "max-age=60"), ("vary", "*")],
    ] {
        let (app, count) = counting(move |number, request| match request.uri().path() {
            "/wakes" => reply(&[("cache-control", "max-age=60")], ""),
            _ => reply(fields, format!("answer {number}")),
        });
        let door = silent(&app).await;
        asked(&door, &[]).await;
        assert_eq!(asked(&door, &[]).await.text(), "answer 3", "{fields:?}");
        assert_eq!(count.get(), 3);
    }
}

#[tokio::test]
async fn many_visitors_at_once_are_one_request() {
    let (count, gate) = (Arc::new(Count::default()), Arc::new(Semaphore::new(0)));
    let app = App::http("a", {
        let (count, gate) = (count.clone(), gate.clone());
        move |_| {
            let (count, gate) = (count.clone(), gate.clone());
            async move {
                count.add();
                gate.acquire().await.unwrap().forget();
                text("feed".repeat(10_000))
            }
        }
    });
    let door = told(&app).await;
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let mut visitor = door.visit().await;
        visitors.spawn(async move { visitor.get("/").await });
    }
    until("the app is asked", async || (count.get() > 0).then_some(())).await;
    gate.add_permits(1);
    while let Some(answer) = visitors.join_next().await {
        assert_eq!(answer.unwrap().body.len(), 40_000);
    }
    assert_eq!(count.get(), 1);
}

#[tokio::test]
async fn answers_that_may_not_be_kept_release_who_waits_and_are_nobody_elses() {
    let (app, count) = counting(|number, _| {
        let cookie = format!("session={number}");
        reply(&[("set-cookie", &cookie)], number.to_string())
    });
    let door = told(&app).await;
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let mut visitor = door.visit().await;
        visitors.spawn(async move { visitor.get("/").await });
    }
    let mut seen = Vec::new();
    while let Some(answer) = visitors.join_next().await {
        let answer = answer.unwrap();
        let cookie = format!("session={}", answer.text());
        assert_eq!(answer.header("set-cookie"), cookie);
        seen.push(cookie);
    }
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), count.get()), (50, 50));
}

#[tokio::test]
async fn who_has_a_cookie_gets_an_answer_of_their_own_where_only_the_author_keeps_it() {
    let (app, _) = counting(|number, request| {
        let cookie = request.headers().get("cookie");
        let who = cookie.map_or("nobody", |cookie| cookie.to_str().unwrap());
        text(format!("{number} for {who}"))
    });
    let door = told(&app).await;
    assert_eq!(asked(&door, &[("cookie", "u=1")]).await.text(), "1 for u=1");
    assert_eq!(asked(&door, &[]).await.text(), "2 for nobody");
    assert_eq!(asked(&door, &[("cookie", "u=2")]).await.text(), "3 for u=2");
    let login = [("authorization", "Basic eDp4")];
    assert_eq!(asked(&door, &login).await.text(), "4 for nobody");
    assert_eq!(asked(&door, &[]).await.text(), "2 for nobody");
}

#[tokio::test]
async fn visitors_are_told_that_what_they_have_is_still_good() {
    let (app, count) = numbered(&[("last-modified", "Thu, 01 Jan 1970 00:16:40 GMT")]);
    let door = told(&app).await;
    door.get("/").await;
    // The app gave no tag, so the door did.
    let kept = asked(&door, &[]).await;
    let tag = kept.header("etag");
    assert!(tag.starts_with('"'), "{tag}");
    let same = asked(&door, &[("if-none-match", tag)]).await;
    assert_eq!((same.status, same.header("etag")), (304, tag));
    let one_of = format!("\"a,b\", W/{tag}");
    let same = asked(&door, &[("if-none-match", &one_of)]).await;
    assert_eq!(same.status, 304);
    let since = [("if-modified-since", "Thu, 01 Jan 1970 00:16:40 GMT")];
    assert_eq!(asked(&door, &since).await.status, 304);
    let before = [("if-modified-since", "Thu, 01 Jan 1970 00:16:39 GMT")];
    assert_eq!(asked(&door, &before).await.status, 200);
    assert_eq!(count.get(), 1);
}

#[tokio::test]
async fn the_first_visitor_may_ask_for_less_than_the_app_is_asked_for() {
    let (app, count) = counting(|_, request| {
        assert!(!request.headers().contains_key("range"));
        reply(&[("etag", "\"1\"")], "0123456789")
    });
    let door = told(&app).await;
    let part = asked(&door, &[("range", "bytes=2-4")]).await;
    assert_eq!((part.status, part.text()), (206, "234"));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    let stale = [("range", "bytes=2-4"), ("if-range", "\"other\"")];
    assert_eq!(asked(&door, &stale).await.text(), "0123456789");
    let beyond = asked(&door, &[("range", "bytes=10-")]).await;
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, "bytes */10")
    );
    let head = request("HEAD", "/", &[], "");
    let head = door.visit().await.send(head).await.unwrap();
    assert_eq!((head.header("content-length"), head.body.len()), ("10", 0));
    assert_eq!(count.get(), 1);
}

#[tokio::test]
async fn parts_and_304_vary_as_the_whole_does() {
    for (kind, length, varies) in [
        ("text/html", 2000, "Accept-Encoding"),
        ("text/html", 20, ""),
        ("image/png", 2000, ""),
    ] {
        let fields = [("content-type", kind), ("etag", "\"1\"")];
        let (app, count) = counting(move |_, _| reply(&fields, "x".repeat(length)));
        let door = told(&app).await;
        for (status, field) in [
            (200, ("accept", "*/*")),
            (206, ("range", "bytes=0-9")),
            (304, ("if-none-match", "\"1\"")),
        ] {
            let answer = asked(&door, &[field]).await;
            let seen = (answer.status, answer.header("vary"));
            assert_eq!(seen, (status, varies), "{kind} {length}");
        }
        assert_eq!(count.get(), 1);
    }
}

#[tokio::test]
async fn who_wants_what_is_kept_or_nothing_costs_the_app_nothing() {
    let only = [("cache-control", "max-stale, Only-If-Cached")];
    let (app, count) = numbered(&[]);
    let door = told(&app).await;
    let nothing = asked(&door, &only).await;
    assert_eq!((nothing.status, count.get()), (504, 0));
    assert_eq!(nothing.header("cache-control"), "no-store");
    assert_eq!(
        nothing.header("content-length"),
        nothing.body.len().to_string()
    );
    let head = request("HEAD", "/", &only, "");
    let head = door.visit().await.send(head).await.unwrap();
    assert_eq!((head.status, head.text()), (504, ""));
    // Nobody waits for the answer that was not asked for.
    assert_eq!(asked(&door, &[]).await.text(), "answer 1");
    let kept = asked(&door, &only).await;
    assert_eq!((kept.status, kept.text()), (200, "answer 1"));
    // Somebody's own page is not kept.
    let own = [&only[..], &[("cookie", "a=b")]].concat();
    assert_eq!(asked(&door, &own).await.status, 504);
    assert_eq!(count.get(), 1);
    // Where nothing is ever kept it is the app's to answer.
    let (app, _) = numbered(&[]);
    let door = Door::start(crate::door::served_by(&[&app])).await;
    assert_eq!(asked(&door, &only).await.text(), "answer 1");
}

#[tokio::test]
async fn a_tag_may_have_a_comma() {
    let (app, _) = numbered(&[("etag", "\"a,b\"")]);
    let door = told(&app).await;
    asked(&door, &[]).await;
    for (status, tags) in [
        (304, "\"a,b\""),
        (304, "\"x\", W/\"a,b\""),
        (200, "\"a\", \"b\""),
        (200, "\"x,*\""),
    ] {
        let answer = asked(&door, &[("if-none-match", tags)]).await;
        assert_eq!(answer.status, status, "{tags}");
    }
}

#[tokio::test]
async fn that_there_is_no_such_part_is_not_kept_for_the_whole() {
    let fields = [
        ("cache-control", "public, max-age=31536000, immutable"),
        ("expires", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ("content-encoding", "br"),
        ("x-else", "1"),
    ];
    let (app, _) = counting(move |_, _| reply(&fields, "0123456789"));
    let door = silent(&app).await;
    asked(&door, &[]).await;
    let beyond = asked(&door, &[("range", "bytes=10-")]).await;
    assert_eq!((beyond.status, beyond.text()), (416, ""));
    assert_eq!(beyond.header("content-range"), "bytes */10");
    assert_eq!(beyond.header("cache-control"), "no-store");
    assert_eq!(beyond.header("x-else"), "1");
    for absent in ["age", "expires", "content-encoding"] {
        assert_eq!(beyond.header(absent), "", "{absent}");
    }
}

#[tokio::test]
async fn an_old_answer_is_sent_at_once_while_a_new_one_is_fetched() {
    let (app, _) = numbered(&[("cache-control", "max-age=0, stale-while-revalidate=600")]);
    let door = silent(&app).await;
    assert_eq!(asked(&door, &[]).await.text(), "answer 2");
    assert_eq!(asked(&door, &[]).await.text(), "answer 2");
    until("a new answer is there", async || {
        (asked(&door, &[]).await.text() != "answer 2").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_old_answer_is_better_than_an_error() {
    let fails = Arc::new(AtomicBool::new(false));
    let (app, count) = counting({
        let fails = fails.clone();
        move |_, _| {
            let mut answer = reply(
                &[
                    ("cache-control", "max-age=10, stale-if-error=600"),
                    ("age", "9"),
                ],
                "good",
            );
            if fails.load(Ordering::SeqCst) {
                *answer.status_mut() = hyper::StatusCode::BAD_GATEWAY;
            }
            answer
        }
    });
    let door = silent(&app).await;
    asked(&door, &[]).await;
    fails.store(true, Ordering::SeqCst);
    let before = count.get();
    until("the app has failed", async || {
        let answer = asked(&door, &[]).await;
        assert_eq!((answer.status, answer.text()), (200, "good"));
        (count.get() > before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_app_that_is_gone_is_covered_for_as_long_as_its_author_says() {
    let (app, count) = numbered(&[]);
    let door = Door::start(vec![site(vec![kept(&app, 0, 600)])]).await;
    assert_eq!(asked(&door, &[]).await.text(), "answer 1");
    drop(app);
    for _ in 0..3 {
        assert_eq!(asked(&door, &[]).await.text(), "answer 1");
    }
    assert_eq!(count.get(), 1);
}

#[tokio::test]
async fn an_old_answer_is_renewed_by_asking_whether_it_is_still_the_one() {
    let (app, count) = counting(|number, request| {
        let known = request.headers().get("if-none-match");
        let fields = [("cache-control", "max-age=10"), ("etag", "\"1\"")];
        if known.is_some_and(|known| known == "\"1\"") {
            let mut same = reply(&fields, "");
            *same.status_mut() = hyper::StatusCode::NOT_MODIFIED;
            return same;
        }
        reply(
            &[&fields[..], &[("age", "9")]].concat(),
            format!("answer {number}"),
        )
    });
    let door = silent(&app).await;
    asked(&door, &[]).await;
    until("the app is asked again", async || {
        assert_eq!(asked(&door, &[]).await.text(), "answer 2");
        (count.get() == 3).then_some(())
    })
    .await;
    for _ in 0..3 {
        assert_eq!(asked(&door, &[]).await.text(), "answer 2");
    }
    assert_eq!(count.get(), 3, "it was good again");
}

#[tokio::test]
async fn a_change_makes_what_was_kept_worthless() {
    let (app, _) = numbered(&[("location", "/other")]);
    let door = told(&app).await;
    let mut visitor = door.visit().await;
    assert_eq!(visitor.get("/").await.text(), "answer 1");
    assert_eq!(visitor.get("/other").await.text(), "answer 2");
    visitor.send(request("POST", "/", &[], "x")).await.unwrap();
    assert_eq!(visitor.get("/").await.text(), "answer 4");
    assert_eq!(visitor.get("/other").await.text(), "answer 5");
}

#[tokio::test]
async fn an_answer_is_for_those_who_ask_alike() {
    let (app, count) = numbered(&[("vary", "Accept-Language")]);
    let door = told(&app).await;
    let german = [("accept-language", "de")];
    let french = [("accept-language", "fr")];
    assert_eq!(asked(&door, &german).await.text(), "answer 1");
    assert_eq!(asked(&door, &french).await.text(), "answer 2");
    assert_eq!(asked(&door, &german).await.text(), "answer 1");
    assert_eq!(
        asked(&door, &[("host", "blog.localhost:1")]).await.text(),
        "answer 3"
    );
    assert_eq!(
        asked(&door, &[("host", "BLOG.localhost")]).await.text(),
        "answer 4"
    );
    assert_eq!(count.get(), 4);
}

#[tokio::test]
async fn apps_do_not_share_and_a_new_release_begins_anew() {
    let (blog, _) = numbered(&[]);
    let (shop, _) = counting(|_, _| text("shop"));
    let named = |app: &App, name: &str, release: &str| Site {
        app: name.parse().unwrap(),
        hosts: vec![format!("{name}.localhost")],
        release: Some(release.parse().unwrap()),
        ..site(vec![kept(app, 3600, 0)])
    };
    let door = Door::start(vec![named(&blog, "blog", "r1"), named(&shop, "shop", "r1")]).await;
    assert_eq!(door.get("/").await.text(), "answer 1");
    let shop_s = asked(&door, &[("host", "shop.localhost")]).await;
    assert_eq!(shop_s.text(), "shop");
    // The same release in a new table keeps what it has.
    door.swap(vec![named(&blog, "blog", "r1")]).await;
    assert_eq!(door.get("/").await.text(), "answer 1");
    door.swap(vec![named(&blog, "blog", "r2")]).await;
    assert_eq!(door.get("/").await.text(), "answer 2");
}

#[tokio::test]
async fn what_is_kept_can_be_forgotten() {
    let (app, _) = numbered(&[]);
    let door = told(&app).await;
    for path in ["/feed", "/feed?page=2", "/feeds", "/blog/1"] {
        door.get(path).await;
    }
    let purge = async |path: &str| {
        let blog = "blog".parse().unwrap();
        door.client()
            .await
            .purge(blog, path.to_owned())
            .await
            .unwrap()
    };
    assert_eq!(purge("/feed").await, 2);
    assert_eq!(purge("/feed").await, 0);
    assert_eq!(door.get("/feed").await.text(), "answer 5");
    assert_eq!(door.get("/feeds").await.text(), "answer 3");
    assert_eq!(purge("/*").await, 3);
}

#[tokio::test]
async fn a_slow_visitor_holds_up_nobody_else() {
    let (app, count) = counting(|_, _| text(vec![b'x'; 4 << 20]));
    let door = told(&app).await;
    let mut slow = raw::dial(door.address).await;
    let asks = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    slow.write_all(asks.as_bytes()).await.unwrap();
    until("the app is asked", async || {
        (count.get() == 1).then_some(())
    })
    .await;
    assert_eq!(door.get("/").await.body.len(), 4 << 20);
    assert_eq!(count.get(), 1);
}

#[tokio::test]
async fn what_is_too_large_to_be_kept_passes_whole() {
    let (app, count) = counting(|_, request| {
        let body = vec![b'x'; 9 << 20];
        let mut reply = text(body);
        if request.uri().path() == "/chunked" {
            reply
                .headers_mut()
                .insert("transfer-encoding", "chunked".parse().unwrap());
        }
        reply
    });
    let door = told(&app).await;
    for path in ["/", "/chunked"] {
        let before = count.get();
        for _ in 0..2 {
            assert_eq!(door.get(path).await.body.len(), 9 << 20);
        }
        assert_eq!(count.get(), before + 2, "{path}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_kept() {
    let count = Arc::new(Count::default());
    let app = App::raw("a", {
        let count = count.clone();
        move |mut stream| {
            let number = count.add();
            async move {
                raw::read_head(&mut stream).await;
                let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
                let body = if number == 1 { "he" } else { "hello" };
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        }
    });
    let door = told(&app).await;
    assert!(door.visit().await.send(get("/", &[])).await.is_err());
    assert_eq!(door.get("/").await.text(), "hello");
}

#[tokio::test]
async fn who_leads_may_leave() {
    let (count, gate) = (Arc::new(Count::default()), Arc::new(Semaphore::new(0)));
    let app = App::http("a", {
        let (count, gate) = (count.clone(), gate.clone());
        move |_| {
            let (count, gate) = (count.clone(), gate.clone());
            async move {
                if count.add() == 1 {
                    gate.acquire().await.unwrap().forget();
                }
                text("late")
            }
        }
    });
    let door = told(&app).await;
    let mut first = raw::dial(door.address).await;
    let asks = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    first.write_all(asks.as_bytes()).await.unwrap();
    until("the app is asked", async || {
        (count.get() == 1).then_some(())
    })
    .await;
    let mut second: Visitor = door.visit().await;
    let waiting = tokio::spawn(async move { second.get("/").await });
    drop(first);
    let answer = soon("the next takes over", waiting).await.unwrap();
    assert_eq!(answer.text(), "late");
}

/// An app whose every answer begins and has no end, and how many of its visitors have gone.
fn endless(kind: &'static str) -> (App, Arc<Count>) {
    let (asked, gone) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let app = App::raw("a", {
        let gone = gone.clone();
        move |mut stream| {
            let (asked, gone) = (asked.clone(), gone.clone());
            async move {
                raw::read_head(&mut stream).await;
                let number = asked.add();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n");
                let begins = format!("Transfer-Encoding: chunked\r\n\r\n7\r\nline {number}\n\r\n");
                stream.write_all((head + &begins).as_bytes()).await.unwrap();
                raw::rest(&mut stream).await;
                gone.add();
            }
        }
    });
    (app, gone)
}

/// A visitor who has read the first line of an answer, and it.
async fn first_line(door: &Door, field: &str) -> (tokio::net::TcpStream, String) {
    let mut visitor = raw::dial(door.address).await;
    let asks = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{field}\r\n");
    visitor.write_all(asks.as_bytes()).await.unwrap();
    raw::read_head(&mut visitor).await;
    raw::read_until(&mut visitor, b"7\r\n").await;
    let line = raw::read_until(&mut visitor, b"\n").await;
    (visitor, String::from_utf8(line).unwrap())
}

#[tokio::test]
async fn events_are_not_kept_and_waited_for_by_nobody() {
    let (app, gone) = endless("text/event-stream");
    let door = told(&app).await;
    let (first, one) = first_line(&door, "").await;
    let (second, two) = first_line(&door, "").await;
    assert_eq!((&*one, &*two), ("line 1\n", "line 2\n"));
    drop(first);
    until("the app is told", async || (gone.get() == 1).then_some(())).await;
    drop(second);
    until("the app is told", async || (gone.get() == 2).then_some(())).await;
}

#[tokio::test]
async fn an_answer_without_an_end_holds_up_nobody_for_long_and_ends_with_its_visitor() {
    let (app, gone) = endless("application/x-ndjson");
    let limits = Limits {
        shared_rest: std::time::Duration::from_millis(20),
        ..Limits::default()
    };
    let door = Door::start_with(vec![site(vec![kept(&app, 3600, 0)])], true, limits).await;
    let (first, one) = first_line(&door, "").await;
    let (second, two) = first_line(&door, "").await;
    assert_eq!((&*one, &*two), ("line 1\n", "line 2\n"));
    drop((first, second));
    until("the app is told", async || (gone.get() == 2).then_some(())).await;
    // Nor somebody who has a version, and waits to hear whether it is still good.
    let (third, three) = first_line(&door, "If-None-Match: \"1\"\r\n").await;
    assert_eq!(three, "line 3\n");
    drop(third);
    until("the app is told", async || (gone.get() == 3).then_some(())).await;
}

/// An app that wants to be asked each time, and knows by the tag whether anything is new.
fn asks_always() -> (App, Arc<Count>) {
    counting(|number, request| {
        let known = request.headers().get("if-none-match");
        let fields = [("cache-control", "no-cache"), ("etag", "\"1\"")];
        if request.uri().path() == "/wakes" {
            return reply(&[("cache-control", "max-age=60")], "");
        }
        let mut reply = reply(&fields, format!("answer {number}"));
        if known.is_some_and(|tag| tag == "\"1\"") {
            *reply.status_mut() = hyper::StatusCode::NOT_MODIFIED;
            let nothing = http_body_util::Empty::new().map_err(|never| match never {});
            *reply.body_mut() = nothing.boxed();
        }
        reply
    })
}

#[tokio::test]
async fn what_the_app_wants_to_be_asked_about_is_sent_again_where_it_says_so() {
    let (app, count) = asks_always();
    let door = silent(&app).await;
    for number in 0..3 {
        let answer = asked(&door, &[]).await;
        assert_eq!((answer.status, answer.text()), (200, "answer 2"));
        assert_eq!(count.get(), 2 + number);
    }
    // Who has it already is told so.
    let known = asked(&door, &[("if-none-match", "\"1\"")]).await;
    assert_eq!((known.status, known.text()), (304, ""));
    // Whoever is known to the app gets an answer made for them, and it is kept for nobody.
    for person in [("cookie", "a=b"), ("authorization", "Basic eDp4")] {
        let own = asked(&door, &[person]).await;
        assert_eq!(own.text(), format!("answer {}", count.get()));
    }
    assert_eq!(asked(&door, &[]).await.text(), "answer 2");
}

#[tokio::test]
async fn nobody_waits_for_an_answer_that_has_to_be_asked_about() {
    let gate = Arc::new(Semaphore::new(0));
    let app = App::http("a", {
        let gate = gate.clone();
        move |request: Request<Incoming>| {
            let gate = gate.clone();
            async move {
                if request.uri().path() == "/wakes" {
                    return reply(&[("cache-control", "max-age=60")], "");
                }
                if request.headers().contains_key("if-none-match") {
                    // Until all ten are here.
                    gate.add_permits(1);
                    let _all = gate.acquire_many(10).await.unwrap();
                    gate.add_permits(10);
                }
                reply(&[("cache-control", "no-cache"), ("etag", "\"1\"")], "ok")
            }
        }
    });
    let door = silent(&app).await;
    asked(&door, &[]).await;
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let mut visitor = door.visit().await;
        visitors.spawn(async move { visitor.get("/").await });
    }
    while let Some(answer) = visitors.join_next().await {
        assert_eq!(answer.unwrap().text(), "ok");
    }
}

#[tokio::test]
async fn the_answer_to_a_post_is_that_to_a_get_where_the_app_says_both_and_how_long() {
    let (app, count) = counting(|number, request| {
        let place = request.headers().get("x-place");
        let place = place.map_or("", |place| place.to_str().unwrap()).to_owned();
        let fresh = request.headers().get("x-fresh");
        let fresh = fresh.map_or("", |fresh| fresh.to_str().unwrap()).to_owned();
        let mut fields = vec![("cache-control", fresh.as_str())];
        if request.uri().path() == "/wakes" {
            fields = vec![("cache-control", "max-age=60")];
        }
        if !place.is_empty() {
            fields.push(("content-location", &place));
        }
        reply(&fields, format!("answer {number}"))
    });
    let door = silent(&app).await;
    let post = async |fields: &[(&str, &str)]| {
        let asked = request("POST", "/", fields, "word");
        door.visit().await.send(asked).await.unwrap();
        count.get()
    };
    let here = ("x-place", "/");
    let fresh = ("x-fresh", "max-age=60");
    let number = post(&[here, fresh]).await;
    assert_eq!(asked(&door, &[]).await.text(), format!("answer {number}"));
    for fields in [
        &[here][..],
        &[fresh],
        &[("x-place", "/elsewhere"), fresh],
        &[("x-place", "http://else.test/"), fresh],
        &[here, ("x-fresh", "no-cache, max-age=60")],
        &[here, fresh, ("cookie", "a=b")],
        &[here, fresh, ("cache-control", "no-store")],
    ] {
        let number = post(fields).await;
        let next = asked(&door, &[]).await;
        assert_eq!(next.text(), format!("answer {}", number + 1), "{fields:?}");
    }
}

#[tokio::test]
async fn a_part_is_kept_for_whoever_asks_for_the_same_part() {
    let (app, count) = counting(|number, request| {
        let mut fields = vec![("cache-control", "max-age=60")];
        let is_part = request.method() == "GET" && request.headers().contains_key("range");
        if is_part {
            fields.push(("content-range", "bytes 0-8/100"));
        }
        let mut reply = reply(&fields, format!("answer {number}"));
        if is_part {
            *reply.status_mut() = hyper::StatusCode::PARTIAL_CONTENT;
        }
        reply
    });
    let door = silent(&app).await;
    let part = ("range", "bytes=0-8");
    for _ in 0..2 {
        let answer = asked(&door, &[part]).await;
        assert_eq!((answer.status, answer.text()), (206, "answer 2"));
        assert_eq!(answer.header("content-range"), "bytes 0-8/100");
    }
    let others: [&[(&str, &str)]; 3] = [
        &[("range", "bytes=0-9")],
        &[part, ("if-range", "\"1\"")],
        &[("range", "bytes=1-8")],
    ];
    for fields in others {
        let answer = asked(&door, fields).await;
        assert_eq!(answer.text(), format!("answer {}", count.get()));
    }
    let head = request("HEAD", "/", &[part], "");
    assert_eq!(door.visit().await.send(head).await.unwrap().status, 200);
    // All of it, and from then on parts of all of it.
    let whole = asked(&door, &[]).await;
    assert_eq!(whole.text(), format!("answer {}", count.get()));
    let first = asked(&door, &[("range", "bytes=0-5")]).await;
    assert_eq!((first.status, first.text()), (206, "answer"));
    assert_eq!(first.header("content-range"), "bytes 0-5/8");
}
