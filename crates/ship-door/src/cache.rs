//! Answers that may be used again (RFC 9111): what this app's own fields allow, and what its
//! manifest says besides.
//!
//! An app's answers are shared by all cores, and by no other app. A cache sleeps until an answer
//! comes that may be kept, so that an app that allows none pays for none. Many visitors that ask for
//! the same are one request to the app.

mod change;
pub(crate) mod directives;
mod entry;
mod fill;
mod flight;
mod life;
mod passes;
mod rules;
mod serve;
mod shelf;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::body::Body as _;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::response;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use ship_base::hash::ContentHash;
use ship_base::name::{AppName, ReleaseId};
use tokio::time::{Instant, timeout};

use crate::body::{Body, Inbound};
use crate::cache::directives::Directives;
use crate::cache::entry::{Entry, Key, is_personal};
use crate::cache::fill::Settled;
use crate::cache::flight::{Flight, Lead};
use crate::cache::life::Use;
use crate::cache::passes::Passes;
use crate::cache::rules::{Terms, Times};
use crate::cache::shelf::Shelf;
use crate::core::Core;
use crate::forward::{self, Errand};
use crate::head::{self, Scheme};
use crate::route::Site;
use crate::stack::Failure;
use crate::visit::Visit;

pub(crate) use crate::cache::fill::Reader;

/// What an author says about a route, where the app says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// How long an answer is good, at most.
    pub(crate) fresh: Duration,
    /// And for how many percent of the time since its `Last-Modified` at most.
    pub(crate) share: Option<u32>,
    /// How long after that it is still better than none.
    pub(crate) stale: Duration,
}

/// Fields by which a visitor asks for less than the whole. The app is asked for the whole where it
/// will be kept.
const FOR_LESS: [HeaderName; 4] = [
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::RANGE,
    header::IF_RANGE,
];

/// How long a visitor waits for somebody else's request before it makes its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// For so many answers more: those that came were for others.
    Left(usize),
    /// For none: this one takes too long, and may have no end.
    Lost,
}

/// The answers of one app.
#[derive(Debug)]
pub(crate) struct Cache {
    awake: AtomicBool,
    shelf: Mutex<Shelf>,
    passes: Passes,
}

/// The caches of all apps; owned by the door's main thread.
#[derive(Debug, Default)]
pub(crate) struct Caches(HashMap<AppName, (Option<ReleaseId>, Arc<Cache>)>);

impl Caches {
    /// The cache of a release. A new release has an empty one: its pages may name other files.
    pub(crate) fn get(&self, app: &AppName, release: Option<ReleaseId>) -> Arc<Cache> {
        let known = self.0.get(app);
        if let Some((_, cache)) = known.filter(|(known, _)| *known == release) {
            return cache.clone();
        }
        let awake = known.is_some_and(|(_, cache)| cache.is_awake());
        Arc::new(Cache::new(awake))
    }

    pub(crate) fn of(&self, app: &AppName) -> Option<&Arc<Cache>> {
        Some(&self.0.get(app)?.1)
    }

    /// Keeps those of the sites that are served now, and no others.
    pub(crate) fn keep(&mut self, sites: &[Arc<Site>]) {
        let each = sites.iter();
        let each = each.map(|site| (site.app.clone(), (site.release, site.cache.clone())));
        self.0 = each.collect();
    }
}

/// What there is for a request.
enum Found {
    /// An answer to send.
    Entry(Arc<Entry>),
    /// The same, and the right to fetch a new one.
    Renew(Arc<Entry>, Lead),
    /// Somebody is asking for it already.
    Wait(Arc<Flight>),
    /// It is to be fetched; there may be an old one.
    Fetch(Option<Lead>, Option<Arc<Entry>>),
    /// Nothing that is kept.
    Pass,
}

impl Found {
    /// Whether the visitor gets it without the app.
    fn is_kept(&self) -> bool {
        matches!(self, Self::Entry(_) | Self::Renew(..))
    }
}

/// One request to the app whose answer may be kept.
struct Voyage {
    cache: Arc<Cache>,
    key: Key,
    errand: Errand,
    method: Method,
    headers: HeaderMap,
    told: Option<Told>,
    lead: Option<Lead>,
    old: Option<Arc<Entry>>,
}

/// Answers from the cache, or from the app and into the cache. What is not on the way of most requests
/// is boxed: an answer on its way is moved from hand to hand, and would carry the room for it along.
pub(crate) async fn answer(
    visit: &Visit,
    cache: &Arc<Cache>,
    told: Option<&Told>,
    errand: &Errand,
    request: &mut Request<Inbound>,
) -> Result<Response<Body>, Failure> {
    if !request.method().is_safe() {
        return Box::pin(change::change(visit, cache, errand, request)).await;
    }
    if !is_plain(request) || (told.is_none() && !cache.is_awake()) {
        return pass(visit, cache, errand, request).await;
    }
    let key = Key::of(visit.scheme, errand);
    let told_here = told.filter(|_| !is_personal(request.headers()));
    let mut patience = Patience::Left(2);
    loop {
        let now = Instant::now();
        let found = cache.look(&key, request, told_here, patience, now);
        if !found.is_kept() && Directives::of(request.headers()).only_if_cached {
            return Ok(nothing_kept());
        }
        let (lead, old) = match found {
            Found::Pass => return pass(visit, cache, errand, request).await,
            Found::Wait(flight) => {
                let landed = Box::pin(flight.landed(&visit.core.setting.limits));
                patience = patience.after(landed.await);
                continue;
            }
            Found::Entry(entry) => {
                return Ok(serve::serve(
                    &entry,
                    request.method(),
                    request.headers(),
                    now,
                ));
            }
            Found::Renew(entry, lead) => {
                let response = serve::serve(&entry, request.method(), request.headers(), now);
                let lead = (Some(lead), Some(entry));
                let voyage = Voyage::new(cache, &key, errand, request, told_here, lead);
                let core = visit.core.clone();
                visit.core.tasks.spawn_local(async move {
                    voyage.run_unseen(&core).await;
                });
                return Ok(response);
            }
            Found::Fetch(lead, old) => (lead, old),
        };
        let voyage = Voyage::new(cache, &key, errand, request, told_here, (lead, old));
        return Box::pin(voyage.run(&visit.core)).await;
    }
}

/// What a visitor hears that wants what is kept, or nothing (RFC 9111, 5.2.1.7). No error page: nothing
/// has failed.
fn nothing_kept() -> Response<Body> {
    let page = Bytes::from_static(b"Nothing is kept that answers this.\n");
    let length = page.len();
    let mut response = Response::new(Body::Whole(page));
    *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether a request may be answered from what is kept: one that reads, without a body or another
/// protocol, and without a condition that is about changing something.
fn is_plain(request: &Request<Inbound>) -> bool {
    let headers = request.headers();
    matches!(*request.method(), Method::GET | Method::HEAD)
        && request.body().is_end_stream()
        && !head::wants_websocket(headers)
        && !headers.contains_key(header::IF_MATCH)
        && !headers.contains_key(header::IF_UNMODIFIED_SINCE)
}

/// An exchange of which nothing is kept. The first answer that might have been wakes the cache.
async fn pass(
    visit: &Visit,
    cache: &Arc<Cache>,
    errand: &Errand,
    request: &mut Request<Inbound>,
) -> Result<Response<Body>, Failure> {
    let asleep = !cache.is_awake();
    let asked = Instant::now();
    let response = forward::forward(visit, errand, request).await?;
    if asleep && speaks_of_caches(response.headers()) && is_nobodys(request) {
        let key = Key::of(visit.scheme, errand);
        let times = Times::until(asked, Instant::now());
        return Ok(wake(&visit.core, cache, key, response, times));
    }
    Ok(response)
}

/// Whether a request says nothing that its answer could depend on, but what `Vary` names.
fn is_nobodys(request: &Request<Inbound>) -> bool {
    let headers = request.headers();
    *request.method() == Method::GET
        && !is_personal(headers)
        && !Directives::of(headers).no_store
        && !FOR_LESS.iter().any(|name| headers.contains_key(name))
}

/// Keeps the first answer that may be kept. What the request said is not known any more: an answer
/// that varies by it wakes the cache and is not kept.
fn wake(
    core: &Rc<Core>,
    cache: &Arc<Cache>,
    key: Key,
    response: Response<Body>,
    times: Times,
) -> Response<Body> {
    let (status, headers) = (response.status(), response.headers());
    let Some(terms) = rules::terms(&HeaderMap::new(), status, headers, None, times) else {
        return response;
    };
    // What has to be asked about each time gains too little by it to wake anybody.
    if terms.life.asks_always {
        return response;
    }
    cache.wake();
    if !terms.varies.is_empty() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let seed = Seed::new(key, &parts, terms, times, false);
    Response::from_parts(
        parts,
        Body::Shared(onto_shelf(core, cache, None, seed, body)),
    )
}

fn speaks_of_caches(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CACHE_CONTROL) || headers.contains_key(header::EXPIRES)
}

impl Key {
    fn of(scheme: Scheme, errand: &Errand) -> Self {
        Self {
            scheme,
            host: errand.marks.written.clone(),
            target: errand.target.as_str().into(),
        }
    }
}

impl Times {
    fn until(asked: Instant, came: Instant) -> Self {
        Self {
            asked,
            came,
            clock: SystemTime::now(),
        }
    }
}

impl Cache {
    pub(crate) fn new(awake: bool) -> Self {
        Self {
            awake: AtomicBool::new(awake),
            shelf: Mutex::new(Shelf::new(shelf::CAPACITY)),
            passes: Passes::new(),
        }
    }

    pub(crate) fn is_awake(&self) -> bool {
        self.awake.load(Ordering::Relaxed)
    }

    fn wake(&self) {
        self.awake.store(true, Ordering::Relaxed);
    }

    /// Held for a look or a change, never while anything is waited for.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the answers to a path with any query, or to all paths that begin with it where it
    /// ends with `*`; gives how many.
    pub(crate) fn purge(&self, path: &str) -> usize {
        let path_of = |target: &str| target.split('?').next().unwrap_or(target).to_owned();
        self.shelf()
            .forget_all(|target| match path.strip_suffix('*') {
                Some(beginning) => target.starts_with(beginning),
                None => path_of(target) == path,
            })
    }

    fn look(
        self: &Arc<Self>,
        key: &Key,
        request: &Request<Inbound>,
        told: Option<&Told>,
        patience: Patience,
        now: Instant,
    ) -> Found {
        let headers = request.headers();
        let mut shelf = self.shelf();
        // A part is nothing for HEAD, which knows no parts (RFC 9110, 14.2).
        let is_part = |old: &Arc<Entry>| old.status == StatusCode::PARTIAL_CONTENT;
        let is_head = *request.method() == Method::HEAD;
        let old = shelf.find(key, headers);
        let old = old.filter(|old| !(is_head && is_part(old)));
        let good = old.as_ref().map_or(Use::Stale, |entry| entry.life.now(now));
        let flight = shelf.flights().get(key).cloned();
        match (old, good, flight) {
            (Some(old), Use::Fresh, _) | (Some(old), Use::WhileRevalidating, Some(_)) => {
                Found::Entry(old)
            }
            // What HEAD brings is not kept.
            _ if is_head && told.is_none() => Found::Pass,
            // Everybody asks by themselves: nobody is to wait for somebody else's answer in vain.
            (Some(old), _, _) if old.life.asks_always => Found::Fetch(None, Some(old)),
            (Some(old), Use::WhileRevalidating, None) => {
                Found::Renew(old, self.lead(&mut shelf, key))
            }
            (None, _, None) if self.passes.has(key, now) => Found::Pass,
            // A page of somebody's own is nothing to wait for.
            (None, _, _) if is_personal(headers) => Found::Fetch(None, None),
            // Nor is a part, where the app is asked for parts: the next visitor wants another.
            (None, _, _) if told.is_none() && headers.contains_key(header::RANGE) => {
                Found::Fetch(None, None)
            }
            // What so many ask for at once may have no end: it is not kept for each of them.
            (None, _, Some(_)) if patience == Patience::Lost => Found::Pass,
            (old, _, Some(_)) if patience.is_over() => Found::Fetch(None, old),
            (_, _, Some(flight)) => Found::Wait(flight),
            (old, _, None) => Found::Fetch(Some(self.lead(&mut shelf, key)), old),
        }
    }

    fn lead(self: &Arc<Self>, shelf: &mut Shelf, key: &Key) -> Lead {
        let flight = Flight::new();
        shelf.flights().insert(key.clone(), flight.clone());
        Lead {
            cache: self.clone(),
            key: key.clone(),
            flight,
        }
    }
}

impl Patience {
    fn after(self, landed: bool) -> Self {
        match self {
            Self::Left(waits) if landed => Self::Left(waits.saturating_sub(1)),
            _ => Self::Lost,
        }
    }

    fn is_over(self) -> bool {
        matches!(self, Self::Left(0) | Self::Lost)
    }
}

impl Voyage {
    fn new(
        cache: &Arc<Cache>,
        key: &Key,
        errand: &Errand,
        request: &mut Request<Inbound>,
        told: Option<&Told>,
        (lead, old): (Option<Lead>, Option<Arc<Entry>>),
    ) -> Self {
        Self {
            cache: cache.clone(),
            key: key.clone(),
            errand: errand.clone(),
            method: request.method().clone(),
            headers: std::mem::take(request.headers_mut()),
            told: told.copied(),
            lead,
            old,
        }
    }

    /// Whether the answer is known to be one that is kept: then the app is asked for all of it.
    fn wants_whole(&self) -> bool {
        self.told.is_some() || self.old.is_some()
    }

    async fn run(self, core: &Rc<Core>) -> Result<Response<Body>, Failure> {
        let asked = Instant::now();
        let method = if self.wants_whole() {
            Method::GET
        } else {
            self.method.clone()
        };
        let fetched = forward::fetch(core, &self.errand, &method, &self.question()).await;
        let now = Instant::now();
        let response = match fetched {
            Ok(response) if !is_failure(response.status()) => response,
            failed => match self.old.as_ref().filter(|old| old.life.helps_out(now)) {
                Some(old) => return Ok(self.serve(old, now)),
                None => failed?,
            },
        };
        let times = Times::until(asked, now);
        match &self.old {
            Some(old) if response.status() == StatusCode::NOT_MODIFIED => {
                Ok(self.renew(&old.clone(), response.headers(), times))
            }
            _ => self.keep(core, response, times).await,
        }
    }

    /// Without a visitor: nobody is there who could go, so it has the time of an answer to its end.
    async fn run_unseen(self, core: &Rc<Core>) {
        if let Ok(response) = self.run(core).await
            && let Body::Shared(reader) = response.into_body()
        {
            let _ = timeout(core.setting.limits.answer, reader.settled()).await;
        }
    }

    /// The visitor's fields, as far as they are about the whole, and our own condition.
    fn question(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        if !self.wants_whole() {
            return headers;
        }
        for name in FOR_LESS {
            headers.remove(name);
        }
        let old = self.old.as_ref();
        let validator = |name| old.and_then(|old| old.headers.get(name)).cloned();
        let tag = validator(header::ETAG).filter(|_| old.is_some_and(|old| !old.own_tag));
        headers.extend(tag.map(|tag| (header::IF_NONE_MATCH, tag)));
        let modified = validator(header::LAST_MODIFIED);
        headers.extend(modified.map(|at| (header::IF_MODIFIED_SINCE, at)));
        headers
    }

    fn serve(&self, entry: &Entry, now: Instant) -> Response<Body> {
        serve::serve(entry, &self.method, &self.headers, now)
    }

    /// The app says that the old answer is still the one.
    fn renew(&self, old: &Entry, news: &HeaderMap, times: Times) -> Response<Body> {
        let headers = rules::freshened(&old.headers, news);
        let told = self.told.as_ref();
        let terms = rules::terms(&self.headers, old.status, &headers, told, times);
        let Some(Terms { life, varies }) = terms else {
            self.cache.shelf().forget(&self.key.target);
            return self.serve(old, times.came);
        };
        let entry = Arc::new(Entry {
            key: self.key.clone(),
            status: old.status,
            headers: rules::kept(&headers, times.clock),
            body: old.body.clone(),
            life,
            varies,
            own_tag: old.own_tag,
            used: AtomicBool::new(true),
        });
        self.cache.shelf().put(entry.clone());
        self.serve(&entry, times.came)
    }

    /// A new answer: to the visitor, and onto the shelf where it may be kept.
    async fn keep(
        mut self,
        core: &Rc<Core>,
        response: Response<Body>,
        times: Times,
    ) -> Result<Response<Body>, Failure> {
        let (mut parts, body) = response.into_parts();
        let told = self.told.as_ref();
        let is_get = self.wants_whole() || self.method == Method::GET;
        let length = body.size_hint().lower();
        let terms = rules::terms(&self.headers, parts.status, &parts.headers, told, times);
        // A part that nobody asked for is nobody's answer.
        let is_odd = parts.status == StatusCode::PARTIAL_CONTENT && self.wants_whole();
        let is_kept = is_get && !is_odd && length <= fill::LARGEST as u64;
        let Some(terms) = terms.filter(|_| is_kept) else {
            if !is_personal(&self.headers) {
                self.cache.passes.remember(&self.key, times.came);
            }
            if self.old.is_some() {
                self.cache.shelf().forget(&self.key.target);
            }
            return Ok(Response::from_parts(parts, body));
        };
        self.cache.wake();
        let seed = Seed::new(self.key.clone(), &parts, terms, times, self.told.is_some());
        let reader = onto_shelf(core, &self.cache, self.lead.take(), seed, body);
        self.hand_over(core, &mut parts, reader).await
    }

    /// The answer as it comes; or from the shelf, once it is there, where the visitor wanted less
    /// than the app was asked for and it is not too long in coming.
    async fn hand_over(
        &self,
        core: &Core,
        parts: &mut response::Parts,
        reader: Reader,
    ) -> Result<Response<Body>, Failure> {
        let less = FOR_LESS.iter().any(|name| self.headers.contains_key(name));
        let within = core.setting.limits.shared_rest;
        if less && self.wants_whole() && timeout(within, reader.settled()).await == Ok(true) {
            let entry = self.cache.shelf().find(&self.key, &self.headers);
            if let Some(entry) = entry {
                return Ok(self.serve(&entry, Instant::now()));
            }
        }
        let mut response = Response::new(Body::Shared(reader));
        *response.status_mut() = parts.status;
        *response.headers_mut() = std::mem::take(&mut parts.headers);
        if self.method == Method::HEAD {
            *response.body_mut() = Body::Empty;
        }
        Ok(response)
    }
}

/// Failures against which an old answer helps (RFC 5861, 4).
fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// An entry but for its body.
struct Seed {
    key: Key,
    status: StatusCode,
    headers: HeaderMap,
    terms: Terms,
    told: bool,
}

/// Brings an answer onto the shelf while the visitor gets it. The lead ends when it is there.
fn onto_shelf(
    core: &Rc<Core>,
    cache: &Arc<Cache>,
    lead: Option<Lead>,
    seed: Seed,
    body: Body,
) -> Reader {
    let (fill, reader) = fill::pair(body.size_hint().exact());
    let cache = cache.clone();
    let grace = core.setting.limits.shared_rest;
    if let Some(lead) = &lead {
        lead.flight.begins();
    }
    core.tasks.spawn_local(async move {
        if let Settled::Whole(body) = fill.run(body, grace).await {
            cache.shelf().put(Arc::new(seed.entry(body)));
        }
        drop(lead);
    });
    reader
}

impl Seed {
    fn new(key: Key, parts: &response::Parts, terms: Terms, times: Times, told: bool) -> Self {
        Self {
            key,
            status: parts.status,
            headers: rules::kept(&parts.headers, times.clock),
            terms,
            told,
        }
    }

    /// What is kept by the manifest's word gets a tag where it has none, so that visitors need not
    /// fetch again what they have.
    fn entry(self, body: Bytes) -> Entry {
        let mut headers = self.headers;
        let own_tag =
            self.told && self.status == StatusCode::OK && !headers.contains_key(header::ETAG);
        if own_tag {
            let tag = format!("\"{}\"", ContentHash::of(&body).short());
            let tag = HeaderValue::from_str(&tag).ok();
            headers.extend(tag.map(|tag| (header::ETAG, tag)));
        }
        Entry {
            key: self.key,
            status: self.status,
            headers,
            body,
            life: self.terms.life,
            varies: self.terms.varies,
            own_tag,
            used: AtomicBool::new(false),
        }
    }
}
