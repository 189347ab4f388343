//! What a visitor by HTTP/3 may not do.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use h3::error::StreamError;
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Incoming;
use ship_door::limit::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::door::{App, Count, Door, HOST, served_by, soon, text, until};
use crate::quic::{Visitor, answer, client_config, closed_with, dial, endpoint, request};
use crate::raw;
use crate::tls::{local_root, mirror};

/// `H3_EXCESSIVE_LOAD` (RFC 9114, 8.1).
const EXCESSIVE_LOAD: u64 = 0x107;

async fn door_with(app: &App, limits: Limits) -> Door {
    let mut door = Door::start_with(served_by(&[app]), true, limits).await;
    door.speak_http3().await;
    door
}

async fn door(app: &App) -> Door {
    door_with(app, Limits::default()).await
}

#[tokio::test]
async fn heads_have_the_limits_of_the_other_protocols() {
    let app = mirror();
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    let many = request("GET", "/", &[("x", "1"); 101]);
    assert_eq!(visitor.send(many, "").await.unwrap().status, 431);
    let long = "x".repeat(17 << 10);
    let asked = request("GET", "/", &[("x", long.as_str())]);
    match visitor.send(asked, "").await {
        Ok(answer) => assert_eq!(answer.status, 431),
        // It has heard already how long a head may be.
        Err(StreamError::HeaderTooBig { max_size, .. }) => assert_eq!(max_size, 16 << 10),
        Err(other) => panic!("{other:?}"),
    }
    let asked = request("GET", "/", &[("x", &long[..15 << 10])]);
    assert_eq!(visitor.send(asked, "").await.unwrap().status, 200);
    let two_hosts = request("GET", "/", &[("host", HOST), ("host", "other.localhost")]);
    assert_eq!(visitor.send(two_hosts, "").await.unwrap().status, 400);
}

#[tokio::test]
async fn a_head_that_is_announced_too_long_is_not_waited_for() {
    let app = mirror();
    let door = door(&app).await;
    let visitor = Visitor::connect(&door).await;
    let (mut send, _receive) = visitor.connection.open_bi().await.unwrap();
    // HEADERS of 1 MiB.
    send.write_all(&[0x01, 0x80, 0x10, 0x00, 0x00])
        .await
        .unwrap();
    assert_eq!(closed_with(&visitor.connection).await, EXCESSIVE_LOAD);
}

#[tokio::test]
async fn many_heads_that_do_not_end_are_too_many() {
    let app = mirror();
    let door = door(&app).await;
    let visitor = Visitor::connect(&door).await;
    let mut streams = Vec::new();
    let unended = [&[0x01, 0x80, 0x00, 0x70, 0x00][..], &vec![0; 20 << 10]].concat();
    for _ in 0..10 {
        let (mut send, receive) = visitor.connection.open_bi().await.unwrap();
        if send.write_all(&unended).await.is_err() {
            break;
        }
        streams.push((send, receive));
    }
    assert_eq!(closed_with(&visitor.connection).await, EXCESSIVE_LOAD);
}

#[tokio::test]
async fn a_long_frame_on_the_control_stream_is_not_waited_for() {
    let app = mirror();
    let door = door(&app).await;
    let endpoint = endpoint();
    let connection = dial(&endpoint, &door, &local_root(&door), HOST)
        .await
        .unwrap();
    let mut control = connection.open_uni().await.unwrap();
    // No settings, and then a frame without a meaning of 1 GiB.
    let begin = [0x00, 0x04, 0x00, 0x21, 0xC0, 0, 0, 0, 0x40, 0, 0, 0];
    control.write_all(&begin).await.unwrap();
    assert_eq!(closed_with(&connection).await, EXCESSIVE_LOAD);
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_is_given_up() {
    let limits = Limits {
        head_time: Duration::from_millis(300),
        ..Limits::default()
    };
    let app = mirror();
    let door = door_with(&app, limits).await;
    let mut visitor = Visitor::connect(&door).await;
    let (mut send, mut receive) = visitor.connection.open_bi().await.unwrap();
    send.write_all(&[0x01, 0x20, 0x00]).await.unwrap();
    let ended = soon("the head is given up", receive.read(&mut [0])).await;
    let incomplete = quinn::VarInt::from_u32(0x10D);
    assert_eq!(ended, Err(quinn::ReadError::Reset(incomplete)));
    assert_eq!(visitor.get("/").await.status, 200);
}

#[tokio::test]
async fn an_upload_that_drips_is_told_so_and_ended() {
    let limits = Limits {
        body_patience: Duration::from_millis(100),
        ..Limits::default()
    };
    let app = App::http("blog/web.1@r7", |request: Request<Incoming>| async move {
        let _ = request.into_body().collect().await;
        text("ok")
    });
    let door = door_with(&app, limits).await;
    let mut visitor = Visitor::connect(&door).await;
    let asked = visitor
        .begin(request("POST", "/", &[("content-length", "2")]))
        .await;
    let mut asked = asked.unwrap();
    asked.send_data("x".into()).await.unwrap();
    assert_eq!(answer(asked).await.unwrap().status, 408);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let app = mirror();
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    let announced = request("POST", "/", &[("content-length", "2000000")]);
    let asked = visitor.begin(announced).await.unwrap();
    assert_eq!(answer(asked).await.unwrap().status, 413);
}

#[tokio::test]
async fn a_visitor_that_takes_nothing_of_its_answer_is_given_up() {
    let limits = Limits {
        read_patience: Duration::from_millis(100),
        ..Limits::default()
    };
    let ended = Arc::new(Count::default());
    let app = App::raw("blog/web.1@r7", {
        let ended = ended.clone();
        move |mut stream| {
            let ended = ended.clone();
            async move {
                raw::read_head(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let piece = vec![b'x'; 1 << 16];
                while stream.write_all(&piece).await.is_ok() {}
                ended.add();
            }
        }
    });
    let door = door_with(&app, limits).await;
    let mut visitor = Visitor::connect(&door).await;
    let mut asked = visitor.begin(request("GET", "/", &[])).await.unwrap();
    asked.finish().await.unwrap();
    until("the visitor is given up", async || {
        (ended.get() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn requests_that_are_taken_back_end_the_connection() {
    let app = App::raw("blog/web.1@r7", |mut stream| async move {
        raw::read_head(&mut stream).await;
        std::future::pending::<()>().await;
    });
    let door = door(&app).await;
    let mut visitor = Visitor::connect(&door).await;
    for _ in 0..1000 {
        let Ok(mut asked) = visitor.begin(request("GET", "/", &[])).await else {
            break;
        };
        let _ = asked.finish().await;
        asked.stop_sending(h3::error::Code::H3_REQUEST_CANCELLED);
    }
    assert_eq!(closed_with(&visitor.connection).await, EXCESSIVE_LOAD);
}

#[tokio::test]
async fn an_address_has_its_connections_by_all_protocols_together() {
    let limits = Limits {
        connections_each: 2,
        ..Limits::default()
    };
    let app = mirror();
    let mut door = Door::start_with(served_by(&[&app]), false, limits).await;
    door.speak_http3().await;
    let mut by_tcp = door.visit().await;
    assert_eq!(by_tcp.get("/").await.status, 200);
    let by_http3 = Visitor::connect(&door).await;
    let root = local_root(&door);
    let third = Visitor::connect_to(&door, &root, HOST).await;
    let refused = third.err().expect("too many").to_string();
    assert!(refused.contains("refuse"), "{refused}");
    by_http3.connection.close(0_u32.into(), b"");
    let room = async || Visitor::connect_to(&door, &root, HOST).await.ok();
    until("there is room again", room).await;
}

/// First packets of visitors that never go on.
async fn first_packets(count: usize) -> Vec<Vec<u8>> {
    let sink = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    sink.set_nonblocking(true).unwrap();
    let to = sink.local_addr().unwrap();
    let sink = tokio::net::UdpSocket::from_std(sink).unwrap();
    let (_, key) = crate::tls::pair("blog.localhost");
    drop(key);
    let (root, _) = crate::tls::pair("blog.localhost");
    let mut packets = Vec::new();
    for _ in 0..count {
        let endpoint = endpoint();
        let connecting = endpoint.connect_with(client_config(&root), to, HOST);
        let mut packet = vec![0; 2000];
        let size = soon("a first packet", sink.recv(&mut packet))
            .await
            .unwrap();
        packet.truncate(size);
        packets.push(packet);
        drop(connecting);
    }
    packets
}

#[tokio::test]
async fn honest_visitors_are_served_during_a_flood_of_first_packets() {
    const FLOOD: usize = 400;
    /// As many as may be unproved at once.
    const UNPROVED: u64 = 64;
    let app = mirror();
    let door = door(&app).await;
    let packets = first_packets(FLOOD).await;
    let attacker = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    attacker.set_nonblocking(true).unwrap();
    let mut sent = 0;
    let mut got = 0;
    for (number, packet) in packets.iter().enumerate() {
        sent += attacker.send_to(packet, door.secure).unwrap_or_default();
        if number % 100 == 0 {
            let answer = Visitor::connect(&door).await.get("/").await;
            assert_eq!(answer.status, 200);
        }
        let mut room = [0; 2000];
        while let Ok(size) = attacker.recv(&mut room) {
            got += size;
        }
    }
    let held = door.client().await.status().await.unwrap().connections;
    assert!(held > 0 && held <= UNPROVED + 8, "{held}");
    assert!(got <= 3 * sent, "{got} bytes for {sent}");
}

/// A visitor that proves its address and then falls silent. Lasts as long as what is returned.
async fn fall_silent(door: &Door) -> (quinn::Endpoint, quinn::Connecting, tokio::net::UdpSocket) {
    // Between the two stands somebody who lets pass what a proof takes.
    let near = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    let far = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    far.connect(door.secure).await.unwrap();
    let endpoint = endpoint();
    let (to, config) = (near.local_addr().unwrap(), client_config(&local_root(door)));
    let connecting = endpoint.connect_with(config, to, HOST).unwrap();
    let mut room = [0; 2000];
    let (size, visitor) = soon("a first packet", near.recv_from(&mut room))
        .await
        .unwrap();
    far.send(&room[..size]).await.unwrap();
    let size = soon("a wish for a proof", far.recv(&mut room))
        .await
        .unwrap();
    // The type of a Retry (RFC 9000, 17.2.5).
    assert_eq!(room[0] & 0xF0, 0xF0);
    near.send_to(&room[..size], visitor).await.unwrap();
    let (size, _) = soon("a proof", near.recv_from(&mut room)).await.unwrap();
    far.send(&room[..size]).await.unwrap();
    // The door has begun.
    soon("a handshake", far.recv(&mut room)).await.unwrap();
    (endpoint, connecting, far)
}

#[tokio::test]
async fn who_proves_an_address_and_falls_silent_shuts_nobody_out() {
    let limits = Limits {
        unproved_handshakes: 0,
        handshakes: 2,
        ..Limits::default()
    };
    let app = mirror();
    let door = door_with(&app, limits).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(fall_silent(&door).await);
    }
    let answer = Visitor::connect(&door).await.get("/").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn only_so_many_connections_are_unfinished_at_once() {
    let limits = Limits {
        unproved_handshakes: 0,
        unfinished: 2,
        head_time: Duration::from_millis(500),
        ..Limits::default()
    };
    let app = mirror();
    let door = door_with(&app, limits).await;
    let _silent = [fall_silent(&door).await, fall_silent(&door).await];
    // It is heard once one of them is gone, and neither had more than the time for a head.
    let _visitor = Visitor::connect(&door).await;
    let held = door.client().await.status().await.unwrap().connections;
    assert_eq!(held, 1);
}
