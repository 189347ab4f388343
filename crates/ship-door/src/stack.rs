//! A request from top to bottom.
//!
//! The order is the design: what can be refused without knowing the site is refused first, what the
//! path means is settled before anything asks it, and nothing below sees what a visitor wrote but
//! in its canonical form.

use std::borrow::Cow;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Body as _;
use hyper::header::{self, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use ship_base::clock::Moment;
use tokio::time::Instant;
use tracing::{debug, trace};

use crate::access_log::Record;
use crate::body::{Body, Inbound};
use crate::cache;
use crate::compress::{self, Wish};
use crate::error_page;
use crate::extended_connect::{self, OtherProtocol};
use crate::forward::{self, Errand, Stripped};
use crate::framing;
use crate::head::{Marks, Scheme};
use crate::host;
use crate::path;
use crate::route::{Site, To, Way};
use crate::safety;
use crate::static_files::{self, Served};
use crate::tls::is_of_this_machine;
use crate::tracked::{Note, Tracked};
use crate::traffic::{self, State};
use crate::visit::Visit;

/// How long what was cut may take to say goodbye (the close handshake of WebSockets).
pub(crate) const FAREWELL: Duration = Duration::from_secs(3);

/// The longest body that nobody wanted and that the connection still waits for, to be of use for
/// another request.
const WAITED_FOR: u64 = 16 << 10;

/// Why a request is not answered by its app. `error_page.rs` turns it into a page.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The visitor's mistake, or an attempt to be understood in two ways. The connection ends.
    BadRequest(&'static str),
    /// The body is larger than the site allows. The connection ends.
    BodyTooLarge,
    /// The body came too slowly to be waited for. The connection ends.
    BodyTooSlow,
    /// More fields than we look at. The connection ends.
    TooManyFields,
    /// CONNECT and TRACE are not for web sites.
    Method,
    /// A CONNECT that names a protocol which we do not speak.
    Protocol,
    /// A CONNECT for a WebSocket, answered as if it were a page.
    NoWebSocket,
    /// No site has this host name.
    UnknownHost,
    /// Its author works at the site.
    Maintenance,
    /// The month's traffic of the site is used.
    Paused,
    /// The same, and it is slow: more wait than can be answered in good time; the line is this long.
    Crowded(Duration),
    /// The site has no route for this path.
    NoRoute,
    /// The route is for other addresses.
    NotAllowed,
    /// The route wants to know who asks; the field that says so.
    NotSignedIn(HeaderValue),
    /// The address has asked too often; it may again after this time.
    TooOften(Duration),
    /// The folder has no such file.
    NoFile,
    /// A file cannot be changed by a request.
    ReadOnly,
    /// A file is there and cannot be read.
    Unreadable(io::Error),
    /// The route has no running instance.
    NoInstance,
    /// Instances that should run could not be connected to.
    Unreachable(io::Error),
    /// An instance took the request, and ended or answered nonsense.
    Broken,
    /// An instance took the request and did not begin to answer in time.
    NoAnswer,
}

impl Failure {
    /// Whether it is what the app's author wants.
    fn is_meant(&self) -> bool {
        matches!(self, Self::Maintenance | Self::Paused | Self::Crowded(_))
    }
}

/// What an error page may speak of.
pub(crate) struct Scene<'a> {
    pub(crate) visit: &'a Visit,
    pub(crate) marks: Option<Rc<Marks>>,
    pub(crate) site: Option<Arc<Site>>,
    pub(crate) id: HeaderValue,
    pub(crate) accept: Option<HeaderValue>,
}

/// Answers one request; nothing fails beyond this. The layers below are lent the request: each would
/// have room for it twice, and all of that room is moved about with an answer on its way.
pub(crate) async fn answer(visit: &Visit, request: &mut Request<Inbound>) -> Response<Tracked> {
    let asked = Asked::of(request);
    let counters = &visit.core.setting.counters;
    let mut scene = Scene {
        visit,
        marks: None,
        site: None,
        id: visit.core.next_id(),
        accept: request.headers().get(header::ACCEPT).cloned(),
    };
    let version = request.version();
    let wish = Wish::of(request);
    let translated = extended_connect::translate(request);
    let answered = match translated {
        Ok(false) => layers(&mut scene, request).await,
        Ok(true) => layers(&mut scene, request).await.and_then(only_websockets),
        Err(OtherProtocol) => Err(Failure::Protocol),
    };
    let mut at_once = false;
    let mut response = match answered {
        Ok(response) => response,
        Err(failure) => {
            debug!(?failure, request = ?scene.id, "not answered by an app");
            let page = error_page::of(&failure, &scene);
            at_once = failure.is_meant();
            if page.status().is_server_error() && !at_once {
                counters.failures.fetch_add(1, Ordering::Relaxed);
            }
            page
        }
    };
    promise_tls(&scene, &mut response);
    offer_http3(&scene, version, &mut response);
    // A WebSocket is no page.
    let page = response.status() != StatusCode::SWITCHING_PROTOCOLS;
    if let Some(site) = scene.site.as_ref().filter(|site| page && site.rules.safety) {
        safety::apply(response.headers_mut(), site.rules.framed);
    }
    // Whoever answered: below it nobody knows what a visitor's program can read.
    compress::apply(&wish, &mut response, &visit.core.room);
    if matches!(version, Version::HTTP_2 | Version::HTTP_3) {
        // Nothing there is about the connection (RFC 9113, 8.2.2; RFC 9114, 4.2).
        response.headers_mut().remove(header::CONNECTION);
    }
    // What followed a request for a WebSocket was not looked at, and must not become a request. A body
    // that nobody wanted is not waited for.
    let unclear = visit.told.is_tunnel();
    let unread = request
        .body()
        .size_hint()
        .upper()
        .is_none_or(|most| most > WAITED_FOR);
    let last = version < Version::HTTP_2 && (unread || visit.core.is_stopping.get());
    if (unclear || last) && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    counters.requests.fetch_add(1, Ordering::Relaxed);
    if version == Version::HTTP_2 && !page {
        extended_connect::consent(&mut response);
    }
    trace!(request = ?scene.id, status = response.status().as_u16(), "answered");
    let tally = scene.site.as_ref().map(|site| {
        let tally = site.meter.tally(visit.core.number);
        tally.received(asked.head);
        tally.sent(traffic::answer_head(response.headers()));
        tally.clone()
    });
    let note = asked.note(&scene, response.status());
    // Without TLS, which means HTTP/1, nothing below looks at the bytes of a file any more.
    if let (Scheme::Http, Body::File(file)) = (visit.scheme, response.body_mut()) {
        file.send_through(visit.outlet.clone());
    }
    response.map(|body| Tracked::new(body, note, tally).at_once(at_once))
}

/// To a CONNECT every 2xx is a consent: what follows would be taken for frames.
fn only_websockets(response: Response<Body>) -> Result<Response<Body>, Failure> {
    if response.status().is_success() {
        return Err(Failure::NoWebSocket);
    }
    Ok(response)
}

/// What the log says of a request, as the visitor wrote it.
struct Asked {
    /// Bytes of the head.
    head: u64,
    began: Instant,
    at: Moment,
    method: Method,
    uri: Uri,
    version: Version,
    referer: Option<HeaderValue>,
    agent: Option<HeaderValue>,
}

impl Asked {
    fn of(request: &Request<Inbound>) -> Self {
        Self {
            head: traffic::request_head(request),
            began: Instant::now(),
            at: Moment::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            referer: request.headers().get(header::REFERER).cloned(),
            agent: request.headers().get(header::USER_AGENT).cloned(),
        }
    }

    /// The note for an app's log; none where no app has the host, or it wants none.
    fn note(self, scene: &Scene<'_>, status: StatusCode) -> Option<Note> {
        let site = scene.site.as_ref().filter(|site| site.access.is_some())?;
        let record = Record {
            site: site.clone(),
            at: self.at,
            client: scene.visit.peer.ip().to_canonical(),
            host: scene.marks.as_ref()?.written.clone(),
            method: self.method,
            uri: self.uri,
            version: self.version,
            status,
            bytes: 0,
            took: Duration::ZERO,
            referer: self.referer,
            agent: self.agent,
            id: scene.id.clone(),
        };
        Some(Note {
            log: scene.visit.core.setting.access_log.clone(),
            began: self.began,
            record: Some(record),
        })
    }
}

/// Tells browsers to come by TLS alone (RFC 6797), where that is asked for and the app has not said
/// anything itself. Never without TLS: there it means nothing.
fn promise_tls(scene: &Scene<'_>, response: &mut Response<Body>) {
    let seconds = scene.site.as_ref().and_then(|site| site.https.hsts);
    if let Some(seconds) = seconds.filter(|_| scene.visit.scheme == Scheme::Https) {
        let value = HeaderValue::from_str(&format!("max-age={seconds}"));
        let headers = response.headers_mut();
        if let (Ok(value), header::Entry::Vacant(entry)) =
            (value, headers.entry(header::STRICT_TRANSPORT_SECURITY))
        {
            entry.insert(value);
        }
    }
}

/// Tells browsers that the same is to be had by HTTP/3, while it is, and where the app has not said
/// anything itself.
fn offer_http3(scene: &Scene<'_>, version: Version, response: &mut Response<Body>) {
    let visit = scene.visit;
    if version == Version::HTTP_3 || visit.scheme == Scheme::Http {
        return;
    }
    let port = visit.core.setting.http3.load(Ordering::Relaxed);
    let alternative = scene
        .marks
        .as_ref()
        .filter(|_| port != 0 && port == visit.port);
    if let Some(alternative) = alternative.and_then(|marks| marks.alternative.clone())
        && let header::Entry::Vacant(entry) = response.headers_mut().entry(header::ALT_SVC)
    {
        entry.insert(alternative);
    }
}

async fn layers(
    scene: &mut Scene<'_>,
    request: &mut Request<Inbound>,
) -> Result<Response<Body>, Failure> {
    // 1. Framing is behind us: what could be cut into requests in two ways was refused before it
    //    became one (`strict.rs`), because after it not even the end of a request is certain.
    //    Only the number of fields has to be counted for HTTP/2 and 3, where nobody does.
    if request.headers().len() > scene.visit.core.setting.limits.fields {
        return Err(Failure::TooManyFields);
    }
    // 2. Methods that are about the way and not about a resource.
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Failure::Method);
    }
    //    The framing of HTTP/1 has refused words that programs read in different ways; those of
    //    HTTP/2 and 3 have come in no line.
    if request.version() > Version::HTTP_11 {
        check_words(request)?;
    }
    // 3. The host: exactly one. Before the path, because it says whose path that is.
    let marks = marks(scene.visit, request)?;
    scene.marks = Some(marks.clone());
    // 4. The path, in its one spelling, for every layer below and for the app.
    let Some(target) = target(request)? else {
        return Ok(no_content());
    };
    //    A question of an authority is answered before any app's rules; one that is not ours is the
    //    app's.
    if let Some(proof) = proof(scene.visit, &marks, &target) {
        return Ok(proof);
    }
    // 5. The site.
    let view = scene.visit.core.view();
    let site = view.routes.site(&marks.host).ok_or(Failure::UnknownHost)?;
    scene.site = Some(site.clone());
    //    Where it is for TLS alone, nobody is answered without; a name that has no certificate yet
    //    would be answered by nobody at all.
    let certificates = &scene.visit.core.setting.certificates;
    if scene.visit.scheme == Scheme::Http
        && let Some(port) = site.https.redirect
        && certificates.choose(Some(&marks.host)).is_some()
    {
        return Ok(to_https(&marks, port, &target));
    }
    //    One of its names is the one to show; a file or a page that is there under two of them would
    //    be two to a search engine.
    if let Some(canonical) = site.rules.canonical.as_deref()
        && marks.host != canonical
        && !is_of_this_machine(&marks.host)
    {
        return Ok(to_canonical(scene.visit, &marks, canonical, &target));
    }
    //    While its author works at it, visitors see a page in its place.
    if site.is_closed_to(scene.visit.peer.ip()) {
        return Err(Failure::Maintenance);
    }
    //    Where they have taken what its author wants to pay for, as well.
    match site.meter.state() {
        State::Free => {}
        State::Paused if site.is_open_at(target.path()) => {}
        State::Paused => return Err(Failure::Paused),
        State::Slowed => {
            if let Some(wait) = site.meter.is_crowded() {
                return Err(Failure::Crowded(wait));
            }
        }
    }
    // 6. Its limits, before a byte of the body is read.
    if request.body().size_hint().lower() > site.body_limit {
        return Err(Failure::BodyTooLarge);
    }
    // 7. The route, and what it asks of visitors: below the path layer, so that there is no other way
    //    to write the address; above whoever answers, so that a kept answer is no way around it.
    let found = site.find(target.path()).ok_or(Failure::NoRoute)?;
    check(scene.visit, found.way, request)?;
    let credentials = Credentials::of(found.way);
    // 8. Who answers it.
    let errand = |via_root, places: &Arc<[usize]>, stripped| Errand {
        marks: marks.clone(),
        target: target.clone(),
        found: forward::Found {
            view: view.number,
            places: places.clone(),
        },
        via_root,
        stripped,
        id: scene.id.clone(),
        body_limit: site.body_limit,
        tally: site.meter.tally(scene.visit.core.number).clone(),
    };
    match &found.way.to {
        To::Instances {
            told,
            places,
            strips,
        } => {
            credentials.take_from(request);
            let stripped = strips.as_ref().map(|prefix| Stripped {
                target: below(&target, &found.rest),
                prefix: prefix.clone(),
            });
            let errand = errand(false, places, stripped.map(Rc::new));
            cache::answer(scene.visit, &site.cache, told.as_ref(), &errand, request).await
        }
        To::Redirect { to, status } => Ok(redirect(to, *status, &found.rest, &target)),
        To::Files {
            folder,
            fall_through,
            fallback,
        } => match static_files::serve(folder, &target, &found.rest, request)? {
            Served::Answer(response) => Ok(response),
            Served::NotThere if *fall_through => {
                let errand = |places: &Arc<[usize]>| errand(true, places, None);
                // Boxed: most requests do not come here, and would carry the room for it along.
                Box::pin(at_root(scene, site, &target, errand, credentials, request)).await
            }
            Served::NotThere => {
                static_files::not_there(folder, fallback.as_deref(), &found.rest, request)
            }
        },
    }
}

/// Where a file is not there, what answers `/` is asked.
async fn at_root(
    scene: &Scene<'_>,
    site: &Site,
    target: &PathAndQuery,
    errand: impl Fn(&Arc<[usize]>) -> Errand,
    credentials: Credentials,
    request: &mut Request<Inbound>,
) -> Result<Response<Body>, Failure> {
    let rest = target.path().trim_start_matches('/');
    let root = site.root();
    if let Some(way) = root {
        check(scene.visit, way, request)?;
        credentials.or(Credentials::of(way)).take_from(request);
    }
    match root.map(|way| &way.to) {
        None => Err(Failure::NoFile),
        Some(To::Instances { told, places, .. }) => {
            let errand = errand(places);
            cache::answer(scene.visit, &site.cache, told.as_ref(), &errand, request).await
        }
        Some(To::Redirect { to, status }) => Ok(redirect(to, *status, rest, target)),
        Some(To::Files {
            folder, fallback, ..
        }) => match static_files::serve(folder, target, rest, request)? {
            Served::Answer(response) => Ok(response),
            Served::NotThere => static_files::not_there(folder, fallback.as_deref(), rest, request),
        },
    }
}

/// The target without the prefix of its route: what is left of a canonical path, and the query.
fn below(target: &PathAndQuery, rest: &str) -> PathAndQuery {
    let path = match target.query() {
        None => format!("/{rest}"),
        Some(query) => format!("/{rest}?{query}"),
    };
    PathAndQuery::try_from(path).expect("a part of a path is a path")
}

fn check(visit: &Visit, way: &Way, request: &Request<Inbound>) -> Result<(), Failure> {
    match &way.rules {
        Some(rules) => rules.check(visit.peer.ip(), request.headers()),
        None => Ok(()),
    }
}

/// Whose business the credentials of a request are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credentials {
    /// The app's.
    App,
    /// The door's, which has asked for them: an app that logs its requests would write them down.
    Door,
}

impl Credentials {
    fn of(way: &Way) -> Self {
        match &way.rules {
            Some(rules) if rules.basic_auth.is_some() => Self::Door,
            _ => Self::App,
        }
    }

    fn or(self, other: Self) -> Self {
        if self == Self::Door { self } else { other }
    }

    fn take_from(self, request: &mut Request<Inbound>) {
        if self == Self::Door {
            request.headers_mut().remove(header::AUTHORIZATION);
        }
    }
}

/// The host of a request: of its target where that is absolute, else of its one `Host` field
/// (RFC 9112, 3.2).
fn marks(visit: &Visit, request: &Request<Inbound>) -> Result<Rc<Marks>, Failure> {
    let mut hosts = request.headers().get_all(header::HOST).into_iter();
    let written = match (request.uri().authority(), hosts.next(), hosts.next()) {
        (_, _, Some(_)) => return Err(Failure::BadRequest("there is more than one `Host`")),
        (_, None, None) if request.version() == Version::HTTP_11 => {
            return Err(Failure::BadRequest("there is no `Host`"));
        }
        (Some(authority), _, None) => {
            let host = HeaderValue::from_str(authority.as_str());
            Cow::Owned(host.map_err(|_| Failure::BadRequest("the target's host is not one"))?)
        }
        (None, Some(host), None) => Cow::Borrowed(host),
        // Who has no name for us means this machine: what watches machines still asks so.
        (None, None, None) if request.version() <= Version::HTTP_10 => {
            Cow::Owned(HeaderValue::from_static("localhost"))
        }
        (None, None, None) => return Err(Failure::UnknownHost),
    };
    // RFC 9113, 8.3.1, and RFC 9114, 4.3.1: a `Host` that says something else than `:authority` is
    // malformed.
    if matches!(request.version(), Version::HTTP_2 | Version::HTTP_3) && hosts_differ(request) {
        return Err(Failure::BadRequest("there are two hosts"));
    }
    let marks = visit.marks(&written);
    marks.ok_or(Failure::BadRequest("the `Host` is not a host name"))
}

/// Whether the method and the target could stand in a request of HTTP/1, as they may for an app.
fn check_words(request: &Request<Inbound>) -> Result<(), Failure> {
    if !framing::is_method(request.method().as_str()) {
        return Err(Failure::BadRequest("the method is none"));
    }
    let target = request.uri().path_and_query();
    match target.map(PathAndQuery::as_str) {
        Some(target) if !framing::is_target(target) => {
            Err(Failure::BadRequest("the target has a byte that it may not"))
        }
        _ => Ok(()),
    }
}

fn hosts_differ(request: &Request<Inbound>) -> bool {
    match (
        request.uri().authority(),
        request.headers().get(header::HOST),
    ) {
        (Some(authority), Some(host)) => !host
            .as_bytes()
            .eq_ignore_ascii_case(authority.as_str().as_bytes()),
        _ => false,
    }
}

/// The canonical target; `None` for `*`, which asks about the server and not about a path.
fn target(request: &Request<Inbound>) -> Result<Option<PathAndQuery>, Failure> {
    let uri = request.uri();
    if uri.authority().is_some() && uri.scheme().is_none() {
        return Err(Failure::BadRequest("the target is not a path"));
    }
    if uri
        .scheme_str()
        .is_some_and(|scheme| !matches!(scheme, "http" | "https"))
    {
        return Err(Failure::BadRequest(
            "the target's scheme is not one of the web",
        ));
    }
    if uri.path() == "*" && request.method() == Method::OPTIONS {
        return Ok(None);
    }
    let bad = |_| Failure::BadRequest("the path is not one that every program reads the same way");
    let path = path::canonical(uri.path()).map_err(bad)?;
    let spelled = match (path, uri.path_and_query()) {
        (Cow::Borrowed(_), Some(as_it_is)) => return Ok(Some(as_it_is.clone())),
        (path, _) => match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.into_owned(),
        },
    };
    let target = PathAndQuery::from_maybe_shared(bytes::Bytes::from(spelled));
    target
        .map(Some)
        .map_err(|_| Failure::BadRequest("the path is not one"))
}

/// What an authority of certificates wants to read (RFC 8555, 8.3).
fn proof(visit: &Visit, marks: &Marks, target: &PathAndQuery) -> Option<Response<Body>> {
    let token = target.path().strip_prefix("/.well-known/acme-challenge/")?;
    let proof = visit.core.setting.certificates.proof(&marks.host, token)?;
    let mut response = Response::new(Body::Whole(proof.into()));
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Some(response)
}

fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// The same place with TLS. 308: a form that was sent here is sent there.
fn to_https(marks: &Marks, port: u16, target: &PathAndQuery) -> Response<Body> {
    let port = match port {
        443 => String::new(),
        port => format!(":{port}"),
    };
    same_place(&format!("https://{}{port}", marks.host), target)
}

/// The same place under the name to show, at the port that the visitor came by.
fn to_canonical(
    visit: &Visit,
    marks: &Marks,
    canonical: &str,
    target: &PathAndQuery,
) -> Response<Body> {
    let written = marks.written.to_str().ok().and_then(host::parse);
    let port = written.and_then(|host| host.port);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let origin = format!("{}://{canonical}{port}", visit.scheme.as_str());
    same_place(&origin, target)
}

/// The same path and query at another origin.
fn same_place(origin: &str, target: &PathAndQuery) -> Response<Body> {
    let path = format!("{origin}{}", target.path());
    to_location(
        &format!("{origin}{target}"),
        &path,
        StatusCode::PERMANENT_REDIRECT,
    )
}

/// To where the author says; where that ends with `/`, to what follows the route's own path.
fn redirect(to: &str, status: StatusCode, rest: &str, target: &PathAndQuery) -> Response<Body> {
    let mut location = to.to_owned();
    if to.ends_with('/') {
        location.push_str(rest);
        if let Some(query) = target.query() {
            location.push('?');
            location.push_str(query);
        }
    }
    to_location(&location, to, status)
}

/// A query may hold bytes that a field must not (RFC 9110, 5.5); such a visitor gets the `plain`
/// place.
fn to_location(location: &str, plain: &str, status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let location = HeaderValue::from_str(location).or_else(|_| HeaderValue::from_str(plain));
    headers.extend(location.ok().map(|location| (header::LOCATION, location)));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}
