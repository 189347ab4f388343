//! From a visitor to an instance and back.
//!
//! An instance is chosen by load; where none can be reached the request waits a little, because the
//! usual reason is that the only one is just starting again. A request is sent twice only where the
//! first sending cannot have had an effect.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::header::{self, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use tokio::time::{Instant, Sleep};
use tracing::debug;

use crate::app_streams::{self, Stream, Unanswered};
use crate::body::{Body, Forwarded, Inbound, Outcome, Progress, RequestBody};
use crate::core::{Core, View};
use crate::extended_connect::Handshake;
use crate::head::{self, ForApp, Head, Marks};
use crate::pace::Pace;
use crate::pool::{Link, Pool};
use crate::route::To;
use crate::stack::Failure;
use crate::table::Protocol;
use crate::traffic::Tally;
use crate::tunnel;
use crate::visit::Visit;

/// First pause between two rounds of attempts to reach an instance; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// A request on its way, with what is needed to find its instance again in a newer table.
#[derive(Clone)]
pub(crate) struct Errand {
    pub(crate) marks: Rc<Marks>,
    /// Canonical.
    pub(crate) target: PathAndQuery,
    /// Who was found to answer.
    pub(crate) found: Found,
    /// The route's files did not have it: the site's root answers.
    pub(crate) via_root: bool,
    /// What the app is asked for in place of the target.
    pub(crate) stripped: Option<Rc<Stripped>>,
    pub(crate) id: HeaderValue,
    pub(crate) body_limit: u64,
    /// What counts its traffic.
    pub(crate) tally: Arc<Tally>,
}

/// A target without the prefix of its route.
#[derive(Debug)]
pub(crate) struct Stripped {
    pub(crate) target: PathAndQuery,
    /// What was taken off.
    pub(crate) prefix: HeaderValue,
}

impl Errand {
    /// What the app is asked for.
    fn asks_for(&self) -> &PathAndQuery {
        let stripped = self.stripped.as_ref().map(|stripped| &stripped.target);
        stripped.unwrap_or(&self.target)
    }
}

/// Places in [`Routes::instances`](crate::route::Routes::instances), as long as the table is the one
/// in which they were found.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) view: u64,
    pub(crate) places: Arc<[usize]>,
}

/// Sends a request to an instance of its app and returns the answer, to be streamed.
pub(crate) async fn forward(
    visit: &Visit,
    errand: &Errand,
    request: &mut Request<Inbound>,
) -> Result<Response<Body>, Failure> {
    let upgrade = wants_upgrade(request).then(|| hyper::upgrade::on(&mut *request));
    let handshake = request.extensions_mut().remove::<Handshake>();
    let core = &visit.core;
    let asked = Asked {
        websocket: upgrade.is_some(),
        is_call: app_streams::is_call(request) && speaks_http2(&core.view(), errand),
    };
    let limits = &core.setting.limits;
    let pace = if asked.is_call {
        Pace::any()
    } else {
        Pace::new(limits)
    };
    let body = RequestBody::new(request.body_mut().take(), errand, pace);
    let (method, headers) = (request.method(), request.headers());
    let (response, carrier) = exchange(core, errand, Head { method, headers }, body, asked).await?;
    match (upgrade, carrier) {
        (Some(visitor), Carrier::Link(link))
            if response.status() == StatusCode::SWITCHING_PROTOCOLS =>
        {
            if handshake.is_some_and(|ours| !ours.is_understood(response.headers())) {
                return Err(Failure::Broken);
            }
            tunnelled(visit, errand, visitor, response, link)
        }
        _ if response.status() == StatusCode::SWITCHING_PROTOCOLS => Err(Failure::Broken),
        (_, carrier) => Ok(for_visitor(response, carrier)),
    }
}

/// Asks for something that a GET or HEAD without a body asks for.
pub(crate) async fn fetch(
    core: &Core,
    errand: &Errand,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response<Body>, Failure> {
    let (body, asked) = (RequestBody::Empty, Asked::default());
    let (response, carrier) = exchange(core, errand, Head { method, headers }, body, asked).await?;
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => Err(Failure::Broken),
        _ => Ok(for_visitor(response, carrier)),
    }
}

/// What kind of request it is.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    /// The upgrade is passed on.
    websocket: bool,
    /// It may take as long as it likes.
    is_call: bool,
}

/// What brings an answer's content.
enum Carrier {
    Link(Link),
    Stream(app_streams::Answer),
}

/// Whether the errand's instances speak HTTP/2, as far as the newest table knows them.
fn speaks_http2(view: &View, errand: &Errand) -> bool {
    let first = errand.found.places.first();
    let is_known = errand.found.view == view.number;
    let first = first.filter(|_| is_known).map(|place| &view.pools[*place]);
    first.is_some_and(|pool| pool.instance.protocol == Protocol::H2c)
}

/// A WebSocket is asked for by a GET without a body (RFC 6455, 4.1), or by what we made of a CONNECT.
fn wants_upgrade(request: &Request<Inbound>) -> bool {
    let body = hyper::body::Body::is_end_stream(request.body());
    let ours = request.extensions().get::<Handshake>().is_some();
    body && request.method() == Method::GET
        && (request.version() == Version::HTTP_11 || ours)
        && head::wants_websocket(request.headers())
}

fn for_visitor(mut response: Response<()>, carrier: Carrier) -> Response<Body> {
    head::for_visitor(response.headers_mut());
    response.map(|()| {
        Body::Forwarded(match carrier {
            Carrier::Link(link) => Forwarded::linked(link),
            Carrier::Stream(answer) => Forwarded::streamed(answer),
        })
    })
}

/// Not a byte of the visitor's goes to the app before the app has said 101: until then hyper keeps
/// what the visitor sends after its head.
fn tunnelled(
    visit: &Visit,
    errand: &Errand,
    visitor: OnUpgrade,
    mut response: Response<()>,
    link: Link,
) -> Result<Response<Body>, Failure> {
    let agreed = response.headers().get(header::UPGRADE);
    if !agreed.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        return Err(Failure::Broken);
    }
    let core = &visit.core;
    let (app, in_flight) = link.into_tunnel();
    let (tally, stop) = (errand.tally.clone(), core.stopped.clone());
    let tunnel = tunnel::run(visitor, app, in_flight, tally, stop);
    let open = visit.activity.tunnel();
    core.tasks.spawn_local(async move {
        tunnel.await;
        drop(open);
    });
    let headers = response.headers_mut();
    head::for_visitor(headers);
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    Ok(response.map(|()| Body::Empty))
}

/// Sends until an instance answers, or it is certain that none will.
async fn exchange(
    core: &Core,
    errand: &Errand,
    head: Head<'_>,
    mut body: RequestBody,
    asked: Asked,
) -> Result<(Response<()>, Carrier), Failure> {
    let fields = ForApp {
        marks: &errand.marks,
        id: &errand.id,
        prefix: errand.stripped.as_ref().map(|stripped| &stripped.prefix),
        websocket: asked.websocket,
    };
    let progress = body.progress();
    let progress = progress.as_deref();
    let within = (!asked.is_call).then_some(core.setting.limits.answer);
    let replayable = progress.is_none() && head.method.is_idempotent();
    let mut replay = replayable;
    loop {
        let (error, reused, unseen) = match reach(core, errand, replay).await? {
            Reached::Link(mut link) => {
                let body = std::mem::replace(&mut body, RequestBody::Empty);
                let target = errand.asks_for();
                link.connection.begin(head, body, target, &fields);
                match over_link(&mut link, head.method, progress, within).await {
                    Some(Ok(response)) => return Ok((response, Carrier::Link(link))),
                    None => return Err(Failure::NoAnswer),
                    // RFC 9112, 9.3.1: only where the connection had carried requests before is its
                    // death the usual race with a server that closes idle connections.
                    Some(Err(error)) => {
                        let unseen = progress.is_none() && !link.connection.has_begun();
                        (error, link.reused, unseen)
                    }
                }
            }
            Reached::Stream(stream) => {
                let reused = stream.reused;
                // Boxed: most requests go over a link, and would carry the room for this along.
                let answer = stream.ask(head, &mut body, errand.asks_for(), &fields);
                match Box::pin(over_stream(answer, progress, within)).await {
                    Some(Ok((response, answer))) => {
                        return Ok((response, Carrier::Stream(answer)));
                    }
                    None => return Err(Failure::NoAnswer),
                    Some(Err(unanswered)) => (unanswered.error, reused, unanswered.unseen),
                }
            }
        };
        debug!(%error, "an exchange ended without an answer");
        if !reused || !(replay || unseen) {
            return Err(died(progress));
        }
        replay &= unseen;
    }
}

/// `None` when `within` has passed since the request's last piece.
async fn over_link(
    link: &mut Link,
    method: &Method,
    progress: Option<&Progress>,
    within: Option<Duration>,
) -> Option<io::Result<Response<()>>> {
    let connection = &mut link.connection;
    let poll = |context: &mut Context<'_>| connection.poll_answer(method, context);
    let alarm = within.map(|within| {
        link.alarm.as_mut().reset(Instant::now() + within);
        &mut link.alarm
    });
    until_answered(poll, alarm, progress, within).await
}

/// Whose fault it is that an exchange ended without an answer.
fn died(progress: Option<&Progress>) -> Failure {
    match progress.map(Progress::outcome) {
        Some(Outcome::TooLarge) => Failure::BodyTooLarge,
        Some(Outcome::TooSlow) => Failure::BodyTooSlow,
        Some(Outcome::Broken) => Failure::BadRequest("the request body is broken"),
        Some(Outcome::Fine) | None => Failure::Broken,
    }
}

/// The same over a stream.
async fn over_stream(
    answer: impl Future<Output = Result<(Response<()>, app_streams::Answer), Unanswered>>,
    progress: Option<&Progress>,
    within: Option<Duration>,
) -> Option<Result<(Response<()>, app_streams::Answer), Unanswered>> {
    let mut answer = pin!(answer);
    let mut alarm = within.map(|within| Box::pin(tokio::time::sleep(within)));
    let poll = |context: &mut Context<'_>| answer.as_mut().poll(context);
    until_answered(poll, alarm.as_mut(), progress, within).await
}

/// Waits for the head of an answer; `None` when `within` has passed since the request's last piece.
/// `alarm` is set for the first time already.
async fn until_answered<A>(
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<A>,
    mut alarm: Option<&mut Pin<Box<Sleep>>>,
    progress: Option<&Progress>,
    within: Option<Duration>,
) -> Option<A> {
    poll_fn(|context| {
        if let Poll::Ready(answer) = poll(context) {
            return Poll::Ready(Some(answer));
        }
        let (Some(alarm), Some(within)) = (&mut alarm, within) else {
            return Poll::Pending;
        };
        while alarm.as_mut().poll(context).is_ready() {
            match progress.map(|progress| progress.last() + within) {
                Some(later) if later > alarm.deadline() => alarm.as_mut().reset(later),
                _ => return Poll::Ready(None),
            }
        }
        Poll::Pending
    })
    .await
}

/// A way to an instance.
enum Reached {
    Link(Link),
    Stream(Stream),
}

/// A connection to an instance, from the newest table.
async fn reach(core: &Core, errand: &Errand, replayable: bool) -> Result<Reached, Failure> {
    let mut waiting: Option<(Instant, Duration)> = None;
    loop {
        let swapped = core.swapped.notified();
        let pools = by_load(&core.view(), errand, &core.turn)?;
        let error = match try_each(&pools, core, replayable).await {
            Ok(reached) => return Ok(reached),
            Err(None) => return Err(Failure::NoInstance),
            Err(Some(error)) => error,
        };
        let (deadline, pause) =
            *waiting.get_or_insert((Instant::now() + core.setting.limits.hold, FIRST_PAUSE));
        if Instant::now() >= deadline {
            return Err(Failure::Unreachable(error));
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = swapped => {}
        }
        waiting = Some((deadline, (pause * 2).min(LONGEST_PAUSE)));
    }
}

/// The first that can be had; the last error, or none where there is nothing to try.
async fn try_each(
    pools: &[Rc<Pool>],
    core: &Core,
    replayable: bool,
) -> Result<Reached, Option<io::Error>> {
    let within = core.setting.limits.connect;
    let mut last = None;
    for pool in pools {
        let reached = match pool.instance.protocol {
            Protocol::Http1 => match pool.take(replayable) {
                Some(link) => Ok(Reached::Link(link)),
                None => Box::pin(pool.connect(within)).await.map(Reached::Link),
            },
            Protocol::H2c => Box::pin(pool.stream(within)).await.map(Reached::Stream),
        };
        match reached {
            Ok(reached) => return Ok(reached),
            Err(error) => last = Some(error),
        }
    }
    Err(last)
}

/// The pools of the errand's instances, the one with the fewest requests in flight first.
fn by_load(view: &View, errand: &Errand, turn: &Cell<usize>) -> Result<Vec<Rc<Pool>>, Failure> {
    let places = if errand.found.view == view.number {
        errand.found.places.clone()
    } else {
        found_anew(view, errand)?
    };
    let mut pools: Vec<_> = places
        .iter()
        .map(|place| view.pools[*place].clone())
        .collect();
    if pools.len() > 1 {
        let start = turn.get().wrapping_add(1);
        turn.set(start);
        pools.rotate_left(start % places.len());
        pools.sort_by_key(|pool| pool.instance.in_flight());
    }
    Ok(pools)
}

/// Who answers the errand in a newer table.
fn found_anew(view: &View, errand: &Errand) -> Result<Arc<[usize]>, Failure> {
    let site = view
        .routes
        .site(&errand.marks.host)
        .ok_or(Failure::UnknownHost)?;
    let found = if errand.via_root {
        site.root()
    } else {
        site.find(errand.target.path()).map(|found| found.way)
    };
    match found.map(|way| &way.to) {
        Some(To::Instances { places, .. }) => Ok(places.clone()),
        _ => Err(Failure::NoInstance),
    }
}
