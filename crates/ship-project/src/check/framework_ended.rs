//! A Django that gets no security fixes any more.

use super::{Check, Finding, Severity};
use crate::check::calendar::{DJANGOS, end};
use crate::check::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "django-ended",
    severity: Severity::Warning,
    title: "the Django is still maintained",
    why: "A series of Django gets security fixes for 16 months, a long-term one for three years; then known holes stay open. What is seen: the locked version. The dates are those of <https://www.djangoproject.com/download/>, as known to this release of Shipsmith.",
    remedy: "Go to the next long-term series step by step: <https://docs.djangoproject.com/en/stable/howto/upgrade-version/>.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let version = subject.packages().version("django");
    let finding = version.and_then(|version| {
        let (series, ended) = end(DJANGOS, version)?;
        if ended >= subject.given.today.as_str() {
            return None;
        }
        let what = format!("Django {series} has had no security fixes since {ended}");
        let place = subject.package("django");
        Some(Finding::new(
            &CHECK,
            place,
            what,
            "go to a maintained series: 5.2 has fixes until April 2028",
        ))
    });
    finding.into_iter().collect()
}
