//! JavaScript front ends: a `package.json` with a script `build`, beside or below the Python code.
//!
//! Its lock decides who installs its packages. Where its pages end up is read from its
//! configuration as far as that is plain; what the build really makes, the build sees.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::detect::front_end::node::Node;
use crate::detect::{Found, Row};
use crate::error::Result;
use crate::plan::{AssetStep, FrontEnd, Note, PackageManager, Place, Route, RouteTarget, Sourced};
use crate::project::Project;
use crate::python::index::{is_beside, plain};

mod node;
mod output;
mod taken;

use taken::Answers;

pub(super) const ROW: Row = Row {
    key: "front-end",
    label: "JavaScript front end",
    package: "",
    classes: &[],
};

/// How many folders down a front end may lie.
const DEEPEST: usize = 2;
/// More than this are a collection of packages, not the front end of an app.
const MOST: usize = 3;

/// The script that builds.
const SCRIPT: &str = "build";

/// Locks, and who reads them. Where two lie side by side, the first counts.
const LOCKS: [(&str, PackageManager); 6] = [
    ("pnpm-lock.yaml", PackageManager::Pnpm),
    ("bun.lock", PackageManager::Bun),
    ("bun.lockb", PackageManager::Bun),
    ("yarn.lock", PackageManager::Yarn),
    ("package-lock.json", PackageManager::Npm),
    ("npm-shrinkwrap.json", PackageManager::Npm),
];

/// A front end with its place.
pub(crate) struct Seen {
    pub(crate) front_end: FrontEnd,
    /// It has a page of its own: browsers begin there, and it reads the rest of the path itself.
    pub(crate) is_app: bool,
    /// What its build makes is run by Node.
    node: Option<Node>,
    place: Place,
}

/// A project that is a front end and nothing else: its pages are a site.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a step of the table, where others can fail"
)]
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let seen = all(project);
    let app = seen.iter().find(|seen| seen.is_app);
    let Some((app, output)) = app.and_then(|app| Some((app, app.front_end.output.clone()?))) else {
        return Ok(None);
    };
    let mut found = Found::new(&ROW, app.place.clone());
    found.routes.push(page(output, app.place.clone()));
    // The step itself comes with those of every project.
    Ok(Some(found))
}

/// Every front end of the project, the nearest first.
pub(crate) fn all(project: &Project) -> Vec<Seen> {
    let mut files: Vec<&Path> = project
        .tree
        .files()
        .filter(|file| file.file_name().is_some_and(|name| name == "package.json"))
        .filter(|file| file.components().count() <= DEEPEST + 1 && !is_beside(file))
        .collect();
    files.sort_by_key(|file| file.components().count());
    let mut seen: Vec<Seen> = Vec::new();
    for file in files {
        let folder = file.parent().unwrap_or(Path::new(""));
        let inside = seen
            .iter()
            .any(|above| folder.starts_with(plain(&above.front_end.folder)));
        if !inside && let Some(one) = read(project, file, folder) {
            seen.push(one);
        }
    }
    if seen.len() > MOST {
        return Vec::new();
    }
    seen
}

fn read(project: &Project, file: &Path, folder: &Path) -> Option<Seen> {
    let text = project.tree.text(file).ok().flatten()?;
    let package: Value = serde_json::from_str(&text).ok()?;
    let script = package.get("scripts")?.get(SCRIPT)?.as_str()?.to_owned();
    let line = (1..).zip(text.lines());
    let mut line = line.filter(|(_, line)| line.trim_start().starts_with("\"build\""));
    let place = line
        .next()
        .map_or_else(|| Place::file(file), |(line, _)| Place::line(file, line));
    let locked = LOCKS
        .iter()
        .find(|(name, _)| project.tree.has(folder.join(name)));
    let manager = locked.map_or_else(|| named(&package), |(_, manager)| *manager);
    let tool = output::Tool::of(&package, &script);
    let output = output::of(project, folder, tool, &script);
    let is_app = output.is_some() && tool.is_some_and(|tool| tool.page(project, folder));
    Some(Seen {
        front_end: FrontEnd {
            folder: shown(folder),
            manager,
            lock: locked.map(|(name, _)| folder.join(name)),
            script: SCRIPT.to_owned(),
            output,
        },
        is_app,
        node: Node::of(project, folder, &package, &script),
        place,
    })
}

/// `"packageManager": "pnpm@9.1.0"`
fn named(package: &Value) -> PackageManager {
    let text = package.get("packageManager").and_then(Value::as_str);
    match text.and_then(|text| text.split('@').next()) {
        Some("pnpm") => PackageManager::Pnpm,
        Some("yarn") => PackageManager::Yarn,
        Some("bun") => PackageManager::Bun,
        _ => PackageManager::Npm,
    }
}

/// What the front ends of a project add to its plan.
#[derive(Default)]
pub(crate) struct Added {
    pub(crate) assets: Vec<Sourced<AssetStep>>,
    pub(crate) routes: Vec<Sourced<Route>>,
    pub(crate) notes: Vec<Note>,
    /// For pages that nothing serves, unless their author says what does.
    pub(crate) unserved: Vec<Note>,
}

/// The steps that build them; and the routes that serve a single page app which the back end does
/// not serve itself. `has_web` tells whether there is a back end.
pub(crate) fn add(project: &Project, has_web: bool) -> Added {
    let mut added = Added::default();
    for Seen {
        front_end,
        is_app,
        node,
        place,
    } in all(project)
    {
        added.unserved.extend(
            node.filter(|_| has_web)
                .map(|node| node.note(&front_end, &place)),
        );
        if front_end.lock.is_none() {
            added.notes.push(unlocked(&front_end, &place));
        }
        if let Some(output) = front_end.output.clone().filter(|_| is_app && has_web)
            && !taken::serves(project, &output)
            && added.routes.is_empty()
        {
            match taken::answers(project) {
                Answers::Prefixes(prefixes) => {
                    added.routes.push(page(output, place.clone()));
                    added.routes.extend(prefixes.into_iter().map(back_end));
                }
                Answers::Root => {
                    let note = unserved(&output, "`/` is answered by it", &place);
                    added.unserved.push(note);
                }
                Answers::Unknown => added.unserved.push(unserved(
                    &output,
                    "which paths are its own cannot be read",
                    &place,
                )),
            }
        }
        added
            .assets
            .push(Sourced::from(AssetStep::FrontEnd(front_end), place));
    }
    added
}

fn page(folder: PathBuf, place: Place) -> Sourced<Route> {
    let to = RouteTarget::SinglePage {
        folder,
        page: "index.html".into(),
    };
    let prefix = "/".to_owned();
    let route = Route::new(prefix, to);
    Sourced::because(route, "single page app", vec![place])
}

fn back_end((prefix, place): (String, Place)) -> Sourced<Route> {
    let process = "web".parse().expect("`web` is a well-formed name");
    let to = RouteTarget::Process { process };
    let route = Route::new(prefix, to);
    Sourced::from(route, place)
}

fn unlocked(front_end: &FrontEnd, place: &Place) -> Note {
    Note {
        text: "the front end has no lock: its packages are chosen anew when they are installed"
            .to_owned(),
        hint: Some(format!(
            "`{} install` writes one; keep it with the project",
            front_end.manager.program()
        )),
        place: Some(place.clone()),
    }
}

fn unserved(output: &Path, why: &str, place: &Place) -> Note {
    Note {
        text: format!(
            "nothing in the Python code serves `{}`, and {why}",
            output.display()
        ),
        hint: Some(format!(
            "in ship.toml: `[route.\"/\"]` with `static = \"{}\"` and `fallback = \"index.html\"`, and `[route.\"/api\"]` with `process = \"web\"`",
            output.display()
        )),
        place: Some(place.clone()),
    }
}

fn shown(folder: &Path) -> PathBuf {
    match folder.iter().next() {
        None => PathBuf::from("."),
        Some(_) => folder.to_owned(),
    }
}
