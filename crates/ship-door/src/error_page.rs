//! What a visitor sees when no app answers: a page, or JSON for programs.
//!
//! On a laptop the reader is the developer, who is told what to look at. On a server the reader is
//! anybody, who is told nothing about what runs there.

use std::fmt::Write as _;

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use ship_base::clock::Moment;

use crate::body::Body;
use crate::stack::{Failure, Scene};

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

const LAYOUT: &str = include_str!("pages/layout.html");

/// What a page says.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    status: StatusCode,
    heading: String,
    story: String,
    /// Commands to copy; for the developer only.
    look_at: Vec<String>,
    /// Addresses to go to; for the developer only.
    links: Vec<String>,
}

/// The same for programs.
#[derive(Serialize)]
struct Problem<'p> {
    status: u16,
    error: &'p str,
    detail: &'p str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    look_at: &'p [String],
    request: &'p str,
}

/// Turns a failure into an answer.
pub(crate) fn of(failure: &Failure, scene: &Scene<'_>) -> Response<Body> {
    let page = page(failure, scene);
    let request = scene.id.to_str().unwrap_or_default();
    let developer = scene.visit.core.setting.developer;
    let own = || scene.site.as_ref()?.pages.of(failure, developer);
    let mut ours = false;
    let (kind, text): (_, Bytes) = if prefers_json(scene.accept.as_ref()) {
        ("application/json", json(&page, request).into())
    } else if let Some(own) = own() {
        ("text/html; charset=utf-8", own)
    } else {
        ours = true;
        ("text/html; charset=utf-8", html(&page, request).into())
    };
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = page.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, text.len().into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if ours {
        // Nothing of it comes from elsewhere.
        let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    match failure {
        Failure::BadRequest(_)
        | Failure::BodyTooLarge
        | Failure::BodyTooSlow
        | Failure::TooManyFields => {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Failure::ReadOnly | Failure::NoWebSocket => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        Failure::Method => {
            headers.insert(
                header::ALLOW,
                HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE"),
            );
        }
        Failure::NotSignedIn(challenge) => {
            headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
        }
        Failure::TooOften(wait) => {
            // Whole seconds, and never too early (RFC 9110, 10.2.3).
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        Failure::NoInstance | Failure::Unreachable(_) => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        Failure::Paused => {
            let now = Moment::now();
            let left = now.next_month().as_millis() - now.as_millis();
            let seconds = u64::try_from(left).unwrap_or(0).div_ceil(1000);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        Failure::Crowded(wait) => {
            headers.insert(header::RETRY_AFTER, (wait.as_secs() + 1).into());
        }
        Failure::Maintenance => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("300"));
        }
        _ => {}
    }
    *response.body_mut() = Body::Whole(text);
    response
}

fn page(failure: &Failure, scene: &Scene<'_>) -> Page {
    match failure {
        Failure::BadRequest(why) => Page::plain(
            StatusCode::BAD_REQUEST,
            "This request cannot be understood",
            &format!("It could be read in more than one way: {why}."),
        ),
        Failure::BodyTooLarge => too_large(scene),
        Failure::TooManyFields => Page::plain(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "This request has too many headers",
            "Deleting this site's cookies may help.",
        ),
        Failure::BodyTooSlow => Page::plain(
            StatusCode::REQUEST_TIMEOUT,
            "The upload came too slowly",
            &format!(
                "It has to come with at least {} bytes a second.",
                scene.visit.core.setting.limits.body_pace
            ),
        ),
        Failure::Method => Page::plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "This method is not for web sites",
            "CONNECT and TRACE are not answered here.",
        ),
        Failure::Protocol => Page::plain(
            StatusCode::NOT_IMPLEMENTED,
            "This protocol is not spoken here",
            "CONNECT leads to WebSockets and to nothing else.",
        ),
        Failure::NoWebSocket => Page::plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "There is no WebSocket at this address",
            "It was answered as a page; it is asked for with GET.",
        ),
        Failure::ReadOnly => Page::plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "A file can only be read",
            "This address is a file; it answers GET and HEAD.",
        ),
        Failure::NotAllowed => Page::plain(
            StatusCode::FORBIDDEN,
            "This part of the site is not for everybody",
            "It answers only at some addresses, and yours is not one of them.",
        ),
        Failure::NotSignedIn(_) => Page::plain(
            StatusCode::UNAUTHORIZED,
            "This part of the site asks who you are",
            "It takes a name and a password that its author gave out.",
        ),
        Failure::TooOften(_) => Page::plain(
            StatusCode::TOO_MANY_REQUESTS,
            "That was too often",
            "Please try again in a moment.",
        ),
        Failure::Maintenance => maintenance(scene),
        Failure::Paused | Failure::Crowded(_) => used_up(failure, scene),
        Failure::UnknownHost => unknown_host(scene),
        Failure::NoRoute | Failure::NoFile => not_found(failure, scene),
        Failure::Unreadable(error) => unreadable(error, scene),
        Failure::NoInstance | Failure::Unreachable(_) | Failure::Broken | Failure::NoAnswer => {
            app_failed(failure, scene)
        }
    }
}

impl Page {
    fn plain(status: StatusCode, heading: &str, story: &str) -> Self {
        Self {
            status,
            heading: heading.to_owned(),
            story: story.to_owned(),
            look_at: Vec::new(),
            links: Vec::new(),
        }
    }
}

/// The app's name, for the developer alone.
fn app(scene: &Scene<'_>) -> Option<String> {
    let site = scene
        .site
        .as_ref()
        .filter(|_| scene.visit.core.setting.developer)?;
    Some(site.app.to_string())
}

fn release(scene: &Scene<'_>) -> String {
    let release = scene.site.as_ref().and_then(|site| site.release);
    release
        .map(|release| format!(" ({release})"))
        .unwrap_or_default()
}

fn too_large(scene: &Scene<'_>) -> Page {
    let limit = scene.site.as_ref().map_or(0, |site| site.body_limit);
    let mut page = Page::plain(
        StatusCode::PAYLOAD_TOO_LARGE,
        "This is more than the site takes",
        &format!("It takes at most {limit} bytes in one request."),
    );
    if app(scene).is_some() {
        page.look_at
            .push("[limits]\nbody = \"50M\"    # in ship.toml".to_owned());
    }
    page
}

fn maintenance(scene: &Scene<'_>) -> Page {
    let maintenance = scene.site.as_ref().map(|site| &site.rules.maintenance);
    let message = maintenance.and_then(|it| it.as_ref()?.message.as_deref());
    let mut page = Page::plain(
        StatusCode::SERVICE_UNAVAILABLE,
        "This site will be back soon",
        message.unwrap_or("It is being worked on. Please come again in a little while."),
    );
    if let Some(app) = app(scene) {
        page.look_at
            .push(format!("ship maintenance off --app {app}"));
    }
    page
}

/// The month's traffic is used.
fn used_up(failure: &Failure, scene: &Scene<'_>) -> Page {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut page = match failure {
        Failure::Paused => Page::plain(
            status,
            "This site rests until the month ends",
            "More people came than it can have this month. Please come again next month.",
        ),
        _ => Page::plain(
            status,
            "This site is busy",
            "Many people wait for it. Please come again in a little while.",
        ),
    };
    if let Some(app) = app(scene) {
        page.look_at
            .push(format!("ship ps --app {app}    # its traffic"));
        page.look_at
            .push("[limits]\ntraffic = \"3T\"    # in ship.toml".to_owned());
    }
    page
}

fn unknown_host(scene: &Scene<'_>) -> Page {
    if !scene.visit.core.setting.developer {
        return Page::plain(
            StatusCode::NOT_FOUND,
            "There is no site here",
            "The address may be mistyped, or the site has moved.",
        );
    }
    let host = scene
        .marks
        .as_ref()
        .map_or("this address", |marks| marks.host.as_str());
    let links = links(scene);
    let story = if links.is_empty() {
        "No app runs behind this door yet."
    } else {
        "These run behind this door:"
    };
    Page {
        status: StatusCode::NOT_FOUND,
        heading: format!("No app answers for {host}"),
        story: story.to_owned(),
        look_at: if links.is_empty() {
            vec!["ship up".to_owned()]
        } else {
            Vec::new()
        },
        links,
    }
}

/// The address of each site, at the port the visitor came by.
fn links(scene: &Scene<'_>) -> Vec<String> {
    let written = scene
        .marks
        .as_ref()
        .and_then(|marks| marks.written.to_str().ok());
    let port = written
        .and_then(crate::host::parse)
        .and_then(|host| host.port);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let scheme = scene.visit.scheme.as_str();
    let view = scene.visit.core.view();
    let hosts = view
        .routes
        .sites()
        .iter()
        .filter_map(|site| site.host.clone());
    let mut links: Vec<String> = hosts
        .map(|host| format!("{scheme}://{host}{port}/"))
        .collect();
    links.sort();
    links
}

fn not_found(failure: &Failure, scene: &Scene<'_>) -> Page {
    let mut page = Page::plain(
        StatusCode::NOT_FOUND,
        "There is nothing at this address",
        "It may be mistyped, or what was here has moved.",
    );
    if let Some(app) = app(scene) {
        page.story = match failure {
            Failure::NoFile => format!(
                "The folder that `{app}`{} serves here has no such file.",
                release(scene)
            ),
            _ => format!("`{app}`{} has no route for this path.", release(scene)),
        };
        page.look_at
            .push(format!("ship plan --app {app}    # its routes, and why"));
    }
    page
}

fn unreadable(error: &std::io::Error, scene: &Scene<'_>) -> Page {
    let mut page = Page::plain(
        StatusCode::FORBIDDEN,
        "This file cannot be shown",
        "It is there, and may not be read.",
    );
    if app(scene).is_some() {
        page.story = format!("It is there, and the door cannot read it: {error}.");
    }
    page
}

fn app_failed(failure: &Failure, scene: &Scene<'_>) -> Page {
    let status = match failure {
        Failure::NoInstance => StatusCode::SERVICE_UNAVAILABLE,
        Failure::NoAnswer => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let Some(app) = app(scene) else {
        return Page::plain(
            status,
            "The site does not answer right now",
            "Please try again in a moment.",
        );
    };
    let limits = &scene.visit.core.setting.limits;
    let release = release(scene);
    let (heading, story) = match failure {
        Failure::NoInstance => (
            format!("{app} is not running"),
            format!("`{app}`{release} has no running instance for this path."),
        ),
        Failure::Unreachable(error) => (
            format!("{app} cannot be reached"),
            format!(
                "For {} s nothing accepted a connection where `{app}`{release} should listen: {error}.",
                limits.hold.as_secs()
            ),
        ),
        Failure::NoAnswer => (
            format!("{app} takes too long"),
            format!(
                "`{app}`{release} took the request and did not begin to answer within {} s.",
                limits.answer.as_secs()
            ),
        ),
        _ => (
            format!("{app} broke off"),
            format!(
                "`{app}`{release} took the request and ended the connection without an answer."
            ),
        ),
    };
    Page {
        status,
        heading,
        story,
        look_at: vec![
            format!("ship logs --app {app}    # its last lines"),
            format!("ship ps --app {app}      # what runs, since when"),
        ],
        links: Vec::new(),
    }
}

fn html(page: &Page, request: &str) -> String {
    let mut more = String::new();
    if !page.look_at.is_empty() {
        let commands = escape(&page.look_at.join("\n"));
        let _ = write!(
            more,
            "<section><p>Look at</p><pre>{commands}</pre></section>"
        );
    }
    if !page.links.is_empty() {
        more.push_str("<section><ul>");
        for link in &page.links {
            let link = escape(link);
            let _ = write!(more, "<li><a href=\"{link}\">{link}</a></li>");
        }
        more.push_str("</ul></section>");
    }
    fill(
        LAYOUT,
        &[
            ("title", &escape(&page.heading)),
            ("status", &page.status.as_u16().to_string()),
            ("heading", &escape(&page.heading)),
            ("story", &code(&escape(&page.story))),
            ("more", &more),
            ("request", &escape(request)),
        ],
    )
}

/// Puts values in place of `{name}`, in one pass: a value is never searched for names.
fn fill(layout: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(layout.len() + 512);
    let mut rest = layout;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let named = values.iter().find_map(|(name, value)| {
            let tail = rest[1..].strip_prefix(name)?.strip_prefix('}')?;
            Some((*value, tail))
        });
        let (put, tail) = named.unwrap_or(("{", &rest[1..]));
        out.push_str(put);
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char => out.push(char),
        }
    }
    out
}

/// `name` in backticks becomes code; one without another is itself.
fn code(escaped: &str) -> String {
    let mut out = String::with_capacity(escaped.len() + 16);
    let mut rest = escaped;
    while let Some((before, (inside, after))) = rest
        .split_once('`')
        .and_then(|(before, after)| Some((before, after.split_once('`')?)))
    {
        out.extend([before, "<code>", inside, "</code>"]);
        rest = after;
    }
    out + rest
}

fn json(page: &Page, request: &str) -> String {
    let problem = Problem {
        status: page.status.as_u16(),
        error: &page.heading,
        detail: &page.story,
        look_at: &page.look_at,
        request,
    };
    serde_json::to_string(&problem).unwrap_or_default() + "\n"
}

/// Whether `Accept` ranks JSON above HTML (RFC 9110, 12.5.1). Who accepts anything gets the page.
fn prefers_json(accept: Option<&HeaderValue>) -> bool {
    let Some(accept) = accept.and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let quality = |wanted: &dyn Fn(&str) -> bool| {
        let fitting = accept.split(',').filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let kind = parts.next()?.to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            wanted(&kind).then(|| quality.unwrap_or(1.0))
        });
        fitting.fold(0.0_f32, f32::max)
    };
    let json = quality(&|kind| kind == "application/json" || kind.ends_with("+json"));
    let html = quality(&|kind| matches!(kind, "text/html" | "application/xhtml+xml"));
    json > html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_json_and_browsers_a_page() {
        let json = |accept: &'static str| prefers_json(Some(&HeaderValue::from_static(accept)));
        assert!(json("application/json"));
        assert!(json("application/problem+json, text/html;q=0.5"));
        assert!(!json(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(!json("*/*"));
        assert!(!prefers_json(None));
    }

    #[test]
    fn what_a_visitor_wrote_is_never_markup() {
        let page = Page::plain(
            StatusCode::NOT_FOUND,
            "<script>{story}</script>",
            "a `b` & c",
        );
        let html = html(&page, "id");
        assert!(html.contains("<h1>&lt;script&gt;{story}&lt;/script&gt;</h1>"));
        assert!(html.contains("a <code>b</code> &amp; c"));
        assert!(!html.contains("{title}") && !html.contains("{more}"));
    }
}
