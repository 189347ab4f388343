//! Locked packages with a known hole, by a small table.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::Place;

pub(super) const CHECK: Check = Check {
    id: "vulnerable",
    severity: Severity::Warning,
    title: "no locked package has a hole that this release of Shipsmith knows",
    why: "A published hole is tried out by strangers within days. This looks, without a network, at the locked versions of the packages that stand between visitors and an app (the list below); it is no replacement for a scanner that knows every advisory, and it says nothing of packages whose version is not locked.",
    remedy: "`uv lock --upgrade-package NAME`, or a higher version in `requirements.txt`; then run your tests. `uvx pip-audit` looks at everything.",
    fix: None,
    look,
};

/// What the table covers, for people.
pub const COVERS: &str = "web frameworks, web servers and what they read requests with; until November 2025, not complete";

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

const fn row(
    package: &'static str,
    ranges: &'static [(&'static str, &'static str)],
    id: &'static str,
    what: &'static str,
) -> Advisory {
    Advisory {
        package,
        ranges,
        id,
        what,
    }
}

/// Sorted by package. Sources: PyPA's advisory database <https://github.com/pypa/advisory-database>
/// until October 2024, and the projects' own announcements for what came later.
const TABLE: &[Advisory] = &[
    row(
        "aiohttp",
        &[("1.0.5", "3.9.2")],
        "CVE-2024-23334",
        "files outside a static folder can be read where it follows links",
    ),
    row(
        "aiohttp",
        &[("0", "3.8.6")],
        "CVE-2023-47627",
        "requests can be smuggled past a proxy",
    ),
    row(
        "bottle",
        &[("0", "0.12.20")],
        "CVE-2022-31799",
        "an early error is mishandled",
    ),
    row(
        "celery",
        &[("0", "5.2.2")],
        "CVE-2021-23727",
        "who can write to the result store can run commands",
    ),
    row(
        "django",
        &[("4.2", "4.2.26"), ("5.0", "5.1.14"), ("5.2", "5.2.8")],
        "CVE-2025-64459",
        "SQL can be injected through names of filters from a request",
    ),
    row(
        "django",
        &[("3.2", "4.2.15"), ("5.0", "5.0.8")],
        "CVE-2024-42005",
        "SQL can be injected through names of JSON fields",
    ),
    row(
        "django",
        &[("3.2", "3.2.18"), ("4.0", "4.0.10"), ("4.1", "4.1.7")],
        "CVE-2023-24580",
        "uploads can use up all memory",
    ),
    row(
        "djangorestframework",
        &[("0", "3.11.2")],
        "CVE-2020-25626",
        "script can be injected into the browsable API",
    ),
    row(
        "fastapi",
        &[("0", "0.109.1")],
        "CVE-2024-24762",
        "a form can keep a worker busy for ever",
    ),
    row(
        "flask",
        &[("0", "2.2.5"), ("2.3.0", "2.3.2")],
        "CVE-2023-30861",
        "a cache can hand one visitor's session to another",
    ),
    row(
        "gradio",
        &[("0", "4.14.0")],
        "CVE-2023-6572",
        "commands can be injected",
    ),
    row(
        "gunicorn",
        &[("0", "22.0.0")],
        "CVE-2024-1135",
        "requests can be smuggled past a proxy",
    ),
    row(
        "h11",
        &[("0", "0.16.0")],
        "CVE-2025-43859",
        "requests can be smuggled past a proxy",
    ),
    row(
        "jinja2",
        &[("0", "2.10.1")],
        "CVE-2019-10906",
        "a template can leave its sandbox",
    ),
    row(
        "jinja2",
        &[("0", "3.1.6")],
        "CVE-2025-27516",
        "a template from a stranger can leave its sandbox",
    ),
    row(
        "lxml",
        &[("0", "4.6.5")],
        "CVE-2021-43818",
        "script gets through the HTML cleaner",
    ),
    row(
        "pillow",
        &[("0", "10.0.1")],
        "CVE-2023-4863",
        "an image can run code",
    ),
    row(
        "pyjwt",
        &[("1.5.0", "2.4.0")],
        "CVE-2022-29217",
        "a token can be forged where keys of several kinds are allowed",
    ),
    row(
        "python-multipart",
        &[("0", "0.0.18")],
        "CVE-2024-53981",
        "a form can keep a worker busy",
    ),
    row(
        "pyyaml",
        &[("0", "5.4")],
        "CVE-2020-14343",
        "a document can run code",
    ),
    row(
        "redis",
        &[("4.2.0", "4.3.6"), ("4.4.0", "4.4.4"), ("4.5.0", "4.5.4")],
        "CVE-2023-28859",
        "one request can get the answer meant for another",
    ),
    row(
        "requests",
        &[("2.3.0", "2.31.0")],
        "CVE-2023-32681",
        "the password of a proxy reaches other servers",
    ),
    row(
        "starlette",
        &[("0", "0.40.0")],
        "CVE-2024-47874",
        "a form can use up all memory",
    ),
    row(
        "tornado",
        &[("0", "6.4.2")],
        "CVE-2024-52804",
        "a cookie can keep the server busy",
    ),
    row(
        "twisted",
        &[("0", "24.7.0")],
        "CVE-2024-41810",
        "script can be injected into redirects",
    ),
    row(
        "urllib3",
        &[("0", "1.26.17"), ("2.0.0", "2.0.6")],
        "CVE-2023-43804",
        "cookies reach other servers through redirects",
    ),
    row(
        "uvicorn",
        &[("0", "0.11.7")],
        "CVE-2020-7695",
        "headers can be injected into answers",
    ),
    row(
        "waitress",
        &[("0", "2.1.1")],
        "CVE-2022-24761",
        "requests can be smuggled past a proxy",
    ),
    row(
        "waitress",
        &[("2.1.1", "3.0.1")],
        "CVE-2024-49768",
        "a request can be handled twice after an error",
    ),
    row(
        "werkzeug",
        &[("0", "2.2.3")],
        "CVE-2023-25577",
        "a form can use up all memory",
    ),
    row(
        "werkzeug",
        &[("2.2.3", "2.3.8"), ("3.0.0", "3.0.1")],
        "CVE-2023-46136",
        "an upload can keep a worker busy",
    ),
];

/// Every row of the table.
pub fn advisories() -> &'static [Advisory] {
    TABLE
}

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let packages = &subject.project().packages;
    let place: Option<Place> = packages
        .dependencies
        .as_ref()
        .and_then(|named| named.places.first().cloned());
    let mut findings: Vec<Finding> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for advisory in TABLE {
        let Some(version) = packages.version(advisory.package) else {
            continue;
        };
        let Some((_, mended)) = advisory
            .ranges
            .iter()
            .find(|(from, to)| !is_below(version, from) && is_below(version, to))
        else {
            continue;
        };
        // One finding for each package: what mends the first may mend all.
        if told.contains(&advisory.package) {
            continue;
        }
        told.push(advisory.package);
        let Advisory {
            package, id, what, ..
        } = advisory;
        let what = format!("{package} {version}: {what} ({id}, mended in {mended})");
        let remedy = format!(
            "`uv lock --upgrade-package {package}`, or `{package}>={mended}` in the requirements"
        );
        findings.push(Finding::new(&CHECK, place.clone(), what, remedy));
    }
    findings
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
