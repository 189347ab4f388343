//! What is asked of visitors, and told their browsers.

use std::fmt::Write as _;

use super::{Section, duration, line_of};
use crate::init::entry::{list, quoted};
use crate::manifest;
use crate::plan::{BasicAuth, Browsers, Https, Pages, Plan, Rate, Rules};

/// Behind `domains`; empty where none of them is preferred.
pub(super) fn canonical(plan: &Plan) -> String {
    let canonical = plan.canonical.as_ref();
    canonical
        .map(|name| line_of("canonical", quoted(&name.value), true))
        .unwrap_or_default()
}

/// The keys of a route.
pub(super) fn rules(rules: &Rules) -> String {
    let mut text = String::new();
    if !rules.allow.is_empty() {
        let _ = writeln!(text, "allow = {}", list(rules.allow.iter().cloned()));
    }
    if let Some(rate) = rules.rate {
        let _ = writeln!(text, "rate = {}", quoted(written(rate)));
    }
    let setting = rules.basic_auth.as_ref().map(|auth| match auth {
        BasicAuth::None => "none",
        BasicAuth::Setting(name) => name,
    });
    if let Some(setting) = setting {
        let _ = writeln!(text, "basic_auth = {}", quoted(setting));
    }
    text
}

/// As a manifest writes it: `100/m`, `5/10s`.
fn written(Rate { requests, seconds }: Rate) -> String {
    match seconds {
        1 => format!("{requests}/s"),
        60 => format!("{requests}/m"),
        3600 => format!("{requests}/h"),
        86_400 => format!("{requests}/d"),
        seconds => format!("{requests}/{seconds}s"),
    }
}

pub(super) fn https(plan: &Plan) -> Section {
    let Https { redirect, hsts } = &plan.https;
    let text = format!(
        "[https]\n{}{}",
        line_of("https.redirect", redirect.to_string(), !redirect),
        line_of(
            "https.hsts",
            quoted(hsts.map_or_else(|| "365d".to_owned(), duration)),
            hsts.is_some()
        )
    );
    if *redirect && hsts.is_none() {
        Section::silent(&text)
    } else {
        Section::said(text)
    }
}

/// Nothing where no page is the author's: which file it would be, nobody knows.
pub(super) fn pages(pages: &Pages) -> Option<Section> {
    let keys = [
        ("not_found", &pages.not_found),
        ("unavailable", &pages.unavailable),
        ("maintenance", &pages.maintenance),
    ];
    let said = keys.into_iter().filter_map(|(key, page)| {
        let path = page.as_ref()?.display().to_string();
        Some(line_of(&format!("pages.{key}"), quoted(path), true))
    });
    let said: String = said.collect();
    (!said.is_empty()).then(|| Section::said(format!("[pages]\n{said}")))
}

/// Only what the file says already: the default for frames depends on the kind of app.
pub(super) fn browsers(own: &manifest::Browsers, browsers: &Browsers) -> Section {
    let text = format!(
        "[browsers]\n{}{}",
        line_of(
            "browsers.headers",
            browsers.headers.to_string(),
            own.headers.is_some()
        ),
        line_of(
            "browsers.frames",
            browsers.frames.to_string(),
            own.frames.is_some()
        )
    );
    if own.headers.is_none() && own.frames.is_none() {
        Section::silent(&text)
    } else {
        Section::said(text)
    }
}
