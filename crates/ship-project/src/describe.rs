//! A plan as people read it: rows of label, decision and reason.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use ship_base::count::plural;

use crate::plan::{
    AssetStep, BasicAuth, CacheRule, Dependencies, Place, Plan, Process, Role, RouteTarget, Rules,
    Sourced,
};

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `talkshow`, `web`, `release`, `static`.
    pub label: String,
    /// What is decided.
    pub what: String,
    /// Why, and from where.
    pub why: String,
}

impl Row {
    fn new(label: &str, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            label: label.to_owned(),
            what: what.into(),
            why: why.into(),
        }
    }
}

impl Plan {
    /// The plan, line by line, in the order in which it happens.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = vec![self.headline()];
        rows.extend(self.processes.iter().map(process));
        rows.extend(
            self.release
                .iter()
                .map(|release| Row::new("release", release.value.to_string(), why(release))),
        );
        rows.extend(self.assets.iter().filter_map(asset));
        rows.extend(self.routes.iter().map(route));
        rows.extend(
            self.data
                .iter()
                .map(|data| Row::new("data", data.value.path.display().to_string(), why(data))),
        );
        rows.extend(
            self.domains
                .iter()
                .map(|domain| Row::new("domain", domain.value.clone(), why(domain))),
        );
        rows.extend(
            self.canonical
                .iter()
                .map(|name| Row::new("canonical", name.value.clone(), why(name))),
        );
        rows.extend(self.settings());
        rows.extend(self.processes.iter().flat_map(wants));
        rows.extend(named("asks for", &self.asked_env));
        rows.extend(named("draws", &self.drawn_env));
        rows
    }

    /// `Django 5.2 · Python 3.12`: what a release runs.
    pub fn summary(&self) -> String {
        let framework = &self.framework.value;
        let mut parts = vec![match &framework.version {
            Some(version) => format!("{} {}", framework.label, short_version(version)),
            None => framework.label.clone(),
        }];
        if let Some(python) = &self.python
            && !python.value.request.is_empty()
        {
            parts.push(format!("Python {}", spoken(&python.value.request)));
        }
        parts.join(" · ")
    }

    fn headline(&self) -> Row {
        let mut steps = self.assets.iter();
        let from = if steps.any(|step| matches!(step.value, AssetStep::Site(_))) {
            "its configuration"
        } else {
            "its imports"
        };
        let packages = self.dependencies.iter().map(|d| {
            let file = d
                .places
                .first()
                .map(|place| place.file.display().to_string());
            packages(&d.value, file.as_deref().unwrap_or(from))
        });
        let what = std::iter::once(self.summary())
            .chain(packages)
            .collect::<Vec<_>>()
            .join(" · ");
        Row::new(self.name.value.as_str(), what, self.sources())
    }

    /// The files that the headline was read from, each once.
    fn sources(&self) -> String {
        let mut places: Vec<&Place> = self.framework.places.iter().collect();
        places.extend(self.python.iter().flat_map(|python| &python.places));
        places.extend(self.dependencies.iter().flat_map(|d| &d.places));
        let mut seen = BTreeSet::new();
        let files: Vec<String> = places
            .iter()
            .filter(|place| seen.insert(&place.file))
            .map(|place| place.file.display().to_string())
            .collect();
        if files.is_empty() {
            self.framework.reason.clone()
        } else {
            format!("from {}", files.join(", "))
        }
    }

    fn settings(&self) -> Option<Row> {
        if self.required_env.is_empty() {
            return None;
        }
        let names: Vec<&str> = self
            .required_env
            .iter()
            .map(|name| name.value.as_str())
            .collect();
        Some(Row::new(
            "needs",
            names.join(", "),
            why(&self.required_env[0]),
        ))
    }
}

/// Settings, with the places that ask for them.
fn named(label: &str, settings: &[Sourced<String>]) -> Option<Row> {
    /// More names than this are no help in one line.
    const MOST: usize = 6;
    let shown = &settings[..settings.len().min(MOST)];
    let reason = &shown.first()?.reason;
    let mut places: Vec<Place> = shown.iter().flat_map(|name| name.places.clone()).collect();
    places.dedup();
    let names: Vec<&str> = shown.iter().map(|name| name.value.as_str()).collect();
    let more = match settings.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(Row::new(
        label,
        format!("{}{more}", names.join(", ")),
        why(&Sourced::because((), reason.as_str(), places)),
    ))
}

fn process(process: &Process) -> Row {
    let command = process.start.value.summary();
    let what = match (&process.role, process.instances) {
        (Role::Job { schedule }, _) => format!("{schedule}: {command}"),
        (_, 1) => command,
        (_, instances) => format!("{command} (×{instances})"),
    };
    Row::new(process.name.as_str(), what, why(&process.start))
}

/// What a proposed process waits for.
fn wants(process: &Process) -> Vec<Row> {
    let needs = process.proposed.iter().flat_map(|proposal| &proposal.needs);
    needs
        .map(|need| {
            let why = match why(need) {
                empty if empty.is_empty() => String::new(),
                why => format!(", {why}"),
            };
            Row::new(
                "wants",
                need.value.clone(),
                format!("for {}{why}", process.name),
            )
        })
        .collect()
}

fn packages(dependencies: &Dependencies, from: &str) -> String {
    match dependencies {
        Dependencies::UvLock {
            lock,
            packages,
            member: Some(member),
        } => format!(
            "{} ({}, {member})",
            plural(*packages, "package"),
            lock.display()
        ),
        Dependencies::UvLock { lock, packages, .. }
        | Dependencies::Locked { lock, packages, .. }
        | Dependencies::Pylock { lock, packages } => {
            format!("{} ({})", plural(*packages, "package"), lock.display())
        }
        Dependencies::Listed {
            file, requirements, ..
        } => format!(
            "{} ({})",
            plural(requirements.len(), "requirement"),
            file.display()
        ),
        Dependencies::Pyproject { file } | Dependencies::Setup { file } => {
            format!("packages of {}", file.display())
        }
        Dependencies::Requirements {
            files, packages, ..
        } => {
            let files: Vec<String> = files
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            format!(
                "{} ({})",
                plural(*packages, "requirement"),
                files.join(", ")
            )
        }
        Dependencies::Unnamed { add } if add.is_empty() => "no packages".to_owned(),
        Dependencies::Unnamed { add } => format!("{} (from {from})", add.join(", ")),
    }
}

fn asset(step: &Sourced<AssetStep>) -> Option<Row> {
    match &step.value {
        // Its route says it: `/static → staticfiles (collectstatic)`.
        AssetStep::CollectStatic { .. } => None,
        AssetStep::Command { command } => Some(Row::new("build", command.to_string(), why(step))),
        AssetStep::Site(site) => Some(Row::new("build", site.summary(), why(step))),
        AssetStep::FrontEnd(front_end) => Some(Row::new("build", front_end.summary(), why(step))),
    }
}

fn route(route: &Sourced<crate::plan::Route>) -> Row {
    let prefix = &route.value.prefix;
    let (label, what) = match &route.value.to {
        RouteTarget::Static { folder } => ("static", format!("{prefix} → {}", folder.display())),
        RouteTarget::SinglePage { folder, page } => (
            "static",
            format!(
                "{prefix} → {}, else its {}",
                folder.display(),
                page.display()
            ),
        ),
        RouteTarget::Site => ("static", format!("{prefix} → the built site")),
        RouteTarget::Assets => ("static", format!("{prefix} → staticfiles (collectstatic)")),
        RouteTarget::Data { folder } => {
            ("uploads", format!("{prefix} → data/{}", folder.display()))
        }
        RouteTarget::Process { process } => (
            "route",
            format!(
                "{prefix} → {process}{}{}",
                if route.value.strip {
                    ", without the prefix"
                } else {
                    ""
                },
                kept(route.value.cache.as_ref())
            ),
        ),
        RouteTarget::Redirect { to, status } => ("redirect", format!("{prefix} → {to} ({status})")),
    };
    let asked = asked(&route.value.rules);
    Row::new(label, what + &asked, why(route))
}

/// What visitors are asked: `, for 192.0.2.0/24 alone, 5 requests in 10 s`.
fn asked(rules: &Rules) -> String {
    let mut text = String::new();
    if !rules.allow.is_empty() {
        let _ = write!(text, ", for {} alone", rules.allow.join(" and "));
    }
    if let Some(rate) = rules.rate {
        let time = Duration::from_secs(rate.seconds.into());
        let requests = plural(rate.requests as usize, "request");
        let _ = write!(
            text,
            ", {requests} in {} from one address",
            ship_base::count::duration(time)
        );
    }
    match &rules.basic_auth {
        Some(BasicAuth::Setting(name)) => {
            let _ = write!(text, ", for users of {name}");
        }
        Some(BasicAuth::None) => text.push_str(", for everybody"),
        None => {}
    }
    text
}

fn kept(rule: Option<&CacheRule>) -> String {
    let told = |rule: &CacheRule| match rule.share {
        None => format!(", kept for {}", ship_base::count::duration(rule.fresh)),
        Some(share) => format!(", kept for {share} % of its age"),
    };
    rule.map(told).unwrap_or_default()
}

/// `Django with migrations (manage.py)`, `from Procfile:1`, or nothing.
fn why<T>(sourced: &Sourced<T>) -> String {
    let places: Vec<String> = sourced.places.iter().map(Place::to_string).collect();
    let places = places.join(", ");
    match (sourced.reason.as_str(), places.as_str()) {
        ("", "") => String::new(),
        (reason, "") => reason.to_owned(),
        ("", places) => format!("from {places}"),
        (reason, places) => format!("{reason} ({places})"),
    }
}

/// `>=3.10` as `3.10 or later`, `>=3.10,<3.13` as `3.10 or later, below 3.13`; what is a version, or
/// says anything else, as it is. There is no Python 4 to stay below.
fn spoken(request: &str) -> String {
    let is_version =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let Some((least, rest)) = request
        .strip_prefix(">=")
        .map(|text| text.split_once(',').unwrap_or((text, "<4")))
    else {
        return request.to_owned();
    };
    match rest.trim().strip_prefix('<') {
        Some(below) if is_version(least.trim()) && is_version(below) => {
            let limit = if below.starts_with('4') {
                String::new()
            } else {
                format!(", below {below}")
            };
            format!("{} or later{limit}", least.trim())
        }
        _ => request.to_owned(),
    }
}

/// `5.2.8` is `5.2`: people know frameworks by their first two numbers.
fn short_version(version: &str) -> String {
    version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_pythons_is_told_in_words() {
        for (request, told) in [
            ("3.12", "3.12"),
            ("3.12.4", "3.12.4"),
            ("pypy3.10", "pypy3.10"),
            (">=3.10", "3.10 or later"),
            (">=3.10,<4", "3.10 or later"),
            (">=3.10, <4.0", "3.10 or later"),
            (">=3.9,<3.13", "3.9 or later, below 3.13"),
            ("~=3.11", "~=3.11"),
            (">=3.9,!=3.10.1", ">=3.9,!=3.10.1"),
            (">=3.9,<=3.12", ">=3.9,<=3.12"),
        ] {
            assert_eq!(spoken(request), told, "{request}");
        }
    }
}
