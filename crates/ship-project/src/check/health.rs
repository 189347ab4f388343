//! The path that tells whether an instance is well.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::{Place, Role};

pub(super) const CHECK: Check = Check {
    id: "health",
    severity: Severity::Advice,
    title: "a path tells whether the app is well",
    why: "A new instance gets visitors once it answers its health check with anything below 500. Without a path of its own that is `/`, which may be slow, may answer although the database is away, and counts as visits. Only paths that are written as a constant in the code are seen.",
    remedy: "A view that asks the database one small thing, and `[web] health = \"/healthz\"` in `ship.toml`.",
    fix: None,
    look,
};

const NAMES: [&str; 9] = [
    "healthz",
    "health",
    "healthcheck",
    "health-check",
    "livez",
    "readyz",
    "ping",
    "up",
    "status",
];

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let web = subject.plan.ok().and_then(|plan| plan.web());
    let by_default =
        web.is_some_and(|web| matches!(&web.role, Role::Web { health, .. } if health == "/"));
    if !by_default || subject.sources.manifest.web.health.is_some() {
        return Vec::new();
    }
    let finding = match path(subject) {
        Some((path, place)) => {
            let what =
                format!("the code answers `{path}`, and `/` is asked whether the app is well");
            Finding::new(
                &CHECK,
                place,
                what,
                format!("`[web] health = \"{path}\"` in ship.toml"),
            )
        }
        None => Finding::new(
            &CHECK,
            None,
            "`/` is asked whether the app is well: no path of its own tells",
            "a small view, and `[web] health = \"/healthz\"` in ship.toml",
        ),
    };
    vec![finding]
}

/// `/healthz`, or `healthz/` as Django writes it.
fn path(subject: &Subject<'_>) -> Option<(String, Place)> {
    let words: Vec<&str> = NAMES.iter().flat_map(|name| name.split('-')).collect();
    let mut all = subject
        .modules_with(&words)
        .flat_map(|module| {
            module.texts.iter().filter_map(|(text, line)| {
                let name = text
                    .trim_start_matches('^')
                    .trim_end_matches('$')
                    .trim_matches('/');
                let last = name.strip_prefix("api/").unwrap_or(name);
                let is_path = text.starts_with('/') || text.ends_with('/') || text.ends_with("/$");
                let known = NAMES
                    .iter()
                    .position(|known| *known == last)
                    .filter(|_| is_path)?;
                let slash = if text.trim_end_matches('$').ends_with('/') {
                    "/"
                } else {
                    ""
                };
                Some((known, format!("/{name}{slash}"), module.place(*line)))
            })
        })
        .collect::<Vec<_>>();
    all.sort_by_key(|(known, ..)| *known);
    let (_, path, place) = all.into_iter().next()?;
    Some((path, place))
}
