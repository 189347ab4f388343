//! There is no plan: nothing was found to run, or a file that matters cannot be read.

use ship_base::hint::Hints as _;

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::Place;

pub(super) const CHECK: Check = Check {
    id: "no-plan",
    severity: Severity::Error,
    title: "there is something to run, and every file that decides it can be read",
    why: "Without a plan nothing can be built: `ship up` stops with the same words. The other checks look at what can be read all the same.",
    remedy: "Follow the hint, or say in `ship.toml` what to run; `ship plan` shows it again.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let Err(error) = subject.plan else {
        return Vec::new();
    };
    let text = error.to_string();
    let what = text.lines().next().unwrap_or_default();
    let place = error
        .excerpt()
        .map(|excerpt| Place::line(&excerpt.file, excerpt.line));
    // In a temporary folder as on a server, the project is the one that was asked for.
    let root = subject.project().root.display().to_string();
    let remedy = error
        .hints()
        .pop()
        .unwrap_or_else(|| "mend that place".to_owned());
    vec![Finding::new(
        &CHECK,
        place,
        what.replace(&root, "."),
        remedy,
    )]
}
