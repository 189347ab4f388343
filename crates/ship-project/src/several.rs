//! A folder with several projects in it: which one is meant is its author's to say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::detect::{self, Found};
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::project::Project;
use crate::workspace::Whereabouts;

/// Files that make a folder a project of its own.
const SIGNS: [&str; 6] = [
    "pyproject.toml",
    "requirements.txt",
    "Pipfile",
    "setup.py",
    "environment.yml",
    "pylock.toml",
];

/// How many folders down a project of its own may lie.
const DEEPEST: usize = 3;

/// Fails where `found` is in a project below the folder, and there are others with an application;
/// and where it is one of several that nothing tells apart.
pub(crate) fn refuse(project: &Project, found: &Found) -> Result<()> {
    if let Some(peers) = &found.peers {
        return Err(Error::Several {
            project: project.root.clone(),
            folders: peers.folders.clone(),
            object: peers.object.clone(),
        });
    }
    let folders = projects(project);
    let Some(file) = found.places.first().map(|place| &place.file) else {
        return Ok(());
    };
    let is_own = project.packages.dependencies.is_some() && !project.is_workspace();
    let chosen = folders.iter().find(|folder| file.starts_with(folder));
    let Some(chosen) = chosen.filter(|_| !is_own && folders.len() > 1) else {
        return Ok(());
    };
    let mut applications = BTreeMap::from([(chosen.clone(), found.row.label)]);
    for folder in folders.iter().filter(|folder| *folder != chosen) {
        let other = application(&project.root, folder);
        // Beside what answers visitors, a program is a tool.
        if let Some((label, _)) = other.filter(|(_, serves)| *serves == found.serves()) {
            applications.insert(folder.clone(), label);
        }
    }
    if applications.len() < 2 {
        return Ok(());
    }
    let folders = applications.into_iter();
    Err(Error::Several {
        project: project.root.clone(),
        folders: folders
            .map(|(folder, label)| (folder, label.to_owned()))
            .collect(),
        object: None,
    })
}

/// Outermost folders below the project with a file of [`SIGNS`] and Python of their own.
fn projects(project: &Project) -> Vec<PathBuf> {
    let has_sign = |folder: &Path| SIGNS.iter().any(|sign| project.tree.has(folder.join(sign)));
    let mut folders: Vec<PathBuf> = Vec::new();
    let mut seen = None;
    for source in project.index.own_sources() {
        let above = source.file.parent().unwrap_or(Path::new(""));
        // Files come by path: those of one folder after each other.
        if seen.replace(above) == Some(above) {
            continue;
        }
        let mut ways: Vec<&Path> = above
            .ancestors()
            .filter(|folder| (1..=DEEPEST).contains(&folder.components().count()))
            .collect();
        ways.reverse();
        if let Some(folder) = ways.into_iter().find(|folder| has_sign(folder)) {
            folders.push(folder.to_owned());
        }
    }
    folders.sort();
    folders.dedup();
    folders
}

/// What kind of application a folder holds, read as a project of its own, and whether it answers
/// visitors.
fn application(root: &Path, folder: &Path) -> Option<(&'static str, bool)> {
    let at = Whereabouts::alone(&root.join(folder));
    let project = Project::read(&at, &Manifest::default()).ok()?;
    let found = detect::detect(&project).ok()?;
    (!found.is_static()).then(|| (found.row.label, found.serves()))
}
