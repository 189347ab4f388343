//! Apps that speak HTTP/2: calls of gRPC go both ways at once, end with trailers, and may take long.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use hyper::header::HeaderMap;
use hyper::{Request, Response, Version};
use ship_door::limit::Limits;
use tokio::sync::Semaphore;

use crate::door::{App, Count, Door, HOST, Stream, request, served_by, soon, until};
use crate::tls::{local_root, shake};

/// A call as an app sees it.
type Call = (Request<RecvStream>, h2::server::SendResponse<Bytes>);

/// An app of HTTP/2 without TLS.
fn app<F, A>(answer: F) -> App
where
    F: Fn(Call) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    App::raw("greeter/web.1@r1", move |stream| {
        serve(stream, answer.clone())
    })
    .h2c()
}

async fn serve<F, A>(stream: Box<dyn Stream>, answer: F)
where
    F: Fn(Call) -> A,
    A: Future<Output = ()> + Send + 'static,
{
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok(call)) = connection.accept().await {
        tokio::spawn(answer(call));
    }
}

/// A visitor's connection.
async fn visitor(door: &Door) -> SendRequest<Bytes> {
    let stream = shake(door, &local_root(door), HOST, "h2").await.unwrap();
    let (sender, connection) = soon("HTTP/2", h2::client::handshake(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Begins a call; its messages are still to be sent.
async fn begin(sender: &SendRequest<Bytes>) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
    let mut sender = soon("room for a stream", sender.clone().ready())
        .await
        .unwrap();
    let request = Request::post(format!("https://{HOST}/greeter.Greeter/Greet"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", "10S")
        .header("x-forwarded-for", "203.0.113.9")
        .body(())
        .unwrap();
    sender.send_request(request, false).unwrap()
}

/// The next message, as long as the app sends any.
async fn message(answer: &mut Response<RecvStream>) -> Option<Bytes> {
    let body = answer.body_mut();
    let data = soon("a message", body.data()).await?.unwrap();
    body.flow_control().release_capacity(data.len()).unwrap();
    Some(data)
}

async fn trailers(answer: &mut Response<RecvStream>) -> HeaderMap {
    let trailers = soon("the trailers", answer.body_mut().trailers()).await;
    trailers.unwrap().unwrap()
}

fn status(code: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.parse().unwrap());
    trailers
}

/// Answers each message with itself, as soon as it comes.
async fn echo((request, mut respond): Call) {
    let mut heard = request.into_body();
    let mut said = respond.send_response(Response::new(()), false).unwrap();
    while let Some(Ok(data)) = heard.data().await {
        let _ = heard.flow_control().release_capacity(data.len());
        said.send_data(data, false).unwrap();
    }
    said.send_trailers(status("0")).unwrap();
}

#[tokio::test]
async fn messages_go_both_ways_while_the_call_is_open_and_trailers_end_it() {
    let app = app(echo);
    let door = Door::start(served_by(&[&app])).await;
    let sender = visitor(&door).await;
    for _ in 0..3 {
        let (answer, mut says) = begin(&sender).await;
        says.send_data(Bytes::from_static(b"first"), false).unwrap();
        let mut answer = soon("an answer", answer).await.unwrap();
        assert_eq!(message(&mut answer).await.unwrap(), "first");
        says.send_data(Bytes::from_static(b"second"), true).unwrap();
        assert_eq!(message(&mut answer).await.unwrap(), "second");
        assert_eq!(message(&mut answer).await, None);
        assert_eq!(trailers(&mut answer).await["grpc-status"], "0");
    }
}

#[tokio::test]
async fn the_app_sees_a_call_of_http2_and_who_the_visitor_is() {
    let app = app(async |(request, mut respond): Call| {
        let (head, _) = request.into_parts();
        let seen = |name: &str| head.headers.get(name).cloned();
        assert_eq!(head.version, Version::HTTP_2);
        let mut fields = status("0");
        for name in [
            "te",
            "content-type",
            "grpc-timeout",
            "x-forwarded-for",
            "x-forwarded-proto",
        ] {
            fields.insert(
                hyper::header::HeaderName::from_static(name).clone(),
                seen(name).unwrap_or("none".parse().unwrap()),
            );
        }
        // What belongs to a connection is not for an answer.
        fields.remove("te");
        let te = seen("te").unwrap_or("none".parse().unwrap());
        fields.insert("seen-te", te);
        let target = format!("{}", head.uri);
        fields.insert("seen-target", target.parse().unwrap());
        let mut answer = Response::new(());
        *answer.headers_mut() = fields;
        // Nothing but a head: what gRPC calls "Trailers-Only".
        respond.send_response(answer, true).unwrap();
    });
    let door = Door::start(served_by(&[&app])).await;
    let sender = visitor(&door).await;
    let (answer, _says) = begin(&sender).await;
    let answer = soon("an answer", answer).await.unwrap();
    let fields = answer.headers();
    assert_eq!(fields["grpc-status"], "0");
    assert_eq!(fields["seen-te"], "trailers");
    assert_eq!(
        fields["seen-target"],
        format!("http://{HOST}/greeter.Greeter/Greet")
    );
    assert_eq!(fields["grpc-timeout"], "10S");
    assert_eq!(fields["x-forwarded-for"], "127.0.0.1");
    assert_eq!(fields["x-forwarded-proto"], "https");
    assert!(answer.body().is_end_stream());
}

#[tokio::test]
async fn a_call_may_be_silent_for_longer_than_a_page_may_take() {
    let limits = Limits {
        answer: Duration::from_millis(50),
        body_patience: Duration::from_millis(50),
        ..Limits::default()
    };
    let later = Arc::new(Semaphore::new(0));
    let told = later.clone();
    let app = app(move |(request, respond): Call| {
        let told = told.clone();
        async move {
            let _turn = told.acquire().await.unwrap();
            echo((request, respond)).await;
        }
    });
    let door = Door::start_with(served_by(&[&app]), true, limits).await;
    let sender = visitor(&door).await;
    let (answer, mut says) = begin(&sender).await;
    // Anything else has the limits that it always has, and reaches them later than the call would.
    assert_eq!(door.get("/").await.status, 504);
    let fields = [("content-type", "application/grpc")];
    let over_http1 = request("POST", "/", &fields, b"hello".to_vec());
    assert_eq!(
        door.visit().await.send(over_http1).await.unwrap().status,
        504
    );
    later.add_permits(1);
    let mut answer = soon("an answer", answer).await.unwrap();
    says.send_data(Bytes::from_static(b"late"), true).unwrap();
    assert_eq!(message(&mut answer).await.unwrap(), "late");
}

#[tokio::test]
async fn a_visitor_who_goes_away_takes_the_call_along() {
    let gone = Arc::new(Count::default());
    let counted = gone.clone();
    let app = app(move |(request, mut respond): Call| {
        let gone = counted.clone();
        async move {
            let mut said = respond.send_response(Response::new(()), false).unwrap();
            drop(request);
            std::future::poll_fn(|context| said.poll_reset(context))
                .await
                .unwrap();
            gone.add();
        }
    });
    let door = Door::start(served_by(&[&app])).await;
    let sender = visitor(&door).await;
    let (answer, mut says) = begin(&sender).await;
    let answer = soon("an answer", answer).await.unwrap();
    says.send_reset(h2::Reason::CANCEL);
    drop(answer);
    until("the app hears of it", async || {
        (gone.get() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_app_may_close_its_connection_between_calls() {
    // One call for each connection, and then it is closed in good order.
    let connections = Arc::new(Count::default());
    let counted = connections.clone();
    let app = App::raw("greeter/web.1@r1", move |stream| {
        let connections = counted.clone();
        async move {
            connections.add();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            if let Some(Ok(call)) = connection.accept().await {
                tokio::spawn(echo(call));
            }
            connection.graceful_shutdown();
            while connection.accept().await.is_some() {}
        }
    })
    .h2c();
    let door = Door::start(served_by(&[&app])).await;
    let sender = visitor(&door).await;
    for _ in 0..20 {
        let (answer, mut says) = begin(&sender).await;
        says.send_data(Bytes::from_static(b"hello"), true).unwrap();
        let mut answer = soon("an answer", answer).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(message(&mut answer).await.unwrap(), "hello");
    }
    assert_eq!(connections.get(), 20);
}

#[tokio::test]
async fn visitors_of_http1_get_pages_from_it_as_well() {
    let app = app(async |(_, mut respond): Call| {
        let mut said = respond.send_response(Response::new(()), false).unwrap();
        said.send_data(Bytes::from_static(b"a page"), true).unwrap();
    });
    let door = Door::start(served_by(&[&app])).await;
    let answer = door.get("/").await;
    assert_eq!((answer.status, answer.text()), (200, "a page"));
}
