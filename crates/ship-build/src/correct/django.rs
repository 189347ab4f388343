//! Django's settings as Django itself has them, made routes, data paths and notes of the plan.

use std::path::{Component, Path, PathBuf};

use ship_project::plan::{DataPath, Note, Plan, Route, RouteTarget, Sourced};

use crate::proof::Django;
use crate::report::Report;
use crate::trial::Trial;

/// Applies all; gives STATIC_ROOT relative to the source where it lies in it.
pub(super) fn settings(
    plan: &mut Plan,
    django: &Django,
    trial: &Trial,
    report: &mut Report<'_>,
) -> Option<PathBuf> {
    let places = Places::of(trial);
    databases(plan, django, &places);
    media(plan, django, &places);
    plan.refused_hosts.clone_from(&django.refused_hosts);
    for note in notes(plan, django) {
        plan.notes.push(note.clone());
        report.note(note);
    }
    if !django.staticfiles {
        return None;
    }
    static_route(plan, django);
    static_root(plan, django, &places, report)
}

/// Where a path of the trial lies.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// In the working copy, relative to it.
    Source(PathBuf),
    /// In the data folder, relative to it.
    Data(PathBuf),
    Elsewhere,
}

/// The folders of a trial, as they are named and as they are behind links.
struct Places {
    start: PathBuf,
    work: Vec<PathBuf>,
    data: Vec<PathBuf>,
}

impl Places {
    fn of(trial: &Trial) -> Self {
        let both = |path: PathBuf| {
            path.canonicalize()
                .into_iter()
                .chain([path.clone()])
                .collect()
        };
        Self {
            start: trial.start_folder(),
            work: both(trial.work()),
            data: both(trial.data()),
        }
    }

    fn find(&self, path: &str) -> Place {
        let path = tidy(&self.start.join(path));
        let below = |roots: &[PathBuf]| {
            let inside = roots.iter().find_map(|root| path.strip_prefix(root).ok());
            inside.map(Path::to_owned)
        };
        match (below(&self.work), below(&self.data)) {
            (Some(path), _) => Place::Source(path),
            (None, Some(path)) => Place::Data(path),
            (None, None) => Place::Elsewhere,
        }
    }
}

fn tidy(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(path.pop()),
            part => path.push(part),
        }
        path
    })
}

/// SQLite files in the source outlive releases.
fn databases(plan: &mut Plan, django: &Django, places: &Places) {
    for name in &django.databases {
        let is_file = !name.is_empty() && name != ":memory:" && !name.starts_with("file:");
        if let (true, Place::Source(path)) = (is_file, places.find(name)) {
            keep(plan, path, false, "DATABASES");
        }
    }
}

/// Uploads outlive releases, and the front door serves them.
fn media(plan: &mut Plan, django: &Django, places: &Places) {
    let root = django.media_root.as_deref().filter(|root| !root.is_empty());
    let Some(root) = root.map(|root| places.find(root)) else {
        return;
    };
    let folder = match root {
        // The source itself cannot be its own data.
        Place::Source(path) if !path.as_os_str().is_empty() => {
            keep(plan, path.clone(), true, "MEDIA_ROOT");
            path
        }
        Place::Data(path) => path,
        Place::Source(_) | Place::Elsewhere => return,
    };
    if let Some(prefix) = prefix(django.media_url.as_deref()) {
        let to = RouteTarget::Data { folder };
        add_route(plan, prefix, to, "MEDIA_URL");
    }
}

fn keep(plan: &mut Plan, path: PathBuf, folder: bool, reason: &str) {
    let covered = |data: &Sourced<DataPath>| path.starts_with(&data.value.path);
    if !plan.data.iter().any(covered) {
        let data = DataPath { path, folder };
        plan.data.push(Sourced::by_default(data, reason));
    }
}

/// The prefix of a local address: `/static/` as `/static`. Nothing for another host, for the root,
/// and for no address at all (which Django shows as `/`).
fn prefix(url: Option<&str>) -> Option<String> {
    let prefix = url?.trim_end_matches('/');
    (prefix.starts_with('/') && !prefix.starts_with("//")).then(|| prefix.to_owned())
}

/// What the author's manifest says of a prefix holds.
fn add_route(plan: &mut Plan, prefix: String, to: RouteTarget, reason: &str) {
    let same = |route: &&mut Sourced<Route>| route.value.is_of(&prefix);
    if let Some(route) = plan.routes.iter_mut().find(same) {
        route.value.answered_by(to);
    } else {
        let route = Sourced::by_default(Route::new(prefix, to), reason);
        plan.routes.push(route);
    }
}

/// Exactly one route for the collected files, where STATIC_URL says.
fn static_route(plan: &mut Plan, django: &Django) {
    let wanted = prefix(django.static_url.as_deref());
    plan.routes.retain(|route| {
        !matches!(route.value.to, RouteTarget::Assets)
            || wanted.as_deref() == Some(route.value.prefix.trim_end_matches('/'))
    });
    if let Some(prefix) = wanted {
        add_route(plan, prefix, RouteTarget::Assets, "STATIC_URL");
    }
}

fn static_root(
    plan: &mut Plan,
    django: &Django,
    places: &Places,
    report: &mut Report<'_>,
) -> Option<PathBuf> {
    let root = django
        .static_root
        .as_deref()
        .filter(|root| !root.is_empty())?;
    match places.find(root) {
        Place::Source(path) if !path.as_os_str().is_empty() => Some(path),
        _ if reads_manifest(django) => {
            let note = Note {
                text: format!(
                    "`STATIC_ROOT` (`{root}`) is outside of the project: the storage will not find its manifest there"
                ),
                hint: Some("`STATIC_ROOT = BASE_DIR / \"staticfiles\"` in the settings".to_owned()),
                place: None,
            };
            plan.notes.push(note.clone());
            report.note(note);
            None
        }
        _ => None,
    }
}

fn reads_manifest(django: &Django) -> bool {
    django
        .storage
        .as_deref()
        .is_some_and(|storage| storage.contains("Manifest"))
}

fn notes(plan: &Plan, django: &Django) -> Vec<Note> {
    let mut notes = Vec::new();
    if django.debug && !is_noted(plan, "DEBUG") {
        notes.push(Note {
            text: "`DEBUG` is on: visitors see tracebacks and settings".to_owned(),
            hint: Some("have the settings read it from the environment, off by default".to_owned()),
            place: None,
        });
    }
    if !plan.refused_hosts.is_empty() {
        let names: Vec<_> = plan
            .refused_hosts
            .iter()
            .map(|host| format!("`{host}`"))
            .collect();
        notes.push(Note {
            text: format!(
                "`ALLOWED_HOSTS` lacks {}: allowed while the app runs here",
                names.join(", ")
            ),
            hint: Some(
                "the door lets no other names through; for anywhere else, add them in the settings"
                    .to_owned(),
            ),
            place: None,
        });
    }
    notes
}

/// Whether the plan speaks of a setting already.
fn is_noted(plan: &Plan, setting: &str) -> bool {
    let opening = format!("`{setting}");
    plan.notes
        .iter()
        .any(|note| note.text.starts_with(&opening))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places {
            start: "/t/work/site".into(),
            work: vec!["/t/work".into()],
            data: vec!["/t/data".into()],
        }
    }

    #[test]
    fn paths_of_the_settings_are_told_apart() {
        let places = places();
        assert_eq!(
            places.find("/t/work/db.sqlite3"),
            Place::Source("db.sqlite3".into())
        );
        assert_eq!(places.find("media"), Place::Source("site/media".into()));
        assert_eq!(places.find("../media/"), Place::Source("media".into()));
        assert_eq!(places.find("/t/data/x"), Place::Data("x".into()));
        assert_eq!(places.find("/var/www"), Place::Elsewhere);
    }

    #[test]
    fn only_local_addresses_become_routes() {
        assert_eq!(prefix(Some("/static/")).as_deref(), Some("/static"));
        for other in [
            None,
            Some("/"),
            Some("https://cdn.example/s/"),
            Some("//cdn.example/"),
        ] {
            assert_eq!(prefix(other), None);
        }
    }
}
