//! Requests that change something: what is kept of an address goes, and the answer to a POST may be kept
//! in its place.

use std::sync::Arc;

use hyper::body::Body as _;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::time::Instant;

use crate::body::{Body, Inbound};
use crate::cache::directives::Directives;
use crate::cache::entry::{Key, is_personal};
use crate::cache::rules::{self, Terms, Times};
use crate::cache::{Cache, Seed, fill, onto_shelf};
use crate::forward::{self, Errand};
use crate::path;
use crate::stack::Failure;
use crate::visit::Visit;

/// What changes an address makes what is kept of it worthless (RFC 9111, 4.4).
pub(super) async fn change(
    visit: &Visit,
    cache: &Arc<Cache>,
    errand: &Errand,
    request: &mut Request<Inbound>,
) -> Result<Response<Body>, Failure> {
    let is_for_all = *request.method() == Method::POST
        && cache.is_awake()
        && !is_personal(request.headers())
        && !Directives::of(request.headers()).no_store;
    let asked = Instant::now();
    let response = forward::forward(visit, errand, request).await?;
    let done = response.status().is_success() || response.status().is_redirection();
    if done && !cache.shelf().is_empty() {
        let target = errand.target.as_str();
        let named = [header::LOCATION, header::CONTENT_LOCATION];
        let named = named.iter().filter_map(|name| response.headers().get(name));
        let named = named.filter_map(|place| on_this_host(place, errand));
        let meant: Vec<String> = named.chain([target.to_owned()]).collect();
        let mut shelf = cache.shelf();
        for target in meant {
            shelf.forget(&target);
        }
    }
    if is_for_all && let Some(terms) = terms_of_post(&response, errand, asked) {
        let times = Times::until(asked, Instant::now());
        let (parts, body) = response.into_parts();
        let key = Key::of(visit.scheme, errand);
        let seed = Seed::new(key, &parts, terms, times, false);
        let reader = onto_shelf(&visit.core, cache, None, seed, body);
        return Ok(Response::from_parts(parts, Body::Shared(reader)));
    }
    Ok(response)
}

/// What the answer to a POST is kept with: one that says how long it is good and that it is what a GET
/// of the same address gives (RFC 9110, 9.3.3). What the request said is not known any more: an answer
/// that varies by it is not kept.
fn terms_of_post(response: &Response<Body>, errand: &Errand, asked: Instant) -> Option<Terms> {
    let (status, headers) = (response.status(), response.headers());
    let mut places = headers.get_all(header::CONTENT_LOCATION).into_iter();
    let (Some(place), None) = (places.next(), places.next()) else {
        return None;
    };
    let is_its_own = on_this_host(place, errand)? == errand.target.as_str();
    let is_small = response.body().size_hint().lower() <= fill::LARGEST as u64;
    if status != StatusCode::OK || !is_its_own || !is_small {
        return None;
    }
    let times = Times::until(asked, Instant::now());
    let terms = rules::terms(&HeaderMap::new(), status, headers, None, times)?;
    (terms.life.is_own && terms.varies.is_empty()).then_some(terms)
}

/// The path and query of an address in an answer's head; `None` where it is another host's, of which
/// this app says nothing.
fn on_this_host(place: &HeaderValue, errand: &Errand) -> Option<String> {
    let place = place.to_str().ok()?;
    let place = match place.split_once("://") {
        Some((_, rest)) => {
            let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
            let is_ours = errand.marks.written.as_bytes() == host.as_bytes();
            is_ours.then(|| rest[host.len()..].to_owned())?
        }
        None if place.starts_with('/') => place.to_owned(),
        None => {
            let folder = errand.target.path().rsplit_once('/')?.0;
            format!("{folder}/{place}")
        }
    };
    let (path, query) = place.split_once('?').unwrap_or((&place, ""));
    let path = path::canonical(path).ok()?;
    Some(match query {
        "" => path.into_owned(),
        query => format!("{path}?{query}"),
    })
}
