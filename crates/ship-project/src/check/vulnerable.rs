//! Locked packages with a known hole, by a small table.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;

mod table;

use table::TABLE;

pub(super) const CHECK: Check = Check {
    id: "vulnerable",
    severity: Severity::Warning,
    title: "no locked package has a hole that this release of Shipsmith knows",
    why: "A published hole is tried out by strangers within days. This looks, without a network, at the locked versions of the packages that stand between visitors and an app (the list below); it is no replacement for a scanner that knows every advisory, and it says nothing of packages whose version is not locked. Which versions their authors took back (\"yanked\") only the index knows: `ship up` tells them as it locks.",
    remedy: "`uv lock --upgrade-package NAME`, or a higher version in `requirements.txt`; then run your tests. `uvx pip-audit` looks at everything.",
    fix: None,
    look,
};

/// What the table covers, for people.
pub const COVERS: &str = "web frameworks, web servers, what they read requests with, and the packages most used beside them; until November 2025, not complete";

/// A hole that a version mends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advisory {
    /// The package, normalised.
    pub package: &'static str,
    /// Ranges that have it: from the first version, up to the one that mends it.
    pub ranges: &'static [(&'static str, &'static str)],
    /// Its name: `CVE-2024-1135`.
    pub id: &'static str,
    /// What it lets a stranger do.
    pub what: &'static str,
}

/// Every row of the table.
pub fn advisories() -> &'static [Advisory] {
    TABLE
}

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let packages = subject.packages();
    let mut findings: Vec<Finding> = Vec::new();
    for rows in TABLE.chunk_by(|one, next| one.package == next.package) {
        let package = rows[0].package;
        let Some(version) = packages.version(package) else {
            continue;
        };
        // One finding for each package: what mends the last mends all.
        let holes = rows
            .iter()
            .filter_map(|row| Some((row, mended(row, version)?)));
        let Some((Advisory { id, what, .. }, mended)) =
            holes.max_by_key(|(_, mended)| numbers(mended))
        else {
            continue;
        };
        let what = format!("{package} {version}: {what} ({id}, mended in {mended})");
        let remedy = format!(
            "`uv lock --upgrade-package {package}`, or `{package}>={mended}` in the requirements"
        );
        findings.push(Finding::new(&CHECK, subject.package(package), what, remedy));
    }
    findings
}

/// The version without the hole, where this one has it.
fn mended(advisory: &Advisory, version: &str) -> Option<&'static str> {
    let mut ranges = advisory.ranges.iter();
    let has = |(from, to): &&(&str, &str)| !is_below(version, from) && is_below(version, to);
    ranges.find(has).map(|(_, mended)| *mended)
}

/// By the numbers of the release (PEP 440); what is before a release counts as that release.
fn is_below(version: &str, limit: &str) -> bool {
    numbers(version) < numbers(limit)
}

fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split('.').map_while(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    let mut numbers: Vec<u64> = parts.collect();
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(is_below("2.9", "2.10"));
        assert!(is_below("0.0.6", "0.0.18"));
        assert!(!is_below("5.4", "5.4"));
        assert!(!is_below("5.4.0", "5.4"));
        assert!(!is_below("24.7.0rc1", "24.7.0"));
    }

    #[test]
    fn the_table_is_sorted_and_its_ranges_are_not_empty() {
        assert!(TABLE.is_sorted_by_key(|row| row.package));
        for row in TABLE {
            assert!(
                row.ranges.iter().all(|(from, to)| is_below(from, to)),
                "{}",
                row.id
            );
        }
    }
}
