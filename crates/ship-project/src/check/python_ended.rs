//! A Python that gets no security fixes any more.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::python_life::{ended, minor};

pub(super) const CHECK: Check = Check {
    id: "python-ended",
    severity: Severity::Warning,
    title: "the Python is still maintained",
    why: "A version of Python gets security fixes for five years; then holes in it stay open, and packages stop supporting it one by one. What is seen: the version that the project asks for, and a `requires-python` that allows no maintained one. The dates are those of <https://peps.python.org/api/release-cycle.json>, as known to this release of Shipsmith.",
    remedy: "`echo 3.13 > .python-version`, run your tests, and deploy.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let python = subject.plan.ok().and_then(|plan| plan.python.as_ref());
    let finding = python.and_then(|python| {
        let newest = newest(&python.value.request)?;
        let ended = ended(newest, &subject.given.today)?;
        let (major, minor) = newest;
        let what = format!("Python {major}.{minor} has had no security fixes since {ended}");
        let remedy =
            "`echo 3.13 > .python-version` asks for a maintained one; run your tests with it";
        Some(Finding::new(
            &CHECK,
            python.places.first().cloned(),
            what,
            remedy,
        ))
    });
    finding.into_iter().collect()
}

/// The newest version that a request allows; `None` where it is open.
fn newest(request: &str) -> Option<(u32, u32)> {
    let request = request.trim();
    if request.starts_with(|c: char| c.is_ascii_digit()) {
        return minor(request);
    }
    let mut limits = request.split(',').map(str::trim);
    if let Some(exact) = limits.clone().find_map(|limit| limit.strip_prefix("==")) {
        return minor(exact);
    }
    // `~=3.8` allows 3.9 and later; `~=3.8.0` does not.
    if let Some(near) = limits.clone().find_map(|limit| limit.strip_prefix("~=")) {
        return (near.split('.').count() > 2).then(|| minor(near))?;
    }
    let (below, including) = limits.find_map(|limit| {
        let rest = limit.strip_prefix('<')?;
        Some((rest.trim_start_matches('=').trim(), rest.starts_with('=')))
    })?;
    let (major, at) = minor(below)?;
    // `<3.9.5` and `<=3.9` allow 3.9; `<3.9` and `<3.9.0` do not.
    let within = including || below.trim_end_matches(".0").split('.').count() > 2;
    Some((major, if within { at } else { at.checked_sub(1)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_a_request_allows_counts() {
        for (request, version) in [
            ("3.8", Some("3.8")),
            ("3.8.18", Some("3.8")),
            (">=3.6,<3.9", Some("3.8")),
            (">=3.6, <=3.9", Some("3.9")),
            ("<3.9.5", Some("3.9")),
            ("==3.7.*", Some("3.7")),
            ("~=3.7.2", Some("3.7")),
            ("~=3.7", None),
            (">=3.6", None),
            ("<4", None),
            ("", None),
            ("pypy3.10", None),
        ] {
            assert_eq!(
                newest(request).map(|(major, minor)| format!("{major}.{minor}")),
                version.map(str::to_owned),
                "{request}"
            );
        }
    }
}
