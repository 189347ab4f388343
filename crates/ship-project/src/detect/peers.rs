//! Applications of which nothing says that it is one rather than another: in folders beside each
//! other, by the usual names of files, and without an import between them.

use std::path::{Path, PathBuf};

use crate::detect::Peers;
use crate::detect::objects::{Ranked, is_conventional};
use crate::detect::others::reached;
use crate::project::Project;

/// Folders whose name says that the application is in them: the others are what belongs to it.
const MAIN: [&str; 5] = ["app", "backend", "main", "server", "src"];
/// Folders whose name says that nobody visits what is in them.
const ASIDE: [&str; 16] = [
    "archive",
    "archived",
    "backup",
    "demo",
    "demos",
    "deprecated",
    "legacy",
    "old",
    "playground",
    "sample",
    "samples",
    "sandbox",
    "scripts",
    "templates",
    "tools",
    "tutorial",
];
/// Files in which an author says what runs.
const SAYING: [&str; 7] = [
    "Dockerfile",
    "app.yaml",
    "compose.yaml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "fly.toml",
    "render.yaml",
];

/// The first of `ranked` and those beside it, where there are any.
pub(super) fn among(project: &Project, ranked: &[Ranked]) -> Option<Peers> {
    let (first, rest) = ranked.split_first()?;
    let file = |ranked: &Ranked| ranked.candidate.place.file.clone();
    let is_one = |ranked: &&Ranked| {
        let file = &ranked.candidate.place.file;
        is_conventional(file) && !is_called(&ranked.root, &ASIDE)
    };
    let has_folder = first.root.iter().next().is_some();
    if !has_folder || !is_one(&first) || is_called(&first.root, &MAIN) {
        return None;
    }
    let own = reached(project, &file(first));
    let beside = rest.iter().filter(|other| {
        let place = &other.candidate.place.file;
        other.root != first.root
            && other.root.parent() == first.root.parent()
            && place.components().count() == file(first).components().count()
            && !own.contains(place.as_path())
            && !reached(project, place).contains(file(first).as_path())
    });
    let mut peers: Vec<&Ranked> = vec![first];
    for other in beside.filter(is_one) {
        if peers.iter().all(|peer| peer.root != other.root) {
            peers.push(other);
        }
    }
    if peers.len() < 2 || is_said(project, &first.root) {
        return None;
    }
    peers.sort_by(|a, b| a.root.cmp(&b.root));
    let folders = peers.iter();
    let shared = !peers.iter().all(|peer| has_packages(project, &peer.root));
    Some(Peers {
        folders: folders
            .map(|peer| (peer.root.clone(), peer.row.label.to_owned()))
            .collect(),
        object: peers
            .iter()
            .filter(|_| shared)
            .find_map(|peer| object(peer)),
    })
}

fn is_called(folder: &Path, names: &[&str]) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| names.contains(&name.to_lowercase().as_str()))
}

/// Whether a file that says what runs names the folder.
fn is_said(project: &Project, folder: &Path) -> bool {
    let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let names = |text: &str| text.split(|c| !is_part(c)).any(|word| word == name);
    SAYING.iter().any(|file| {
        let text = project.tree.text(project.folder.join(file)).ok().flatten();
        text.is_some_and(|text| names(&text))
    })
}

/// Whether the folder says itself which packages it needs.
fn has_packages(project: &Project, folder: &Path) -> bool {
    let files = ["pyproject.toml", "requirements.txt", "Pipfile"];
    files.iter().any(|file| project.tree.has(folder.join(file)))
}

/// `orders.main:app`, from the folder above.
fn object(ranked: &Ranked) -> Option<String> {
    let object = &ranked.candidate.object;
    let path: PathBuf = ranked.candidate.place.file.with_extension("");
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let is_word = |part: &&str| part.chars().all(|c| c.is_alphanumeric() || c == '_');
    let call = if object.factory { "()" } else { "" };
    parts
        .iter()
        .all(is_word)
        .then(|| format!("{}:{}{call}", parts.join("."), object.attribute))
}
