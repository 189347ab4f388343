//! Swap, drain, stop: no visitor notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::BodyExt as _;
use ship_door::Error;
use ship_door::limit::Limits;
use ship_door::table::{Address, Protocol, Upstream};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::door::{
    App, Count, Door, Visitor, get, instances, request, route, served_by, site, soon, table, text,
    until,
};
use crate::raw;

fn key(release: u32) -> String {
    format!("blog/web.1@r{release}")
}

/// An app of one release that answers with its key.
fn release(number: u32) -> App {
    App::http(&key(number), move |_| async move { text(key(number)) })
}

#[tokio::test]
async fn fifty_swaps_under_load_fail_no_request() {
    let mut live = release(1);
    let door = Door::start(served_by(&[&live])).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut visitors = JoinSet::new();
    for number in 0..8 {
        let (done, address) = (done.clone(), door.address);
        visitors.spawn(async move {
            let mut answers = 0_u64;
            let mut visitor = Visitor::connect(address).await;
            while !done.load(Ordering::SeqCst) {
                // Half of them keep their connection, half make a new one each time.
                if number % 2 == 0 {
                    visitor = Visitor::connect(address).await;
                }
                let method = if number % 4 < 2 { "GET" } else { "POST" };
                let answer = visitor.send(request(method, "/", &[], "")).await.unwrap();
                assert_eq!(answer.status, 200, "{}", answer.text());
                answers += 1;
            }
            answers
        });
    }
    let mut client = door.client().await;
    for number in 2..=51 {
        let next = release(number);
        client.swap(table(served_by(&[&next]))).await.unwrap();
        // After the swap not one new request goes to the old release.
        assert_eq!(door.get("/").await.text(), key(number));
        let cut = client
            .drain(vec![key(number - 1)], Duration::from_secs(30))
            .await
            .unwrap();
        assert_eq!(cut, 0);
        live = next;
    }
    done.store(true, Ordering::SeqCst);
    let answers: u64 = visitors.join_all().await.into_iter().sum();
    let status = client.status().await.unwrap();
    assert_eq!((status.requests, status.failures), (answers + 50, 0));
    drop(live);
}

/// An app that begins to answer and ends when it is told to.
fn begins(key: &str, end: Arc<Notify>) -> App {
    App::raw(key, move |mut stream| {
        let end = end.clone();
        async move {
            raw::read_head(&mut stream).await;
            let begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
            stream.write_all(begun).await.unwrap();
            end.notified().await;
            let _ = stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await;
            raw::rest(&mut stream).await;
        }
    })
}

#[tokio::test]
async fn a_request_in_flight_ends_where_it_began() {
    let end = Arc::new(Notify::new());
    let old = begins(&key(1), end.clone());
    let new = release(2);
    let door = Door::start(served_by(&[&old])).await;
    let mut visitor = door.visit().await;
    let answer = visitor.begin(get("/", &[])).await.unwrap();
    door.swap(served_by(&[&new])).await;
    let draining = tokio::spawn({
        let mut client = door.client().await;
        async move { client.drain(vec![key(1)], Duration::from_secs(30)).await }
    });
    assert_eq!(door.get("/").await.text(), key(2));
    assert!(!draining.is_finished());
    end.notify_one();
    let body = soon("the end", answer.into_body().collect())
        .await
        .unwrap()
        .to_bytes();
    assert_eq!(body, "onetwo");
    assert_eq!(soon("the drain", draining).await.unwrap().unwrap(), 0);
    // The visitor's connection lives on, and its next request goes to the new release.
    assert_eq!(visitor.get("/").await.text(), key(2));
}

#[tokio::test]
async fn what_outlasts_the_grace_is_cut_and_does_not_look_whole() {
    let old = begins(&key(1), Arc::default());
    let door = Door::start(served_by(&[&old])).await;
    let mut visitor = door.visit().await;
    let answer = visitor.begin(get("/", &[])).await.unwrap();
    door.swap(Vec::new()).await;
    let mut client = door.client().await;
    assert_eq!(client.drain(vec![key(1)], Duration::ZERO).await.unwrap(), 1);
    assert!(soon("the end", answer.into_body().collect()).await.is_err());
    assert!(
        client
            .status()
            .await
            .unwrap()
            .in_flight
            .iter()
            .all(|(_, count)| *count == 0)
    );
}

#[tokio::test]
async fn draining_what_nobody_uses_takes_no_time() {
    let door = Door::start(Vec::new()).await;
    let mut client = door.client().await;
    let drained = client.drain(vec![key(1)], Duration::from_hours(1));
    assert_eq!(soon("the drain", drained).await.unwrap(), 0);
}

#[tokio::test]
async fn idle_connections_to_a_removed_instance_are_closed_at_once() {
    let closed = Arc::new(Count::default());
    let old = App::raw(&key(1), {
        let closed = closed.clone();
        move |mut stream| {
            let closed = closed.clone();
            async move {
                raw::read_head(&mut stream).await;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                stream.write_all(answer).await.unwrap();
                raw::rest(&mut stream).await;
                closed.add();
            }
        }
    });
    let door = Door::start(served_by(&[&old])).await;
    assert_eq!(door.get("/").await.text(), "ok");
    assert_eq!(closed.get(), 0);
    door.swap(Vec::new()).await;
    until("the app sees the end", async || {
        (closed.get() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_instance_that_stays_keeps_its_connections() {
    let connections = Arc::new(Count::default());
    let app = App::raw(&key(1), {
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
    for _ in 0..5 {
        visitor.get("/").await;
        door.swap(served_by(&[&app])).await;
    }
    assert_eq!(connections.get(), 1);
}

#[tokio::test]
async fn a_held_request_finds_its_instance_in_a_newer_table() {
    let missing = Upstream {
        key: key(1),
        address: Address::Unix("/nonexistent/app.sock".into()),
        protocol: Protocol::Http1,
    };
    let door = Door::start(vec![site(vec![route("/", instances(vec![missing]))])]).await;
    let mut visitor = door.visit().await;
    let held = tokio::spawn(async move { visitor.get("/").await });
    until("the visitor is there", async || {
        let status = door.client().await.status().await.unwrap();
        (status.connections == 1).then_some(())
    })
    .await;
    let new = release(2);
    door.swap(served_by(&[&new])).await;
    assert_eq!(soon("the held request", held).await.unwrap().text(), key(2));
}

#[tokio::test]
async fn a_table_that_is_refused_changes_nothing() {
    let app = release(1);
    let door = Door::start(served_by(&[&app])).await;
    let on_disk = || std::fs::read(door.folder.path().join("door/table.json")).unwrap();
    let before = on_disk();
    let mut sites = served_by(&[&app]);
    sites.push(sites[0].clone());
    sites[1].app = "shop".parse().unwrap();
    let refused = door.client().await.swap(table(sites)).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }));
    insta::assert_snapshot!(
        refused,
        @"the door refused: the route table cannot be used: `blog.localhost` belongs to both `blog` and `shop`"
    );
    assert_eq!(door.get("/").await.text(), key(1));
    assert_eq!(on_disk(), before);
}

#[tokio::test]
async fn a_stopping_door_finishes_what_is_in_flight() {
    let end = Arc::new(Notify::new());
    let app = begins(&key(1), end.clone());
    // No limit but the stop itself ends the visitor's connection, which would stay open for more.
    let limits = Limits {
        head_time: Duration::from_hours(1),
        ..Limits::default()
    };
    let door = Door::start_with(served_by(&[&app]), true, limits).await;
    let mut visitor = door.visit().await;
    let answer = visitor.begin(get("/", &[])).await.unwrap();
    let stopping = tokio::spawn({
        let mut client = door.client().await;
        async move { client.stop(Duration::from_hours(1)).await }
    });
    until("nobody listens", async || {
        tokio::net::TcpStream::connect(door.address)
            .await
            .err()
            .map(drop)
    })
    .await;
    end.notify_one();
    let body = soon("the end", answer.into_body().collect())
        .await
        .unwrap()
        .to_bytes();
    assert_eq!(body, "onetwo");
    soon("the stop", stopping).await.unwrap().unwrap();
    until("the socket is gone", async || {
        (!door.folder.path().join("door.sock").exists()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_door_that_leaves_follows_the_routes_and_writes_none_down() {
    let (old, new) = (release(1), release(2));
    let door = Door::start(served_by(&[&old])).await;
    let on_disk = || std::fs::read(door.folder.path().join("door/table.json")).unwrap();
    let mut visitor = door.visit().await;
    assert_eq!(visitor.get("/").await.text(), key(1));
    let before = on_disk();
    let leaving = tokio::spawn({
        let mut client = door.client().await;
        async move { client.leave(Duration::from_hours(1)).await }
    });
    until("nobody listens", async || {
        tokio::net::TcpStream::connect(door.address)
            .await
            .err()
            .map(drop)
    })
    .await;
    door.swap(served_by(&[&new])).await;
    assert_eq!(on_disk(), before, "the table is the other door's");
    let answer = visitor.get("/").await;
    assert_eq!(answer.text(), key(2));
    assert_eq!(answer.header("connection"), "close");
    soon("the leave", leaving).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_second_stop_with_less_patience_ends_the_first() {
    let app = begins(&key(1), Arc::default());
    let door = Door::start(served_by(&[&app])).await;
    let mut visitor = door.visit().await;
    let answer = visitor.begin(get("/", &[])).await.unwrap();
    let patient = tokio::spawn({
        let mut client = door.client().await;
        async move { client.stop(Duration::from_hours(1)).await }
    });
    let mut client = door.client().await;
    until("nobody listens", async || {
        tokio::net::TcpStream::connect(door.address)
            .await
            .err()
            .map(drop)
    })
    .await;
    let _ = client.stop(Duration::ZERO).await;
    let _ = soon("the first stop", patient).await.unwrap();
    assert!(soon("the end", answer.into_body().collect()).await.is_err());
}

#[tokio::test]
async fn the_listening_sockets_can_be_taken_back() {
    let door = Door::start(Vec::new()).await;
    let mut client = door.client().await;
    let sockets = client.listeners().await.unwrap();
    let (name, socket) = sockets.into_iter().next().unwrap();
    let socket = std::net::TcpListener::from(socket);
    assert_eq!(
        (name.as_str(), socket.local_addr().unwrap()),
        ("http", door.address)
    );
    let listening = [door.address, door.secure];
    assert_eq!(client.status().await.unwrap().listening, listening);
    // Handing over a name that is there already is no second listener.
    client.listen(vec![(name, socket.into())]).await.unwrap();
    assert_eq!(client.status().await.unwrap().listening.len(), 2);
}

#[tokio::test]
async fn a_socket_that_does_not_listen_is_refused_by_name() {
    let door = Door::start(Vec::new()).await;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let handed = vec![("http:1".to_owned(), socket.into())];
    let refused = door.client().await.listen(handed).await.unwrap_err();
    insta::assert_snapshot!(
        refused,
        @"the door refused: cannot listen as `http:1`: the socket does not listen"
    );
}
