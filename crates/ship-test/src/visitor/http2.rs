use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use hyper::{Request, Response};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::trouble::Trouble;
use super::{AGAIN, Answered, Visitor, within};
use crate::matrix::book::Seen;

/// Requests that are under way at the same time.
pub(super) const AT_ONCE: u64 = 8;

/// So many rounds on one connection, and then another.
const TIMES: u32 = 60;

pub(super) async fn visit(me: Rc<Visitor>) {
    while me.goes_on() {
        let opened = Instant::now();
        match within(open(&me)).await {
            Ok(sender) => ask_over(&me, opened, sender).await,
            Err(trouble) => {
                me.tell(opened, opened, &Err(trouble));
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

async fn open(me: &Visitor) -> Result<SendRequest<Bytes>, Trouble> {
    let failed = |error: &dyn std::error::Error| Trouble::NotConnected(error.to_string());
    let stream = TcpStream::connect(me.place.secure_address()).await;
    let stream = stream.map_err(|error| failed(&error))?;
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    let shaking = me.place.connector(b"h2").connect(me.place.name(), stream);
    let stream = shaking.await.map_err(|error| failed(&error))?;
    let shaken = h2::client::handshake(stream).await;
    let (sender, connection) = shaken.map_err(|error| failed(&error))?;
    tokio::task::spawn_local(async move {
        // What ends it is told to each of its requests.
        let _ = connection.await;
    });
    Ok(sender)
}

/// Round after round, until the connection says that it takes no more.
async fn ask_over(me: &Rc<Visitor>, opened: Instant, sender: SendRequest<Bytes>) {
    for _ in 0..TIMES {
        let mut round = JoinSet::new();
        for number in 0..AT_ONCE {
            round.spawn_local(one(me.clone(), opened, sender.clone(), number));
        }
        let goes_on = round.join_all().await.into_iter().all(|goes_on| goes_on);
        me.rest().await;
        if !me.goes_on() || !goes_on {
            return;
        }
    }
}

/// Asks and tells; whether the connection can be used for more.
async fn one(me: Rc<Visitor>, opened: Instant, sender: SendRequest<Bytes>, number: u64) -> bool {
    let begun = Instant::now();
    let path = format!("/page?{number}");
    match within(ask(sender, &me.place.domain, &path)).await {
        Ok(Some(by)) => {
            let told = Ok(Answered { by, last: false });
            me.tell(opened, begun, &told);
            true
        }
        // It was not looked at, and the visitor was told so: it may ask again elsewhere.
        Ok(None) => {
            me.tell_seen(opened, begun, Seen::Last, None);
            false
        }
        Err(trouble) => {
            // The connection is good for others where the app alone has failed.
            let goes_on = trouble.is_of_the_app();
            me.tell(opened, begun, &Err(trouble));
            goes_on
        }
    }
}

/// Which release answered; `None` where the server takes no more requests.
async fn ask(
    sender: SendRequest<Bytes>,
    domain: &str,
    path: &str,
) -> Result<Option<String>, Trouble> {
    let request = Request::get(format!("https://{domain}{path}")).body(());
    let request = request.expect("a request");
    let sent = async { sender.ready().await?.send_request(request, true) };
    let response = match sent.await {
        Ok((response, _)) => response,
        Err(error) if is_told(&error) => return Ok(None),
        Err(error) => return Err(Trouble::Unanswered(error.to_string())),
    };
    let response = match response.await {
        Ok(response) => response,
        Err(error) if is_told(&error) => return Ok(None),
        Err(error) => return Err(Trouble::Unanswered(error.to_string())),
    };
    let by = by(&response);
    let status = response.status().as_u16();
    let body = body(response.into_body()).await?;
    let text = String::from_utf8_lossy(&body);
    match status {
        200 if text == format!("{path} {by}\n") => Ok(Some(by)),
        500.. => Err(Trouble::Refused(status, text.into_owned())),
        _ => Err(Trouble::Wrong(format!("{status}: {text:.200}"))),
    }
}

fn by(response: &Response<RecvStream>) -> String {
    let by = response.headers().get("x-release");
    let by = by.and_then(|by| by.to_str().ok());
    by.unwrap_or_default().to_owned()
}

async fn body(mut body: RecvStream) -> Result<Vec<u8>, Trouble> {
    let mut all = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(|error| Trouble::Cut(error.to_string()))?;
        // A page is shorter than any window.
        let _ = body.flow_control().release_capacity(piece.len());
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

/// Whether a GOAWAY without an error came before the request was looked at (RFC 9113, 6.8), or its
/// stream was refused (8.7).
fn is_told(error: &h2::Error) -> bool {
    let goes = error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR);
    goes || error.reason() == Some(Reason::REFUSED_STREAM)
}
