//! `pdm.lock`. Locks of version 4.5 and later say `groups` and `marker` of each package.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::files::other_lock::{Origin, OtherLock, Package, sha256};
use crate::files::poetry::git_address;
use crate::files::requirements::{normalise, requirement};
use crate::plan::Place;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    strategy: Vec<String>,
    #[serde(default)]
    targets: Vec<Target>,
    /// By `name version`, in locks before 4.0.
    #[serde(default)]
    files: BTreeMap<String, Vec<File>>,
}

#[derive(Deserialize)]
struct Target {
    requires_python: Option<String>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    extras: Vec<String>,
    requires_python: Option<String>,
    marker: Option<String>,
    groups: Option<Vec<String>>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    files: Vec<File>,
    git: Option<String>,
    revision: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    subdirectory: Option<String>,
    url: Option<String>,
    path: Option<String>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    hash: String,
}

/// Reads a lock; `default` is the group of what the project itself needs.
pub(crate) fn parse(text: &str) -> Result<OtherLock, toml::de::Error> {
    let lock: Lock = toml::from_str(text)?;
    let inherits = lock
        .metadata
        .strategy
        .iter()
        .any(|s| s == "inherit_metadata");
    let is_complete = inherits && lock.package.iter().all(|p| p.groups.is_some());
    let mut targets = lock.metadata.targets.iter();
    let packages = lock.package.iter();
    Ok(OtherLock {
        packages: packages
            .map(|locked| package(locked, &lock.metadata, is_complete))
            .collect(),
        requires_python: targets.find_map(|t| t.requires_python.clone()),
        indexes: Vec::new(),
        is_complete,
    })
}

fn package(locked: &Locked, metadata: &Metadata, is_complete: bool) -> Package {
    let older = metadata
        .files
        .get(&format!("{} {}", locked.name, locked.version));
    let files = locked.files.iter().chain(older.into_iter().flatten());
    let groups = locked.groups.as_ref().filter(|_| is_complete);
    Package {
        name: normalise(&locked.name),
        version: locked.version.clone(),
        marker: locked.marker.clone(),
        python: locked.requires_python.clone(),
        origin: origin(locked),
        hashes: files.filter_map(|file| sha256(&file.hash)).collect(),
        needs: needs(locked),
        counts: groups.map(|groups| groups.iter().any(|group| group == "default")),
    }
}

/// A package with extras stands in the lock once more, with what these need.
fn needs(locked: &Locked) -> Vec<(String, Option<String>)> {
    let names = locked
        .dependencies
        .iter()
        .filter_map(|text| requirement(text, Place::file("pdm.lock")))
        .map(|need| need.name)
        .filter(|name| *name != normalise(&locked.name));
    let extra = locked.extras.first().map(|extra| normalise(extra));
    names.map(|name| (name, extra.clone())).collect()
}

fn origin(locked: &Locked) -> Origin {
    if let Some(git) = &locked.git {
        let reference = locked.revision.as_deref().or(locked.reference.as_deref());
        return Origin::Address(git_address(git, reference, locked.subdirectory.as_deref()));
    }
    match (&locked.url, &locked.path) {
        (Some(url), _) => Origin::Address(url.clone()),
        (None, Some(path)) => Origin::Folder(path.clone()),
        (None, None) => Origin::Index,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_lock_that_inherits_metadata_is_complete() {
        let lock = parse(
            r#"
            [metadata]
            groups = ["default", "dev"]
            strategy = ["cross_platform", "inherit_metadata"]
            lock_version = "4.5.0"
            [[metadata.targets]]
            requires_python = ">=3.10"
            [[package]]
            name = "flask"
            version = "3.0.3"
            groups = ["default"]
            dependencies = ["click>=8.1.3", "importlib-metadata>=3.6.0; python_version < \"3.10\""]
            files = [{file = "flask.whl", hash = "sha256:00"}]
            [[package]]
            name = "colorama"
            version = "0.4.6"
            groups = ["default", "dev"]
            marker = "platform_system == \"Windows\""
            [[package]]
            name = "pytest"
            version = "8.0.0"
            groups = ["dev"]
            "#,
        )
        .unwrap();
        assert!(lock.is_complete);
        assert_eq!(
            lock.lines(),
            [
                "flask==3.0.3",
                "colorama==0.4.6 ; platform_system == \"Windows\""
            ]
        );
        assert_eq!(lock.requires_python.as_deref(), Some(">=3.10"));
        assert_eq!(lock.packages[0].needs.len(), 2);
    }

    #[test]
    fn an_older_lock_leaves_the_walk_to_uv() {
        let lock = parse(
            "[[package]]\nname = \"six\"\nversion = \"1.16.0\"\n[metadata.files]\n\"six 1.16.0\" = [{url = \"x\", hash = \"sha256:11\"}]\n",
        )
        .unwrap();
        assert!(!lock.is_complete);
        assert!(lock.packages[0].hashes.contains("11"));
        assert_eq!(lock.pins([3, 12, 0]), ["six==1.16.0"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = parse(&text);
        }
    }
}
