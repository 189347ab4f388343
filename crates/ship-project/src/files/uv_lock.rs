//! `uv.lock`: what will be installed, and in which version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;

/// What a lock says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct UvLock {
    /// Name and version of every package that the project itself needs, directly or not, without
    /// development groups and without the project.
    pub(crate) packages: BTreeMap<String, String>,
    pub(crate) requires_python: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lock {
    requires_python: Option<String>,
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    source: toml::Table,
    #[serde(default)]
    dependencies: Vec<Need>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Need>>,
}

#[derive(Deserialize)]
struct Need {
    name: String,
    #[serde(default)]
    extra: Vec<String>,
}

/// The packages that are folders of the workspace, by folder; the one beside the lock is empty.
pub(crate) fn members(text: &str) -> Result<BTreeMap<PathBuf, String>, toml::de::Error> {
    let lock: Lock = toml::from_str(text)?;
    let folder = |path: &str| PathBuf::from(if path == "." { "" } else { path });
    Ok(lock
        .package
        .iter()
        .filter_map(|package| Some((folder(member_path(package)?), package.name.clone())))
        .collect())
}

/// Reads a lock for its own project, or for `member`; the error is the TOML reader's.
pub(crate) fn parse(text: &str, member: Option<&str>) -> Result<UvLock, toml::de::Error> {
    let lock: Lock = toml::from_str(text)?;
    let needed = needed(&lock.package, member);
    let packages = lock
        .package
        .iter()
        .filter(|package| member_path(package).is_none() && needed.contains(package.name.as_str()))
        .map(|package| {
            (
                package.name.clone(),
                package.version.clone().unwrap_or_default(),
            )
        })
        .collect();
    Ok(UvLock {
        packages,
        requires_python: lock.requires_python,
    })
}

/// The folder of a package that is part of the workspace, relative to the lock.
fn member_path(package: &Package) -> Option<&str> {
    ["virtual", "editable"]
        .iter()
        .find_map(|kind| package.source.get(*kind)?.as_str())
}

/// The project: the package whose source is the lock's own folder, or the chosen member.
fn is_root(package: &Package, member: Option<&str>) -> bool {
    match member {
        Some(member) => package.name == member,
        None => member_path(package) == Some("."),
    }
}

/// Names reachable from the project; all when no package is the project.
fn needed<'p>(packages: &'p [Package], member: Option<&str>) -> BTreeSet<&'p str> {
    let mut to_see: Vec<(&str, &[String])> = packages
        .iter()
        .filter(|package| is_root(package, member))
        .map(|package| (package.name.as_str(), [].as_slice()))
        .collect();
    if to_see.is_empty() {
        return packages.iter().map(|p| p.name.as_str()).collect();
    }
    let mut seen: BTreeSet<(&str, &[String])> = BTreeSet::new();
    while let Some(next) = to_see.pop() {
        if !seen.insert(next) {
            continue;
        }
        let (name, extras) = next;
        for package in packages.iter().filter(|package| package.name == name) {
            let optional = extras
                .iter()
                .filter_map(|e| package.optional_dependencies.get(e));
            let needs = package.dependencies.iter().chain(optional.flatten());
            to_see.extend(needs.map(|need| (need.name.as_str(), need.extra.as_slice())));
        }
    }
    seen.into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_groups_and_the_project_do_not_count() {
        let lock = parse(
            r#"
            version = 1
            requires-python = ">=3.12"
            [[package]]
            name = "shop"
            version = "0.1.0"
            source = { virtual = "." }
            dependencies = [{ name = "fastapi", extra = ["standard"] }]
            [package.dev-dependencies]
            dev = [{ name = "gunicorn" }]
            [[package]]
            name = "fastapi"
            version = "0.120.0"
            dependencies = [{ name = "starlette" }]
            [package.optional-dependencies]
            standard = [{ name = "uvicorn" }]
            [[package]]
            name = "starlette"
            version = "0.49.1"
            [[package]]
            name = "uvicorn"
            version = "0.38.0"
            [[package]]
            name = "gunicorn"
            version = "23.0.0"
            "#,
            None,
        )
        .unwrap();
        let names: Vec<&String> = lock.packages.keys().collect();
        assert_eq!(names, ["fastapi", "starlette", "uvicorn"]);
        assert_eq!(lock.packages["uvicorn"], "0.38.0");
        assert_eq!(lock.requires_python.as_deref(), Some(">=3.12"));
    }

    #[test]
    fn a_member_needs_what_it_names_and_what_its_neighbours_name() {
        let text = r#"
            [[package]]
            name = "api"
            version = "0.1.0"
            source = { editable = "packages/api" }
            dependencies = [{ name = "shared" }, { name = "fastapi" }]
            [[package]]
            name = "shared"
            version = "0.1.0"
            source = { editable = "packages/shared" }
            dependencies = [{ name = "httpx" }]
            [[package]]
            name = "site"
            version = "0.1.0"
            source = { virtual = "packages/site" }
            dependencies = [{ name = "flask" }]
            [[package]]
            name = "fastapi"
            version = "0.120.0"
            [[package]]
            name = "httpx"
            version = "0.28.0"
            [[package]]
            name = "flask"
            version = "3.1.0"
            "#;
        let lock = parse(text, Some("api")).unwrap();
        let names: Vec<&String> = lock.packages.keys().collect();
        assert_eq!(names, ["fastapi", "httpx"]);
        let members = members(text).unwrap();
        assert_eq!(members[std::path::Path::new("packages/site")], "site");
    }
}
