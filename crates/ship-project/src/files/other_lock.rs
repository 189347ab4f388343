//! A lock of another tool: its packages, as what uv is told of them.
//!
//! Poetry, PDM and Pipenv each name every package with its version and the hashes of its files.
//! Where a lock also says for which groups and machines each is meant ([`OtherLock::is_complete`]),
//! its packages are all that is installed. Older locks leave that to the walk from the project's own
//! requirements, which uv does, with every version given.

use std::collections::{BTreeMap, BTreeSet};

use crate::files::poetry::folder_line;
use crate::files::poetry_range;
use crate::files::requirements::Requirement;

/// A lock, read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct OtherLock {
    pub(crate) packages: Vec<Package>,
    pub(crate) requires_python: Option<String>,
    /// Addresses of further indexes.
    pub(crate) indexes: Vec<String>,
    /// Each package says whether it counts, and on which machines.
    pub(crate) is_complete: bool,
}

/// A package of a lock. The same name may come several times, for different Pythons.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    /// Normalised.
    pub(crate) name: String,
    pub(crate) version: String,
    /// A PEP 508 marker: when it is installed.
    pub(crate) marker: Option<String>,
    /// The Pythons it runs on.
    pub(crate) python: Option<String>,
    pub(crate) origin: Origin,
    /// SHA-256 of its files, in hexadecimal.
    pub(crate) hashes: BTreeSet<String>,
    /// What it needs in turn, normalised; with the extra that asks for it.
    pub(crate) needs: Vec<(String, Option<String>)>,
    /// Whether it is for the server, where the lock tells.
    pub(crate) counts: Option<bool>,
}

/// Where a package comes from.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    #[default]
    Index,
    /// `git+https://…`
    Address(String),
    /// A folder or an archive of the project.
    Folder(String),
}

impl Package {
    /// As a requirement line. `None` for a package without a version.
    fn line(&self) -> Option<String> {
        let line = match &self.origin {
            Origin::Folder(path) => return Some(folder_line(path, &[])),
            Origin::Address(address) => format!("{} @ {address}", self.name),
            Origin::Index if self.version.is_empty() => return None,
            Origin::Index => format!("{}=={}", self.name, self.version),
        };
        Some(match &self.marker {
            Some(marker) => format!("{line} ; {marker}"),
            None => line,
        })
    }

    fn fits(&self, python: [u32; 3]) -> bool {
        self.python
            .as_deref()
            .is_none_or(|range| poetry_range::allows(range, python))
    }
}

impl OtherLock {
    /// Names and versions of what the project itself needs, as far as that can be told without
    /// looking at a machine.
    pub(crate) fn needed(&self, roots: &[Requirement]) -> BTreeMap<String, String> {
        let reached = self.reached(roots);
        let counting = self.packages.iter().filter(|package| match package.counts {
            Some(counts) => counts,
            None => reached.contains(package.name.as_str()),
        });
        counting
            .map(|package| (package.name.clone(), package.version.clone()))
            .collect()
    }

    fn reached(&self, roots: &[Requirement]) -> BTreeSet<&str> {
        let start = |root: &Requirement| (root.name.clone(), root.extras.clone());
        let mut to_see: Vec<(String, Vec<String>)> = roots.iter().map(start).collect();
        let mut reached = BTreeSet::new();
        while let Some((name, extras)) = to_see.pop() {
            for package in self.packages.iter().filter(|p| p.name == name) {
                let is_new = reached.insert(package.name.as_str());
                let wanted = package.needs.iter().filter(|(_, extra)| match extra {
                    None => is_new,
                    Some(extra) => extras.contains(extra),
                });
                to_see.extend(wanted.map(|(name, _)| (name.clone(), Vec::new())));
            }
        }
        reached
    }

    /// Names that `roots` ask for everywhere and that no package has: the lock is out of date.
    pub(crate) fn lacks<'r>(&self, roots: &'r [Requirement]) -> Option<&'r Requirement> {
        let has = |name: &str| self.packages.iter().any(|package| package.name == name);
        roots
            .iter()
            .find(|root| !root.name.is_empty() && !has(&root.name))
    }

    /// What counts, as requirement lines, for a complete lock.
    pub(crate) fn lines(&self) -> Vec<String> {
        let counting = self.packages.iter().filter(|p| p.counts != Some(false));
        counting.filter_map(Package::line).collect()
    }

    /// Every version of an index, as constraints for one Python. Where there are several of a
    /// package and no marker tells, the newest counts that runs on that Python.
    pub(crate) fn pins(&self, python: [u32; 3]) -> Vec<String> {
        let mut by_name: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
        for package in &self.packages {
            if package.origin == Origin::Index && !package.version.is_empty() {
                by_name.entry(&package.name).or_default().push(package);
            }
        }
        let mut pins = Vec::new();
        for (name, mut packages) in by_name {
            if packages.len() > 1 && packages.iter().all(|p| p.marker.is_some()) {
                pins.extend(packages.into_iter().filter_map(Package::line));
                continue;
            }
            packages.sort_by_key(|package| {
                (
                    package.fits(python),
                    poetry_range::numbers(&package.version),
                )
            });
            let best = packages.last().expect("each name has a package");
            pins.push(format!("{name}=={}", best.version));
        }
        pins
    }

    /// Packages of `needed` that come from elsewhere than an index: they are asked for by name.
    pub(crate) fn beside_index(&self, roots: &[Requirement]) -> Vec<String> {
        let reached = self.reached(roots);
        let elsewhere = self.packages.iter().filter(|p| {
            p.origin != Origin::Index && p.counts.unwrap_or(reached.contains(p.name.as_str()))
        });
        elsewhere.filter_map(Package::line).collect()
    }
}

/// `sha256:…` as its hexadecimal part; other kinds of hash are left out.
pub(crate) fn sha256(text: &str) -> Option<String> {
    text.strip_prefix("sha256:").map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::requirements::requirement;
    use crate::plan::Place;

    fn package(name: &str, version: &str, needs: &[(&str, Option<&str>)]) -> Package {
        let needs = needs
            .iter()
            .map(|(name, extra)| ((*name).to_owned(), extra.map(str::to_owned)));
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            needs: needs.collect(),
            ..Package::default()
        }
    }

    fn roots(lines: &[&str]) -> Vec<Requirement> {
        let place = || Place::file("pyproject.toml");
        let read = lines.iter().filter_map(|line| requirement(line, place()));
        read.collect()
    }

    #[test]
    fn what_only_other_groups_or_extras_need_does_not_count() {
        let lock = OtherLock {
            packages: vec![
                package(
                    "flask",
                    "3.0",
                    &[("click", None), ("asgiref", Some("async"))],
                ),
                package("click", "8.1", &[]),
                package("asgiref", "3.8", &[]),
                package("pytest", "8.0", &[("click", None)]),
            ],
            ..OtherLock::default()
        };
        let names =
            |lines: &[&str]| -> Vec<String> { lock.needed(&roots(lines)).into_keys().collect() };
        assert_eq!(names(&["flask"]), ["click", "flask"]);
        assert_eq!(names(&["flask[async]"]), ["asgiref", "click", "flask"]);
        assert_eq!(lock.lacks(&roots(&["Flask", "gone"])).unwrap().name, "gone");
    }

    #[test]
    fn of_several_versions_the_one_for_this_python_counts() {
        let with = |version: &str, python: &str| Package {
            python: Some(python.to_owned()),
            ..package("numpy", version, &[])
        };
        let lock = OtherLock {
            packages: vec![with("1.24.4", ">=3.8"), with("2.2.0", ">=3.10")],
            ..OtherLock::default()
        };
        assert_eq!(lock.pins([3, 8, 10]), ["numpy==1.24.4"]);
        assert_eq!(lock.pins([3, 12, 0]), ["numpy==2.2.0"]);
    }
}
