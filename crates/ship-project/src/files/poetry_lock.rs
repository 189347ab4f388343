//! `poetry.lock`, of every version since 1.0.
//!
//! Versions 1.x say `category`, 2.0 says nothing about groups, 2.1 says `groups` and `markers`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::{Table, Value};

use crate::files::other_lock::{Origin, OtherLock, Package, sha256};
use crate::files::poetry::{Source, git_address, is_pypi, source, text};
use crate::files::requirements::normalise;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    python_versions: Option<String>,
    #[serde(default)]
    files: BTreeMap<String, Vec<File>>,
    #[serde(default)]
    hashes: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Locked {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    optional: bool,
    category: Option<String>,
    groups: Option<Vec<String>>,
    markers: Option<Value>,
    python_versions: Option<String>,
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    dependencies: Table,
    #[serde(default)]
    extras: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    source: Table,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    hash: String,
}

/// Reads a lock; `groups` count beside `main`.
pub(crate) fn parse(text: &str, groups: &[String]) -> Result<OtherLock, toml::de::Error> {
    let lock: Lock = toml::from_str(text)?;
    let is_complete = lock.package.iter().all(|package| package.groups.is_some());
    let packages = lock.package.iter();
    Ok(OtherLock {
        packages: packages
            .map(|locked| package(locked, &lock.metadata, groups))
            .collect(),
        requires_python: lock.metadata.python_versions.clone(),
        indexes: indexes(&lock.package),
        is_complete,
    })
}

fn package(locked: &Locked, metadata: &Metadata, groups: &[String]) -> Package {
    Package {
        name: normalise(&locked.name),
        version: locked.version.clone(),
        marker: marker(locked, groups),
        python: locked.python_versions.clone(),
        origin: origin(&locked.source),
        hashes: hashes(locked, metadata),
        needs: needs(locked),
        counts: counts(locked, groups),
    }
}

/// A text for all groups, or a table with one for each group.
fn marker(locked: &Locked, groups: &[String]) -> Option<String> {
    let counting = |name: &str| name == "main" || groups.iter().any(|group| group == name);
    match locked.markers.as_ref()? {
        Value::String(marker) => Some(marker.clone()),
        Value::Table(by_group) => {
            // A group that counts and is not named here needs it everywhere.
            let own = locked.groups.iter().flatten().filter(|name| counting(name));
            let markers: Option<Vec<String>> = own
                .map(|name| by_group.get(name)?.as_str().map(|m| format!("({m})")))
                .collect();
            markers
                .filter(|markers| !markers.is_empty())
                .map(|markers| markers.join(" or "))
        }
        _ => None,
    }
}

fn counts(locked: &Locked, groups: &[String]) -> Option<bool> {
    let counting = |name: &String| name == "main" || groups.contains(name);
    if let Some(own) = &locked.groups {
        return Some(own.iter().any(counting) && !locked.optional);
    }
    // `dev` may be needed by a group that counts; `main` always counts.
    match locked.category.as_deref() {
        Some("dev") => Some(false),
        _ => None,
    }
}

fn hashes(locked: &Locked, metadata: &Metadata) -> BTreeSet<String> {
    let by_name = |name: &String| normalise(name) == normalise(&locked.name);
    let older = metadata.files.iter().filter(|(name, _)| by_name(name));
    let oldest = metadata.hashes.iter().filter(|(name, _)| by_name(name));
    let files = locked
        .files
        .iter()
        .chain(older.flat_map(|(_, files)| files));
    let texts = files.map(|file| file.hash.clone());
    let bare = oldest.flat_map(|(_, hashes)| hashes.iter().map(|hash| format!("sha256:{hash}")));
    texts.chain(bare).filter_map(|text| sha256(&text)).collect()
}

/// `[package.dependencies]`, and `[package.extras]` as `async = ["asgiref (>=3.2)"]`.
fn needs(locked: &Locked) -> Vec<(String, Option<String>)> {
    let is_optional = |value: &Value| value.get("optional").and_then(Value::as_bool) == Some(true);
    let own = locked.dependencies.iter();
    let own = own.filter(|(_, value)| !is_optional(value));
    let extras = locked.extras.iter().flat_map(|(extra, needs)| {
        let name = |need: &String| {
            let end = need.find([' ', '[', '(', ';', '<', '>', '=', '!']);
            normalise(&need[..end.unwrap_or(need.len())])
        };
        needs
            .iter()
            .map(move |need| (name(need), Some(normalise(extra))))
    });
    own.map(|(name, _)| (normalise(name), None))
        .chain(extras)
        .collect()
}

/// `type` is `git`, `url`, `file`, `directory`, or `legacy` for an index.
fn origin(from: &Table) -> Origin {
    let url = text(from, "url").unwrap_or_default();
    match text(from, "type") {
        Some("git") => {
            let reference = text(from, "resolved_reference").or_else(|| text(from, "reference"));
            Origin::Address(git_address(url, reference, text(from, "subdirectory")))
        }
        Some("url") => Origin::Address(url.to_owned()),
        Some("directory" | "file") => Origin::Folder(url.to_owned()),
        Some(_) => Origin::Index,
        None => match source(from) {
            Some(Source::Address(address)) => Origin::Address(address),
            Some(Source::Folder(path)) => Origin::Folder(path),
            None => Origin::Index,
        },
    }
}

fn indexes(packages: &[Locked]) -> Vec<String> {
    let legacy = packages
        .iter()
        .map(|package| &package.source)
        .filter(|from| text(from, "type") == Some("legacy"));
    let urls: BTreeSet<&str> = legacy
        .filter_map(|from| text(from, "url"))
        .filter(|url| !is_pypi(url))
        .collect();
    urls.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_lock_that_names_groups_is_complete() {
        let lock = parse(
            r#"
            [[package]]
            name = "Flask"
            version = "3.0.3"
            optional = false
            python-versions = ">=3.8"
            groups = ["main"]
            files = [{file = "flask.whl", hash = "sha256:AB"}]
            [package.dependencies]
            click = ">=8.1.3"
            [[package]]
            name = "colorama"
            version = "0.4.6"
            groups = ["main", "dev"]
            markers = {main = "platform_system == \"Windows\"", dev = "sys_platform == \"win32\""}
            [[package]]
            name = "pytest"
            version = "8.0.0"
            groups = ["dev"]
            [[package]]
            name = "asgiref"
            version = "3.8.0"
            optional = true
            groups = ["main"]
            markers = "extra == \"async\""
            [metadata]
            lock-version = "2.1"
            python-versions = ">=3.10"
            "#,
            &[],
        )
        .unwrap();
        assert!(lock.is_complete);
        assert_eq!(
            lock.lines(),
            [
                "flask==3.0.3",
                "colorama==0.4.6 ; (platform_system == \"Windows\")"
            ]
        );
        assert!(lock.packages[0].hashes.contains("ab"));
        assert_eq!(lock.requires_python.as_deref(), Some(">=3.10"));
    }

    #[test]
    fn hashes_of_older_locks_are_found() {
        let lock = parse(
            r#"
            [[package]]
            name = "jinja2"
            version = "3.1.0"
            category = "main"
            [package.dependencies]
            MarkupSafe = ">=2.0"
            Babel = {version = ">=2.7", optional = true, markers = "extra == \"i18n\""}
            [package.extras]
            i18n = ["Babel (>=2.7)"]
            [[package]]
            name = "inner"
            version = "1.0"
            [package.source]
            type = "git"
            url = "https://example.org/inner.git"
            reference = "main"
            resolved_reference = "0123abc"
            [metadata.files]
            Jinja2 = [{file = "x", hash = "sha256:00"}]
            "#,
            &[],
        )
        .unwrap();
        assert!(!lock.is_complete);
        let jinja = &lock.packages[0];
        assert!(jinja.hashes.contains("00"));
        assert_eq!(
            jinja.needs,
            [
                ("markupsafe".to_owned(), None),
                ("babel".to_owned(), Some("i18n".to_owned()))
            ]
        );
        assert_eq!(
            lock.packages[1].origin,
            Origin::Address("git+https://example.org/inner.git@0123abc".to_owned())
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = parse(&text, &[]);
        }
    }
}
