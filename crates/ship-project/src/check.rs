//! What would stop or endanger a project in production, as far as its files tell.
//!
//! [`check`] gives the [`Report`]; [`CHECKS`] is the table of what is looked for: a check is a file
//! in `check/` and a line here. Like a plan, it reads syntax trees and parsed files: it executes
//! nothing, asks no network and needs no environment.

use std::path::Path;

use serde::Serialize;

mod allowed_hosts;
mod big_file;
mod calendar;
mod conflict;
mod csrf_origins;
mod database_dump;
mod database_password;
mod debug;
mod development_mode;
mod development_server;
mod django_deploy;
mod edit;
mod env_in_git;
mod fleeting_key;
mod framework_ended;
mod git;
mod health;
mod memory;
mod missing_migrations;
pub(crate) mod missing_setting;
mod no_plan;
mod private_key;
mod public_tunnel;
mod python_ended;
mod python_unnamed;
mod reach;
mod secret_in_source;
mod secret_key;
mod stored_in_source;
pub(crate) mod subject;
mod unpinned;
mod uploads;
mod vulnerable;
mod writes_beside;

pub use self::django_deploy::{DjangoMessage, django_messages};
pub use self::edit::{Fix, Patch, patches};
pub use self::subject::Given;
pub use self::vulnerable::{Advisory, COVERS as ADVISORIES_COVER, advisories};

use self::subject::Subject;
use crate::error::Error;
use crate::plan::Place;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It stops the app, or opens it to strangers.
    Error,
    /// It will hurt one day.
    Warning,
    /// It could be better.
    Advice,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check that found it: a row of [`CHECKS`].
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where it was seen; `None` where the project as a whole is meant.
    #[serde(serialize_with = "as_text")]
    pub place: Option<Place>,
    /// What is, and why that matters, as a fragment in our voice.
    pub what: String,
    /// What to do, ideally a command.
    pub remedy: String,
    /// A change of files that does it; only where it is safe.
    #[serde(serialize_with = "as_truth", rename = "fixable")]
    pub fix: Option<Fix>,
}

#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
fn as_text<S: serde::Serializer>(place: &Option<Place>, to: S) -> Result<S::Ok, S::Error> {
    place.as_ref().map(Place::to_string).serialize(to)
}

#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
fn as_truth<S: serde::Serializer>(fix: &Option<Fix>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(fix.is_some())
}

impl Finding {
    fn new(
        check: &Check,
        place: impl Into<Option<Place>>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            id: check.id,
            severity: check.severity,
            place: place.into(),
            what: what.into(),
            remedy: remedy.into(),
            fix: None,
        }
    }

    fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    fn fixed_by(self, fix: Option<Fix>) -> Self {
        Self { fix, ..self }
    }
}

/// A row of the table: one thing that is looked for.
#[derive(Debug)]
pub struct Check {
    /// Short and stable: it stands in scripts (`--ignore debug`).
    pub id: &'static str,
    /// The most that a finding of it matters.
    pub severity: Severity,
    /// What is looked for, as a fragment.
    pub title: &'static str,
    /// Why it matters, in sentences; also what is not seen.
    pub why: &'static str,
    /// What to do, in sentences.
    pub remedy: &'static str,
    /// What `--fix` does, where it can.
    pub fix: Option<&'static str>,
    look: fn(&Subject<'_>) -> Vec<Finding>,
}

/// Everything that is looked for, in the order of a deploy: what stops it, what endangers its
/// visitors, what hurts later.
pub const CHECKS: &[&Check] = &[
    &no_plan::CHECK,
    &conflict::CHECK,
    &missing_setting::CHECK,
    &missing_migrations::CHECK,
    &development_server::CHECK,
    &development_mode::CHECK,
    &public_tunnel::CHECK,
    &allowed_hosts::CHECK,
    &csrf_origins::CHECK,
    &django_deploy::CHECK,
    &debug::CHECK,
    &secret_key::CHECK,
    &fleeting_key::CHECK,
    &secret_in_source::CHECK,
    &database_password::CHECK,
    &env_in_git::CHECK,
    &private_key::CHECK,
    &database_dump::CHECK,
    &vulnerable::CHECK,
    &framework_ended::CHECK,
    &python_ended::CHECK,
    &python_unnamed::CHECK,
    &unpinned::CHECK,
    &stored_in_source::CHECK,
    &writes_beside::CHECK,
    &uploads::CHECK,
    &big_file::CHECK,
    &memory::CHECK,
    &health::CHECK,
];

/// The check with this id.
pub fn find(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id == id).copied()
}

/// What was found, what matters most first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// By severity, then in the order of [`CHECKS`].
    pub findings: Vec<Finding>,
    /// How many Python files were read.
    pub files: usize,
}

/// Looks at the project. Blocking; no network, no processes, nothing is executed or written.
///
/// Fails where a file that everything hangs on (`ship.toml`, `.env`, …) cannot be read. That there
/// is nothing to run is a finding.
pub fn check(project: &Path, given: &Given) -> Result<Report, Error> {
    let (sources, _) = crate::sources(project)?;
    let plan = crate::assemble::assemble(&sources);
    let subject = Subject::new(&sources, plan.as_ref(), given);
    let mut findings: Vec<Finding> = CHECKS
        .iter()
        .flat_map(|check| (check.look)(&subject))
        .collect();
    findings.sort_by_key(|finding| finding.severity);
    Ok(Report {
        findings,
        files: sources.project.index.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_explains_itself_and_no_two_share_an_id() {
        for (at, check) in CHECKS.iter().enumerate() {
            let id = check.id;
            assert!(
                id.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
                "{id}"
            );
            assert!(!check.title.ends_with('.'), "{id}");
            assert!(
                check.why.ends_with('.') && check.remedy.ends_with('.'),
                "{id}"
            );
            assert!(CHECKS[at + 1..].iter().all(|other| other.id != id), "{id}");
            assert!(find(id).is_some());
        }
    }
}
