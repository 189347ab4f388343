//! What a program writes beside its code: SQLite files, Flask's instance folder, uploads. Named in
//! the code by constants, so that it can be kept in the data folder before the first start.

use std::path::{Path, PathBuf};

use crate::detect::Found;
use crate::plan::{DataPath, Place, Sourced};
use crate::project::Project;
use crate::python::expr::Expr;
use crate::python::index::View;
use crate::python::module::Module;
use crate::python::paths::Texts;

/// Functions whose first argument is the path of a database.
const CONNECTS: [&str; 3] = [
    "sqlite3.connect",
    "aiosqlite.connect",
    "sqlite_utils.Database",
];

/// Words of which one stands in every module that names something: the scheme of SQLite's
/// addresses, packages that open its files, and what Flask calls its folders.
const WORDS: [&str; 6] = [
    "sqlite",
    "sqlite3",
    "aiosqlite",
    "sqlite_utils",
    "instance_path",
    "UPLOAD_FOLDER",
];

/// Adds what the code of `project` names to `found`.
pub(super) fn add(project: &Project, found: &mut Found) {
    let folder = found.folder.clone();
    let search = Search {
        project,
        texts: Texts {
            index: &project.index,
            folder: &folder,
        },
        module: found
            .places
            .first()
            .and_then(|place| project.index.get(&place.file)),
    };
    for module in project.index.own_modules_with(&WORDS) {
        for data in search.module(module) {
            push(&mut found.data, data);
        }
    }
}

/// Adds a path that is neither there nor below one that is.
pub(super) fn push(data: &mut Vec<Sourced<DataPath>>, new: Sourced<DataPath>) {
    let covered = |old: &Sourced<DataPath>| {
        new.value.path == old.value.path
            || old.value.folder && new.value.path.starts_with(&old.value.path)
    };
    if !data.iter().any(covered) {
        data.retain(|old| !(new.value.folder && old.value.path.starts_with(&new.value.path)));
        data.push(new);
    }
}

struct Search<'a> {
    project: &'a Project,
    texts: Texts<'a>,
    /// The module of the application, from which Flask's own folders are counted.
    module: Option<&'a Module>,
}

impl<'a> Search<'a> {
    fn module(&self, module: &'a Module) -> Vec<Sourced<DataPath>> {
        let view = View::of(module);
        let mut all = Vec::new();
        for (expr, line) in &module.databases {
            let url = self.texts.text(&view, expr);
            all.extend(url.and_then(|url| self.database(&url, module.place(*line))));
        }
        for (call, line) in &module.calls {
            let function = self.project.index.outside(&view, &call.function);
            let place = module.place(*line);
            if function.is_some_and(|name| CONNECTS.contains(&name.as_str()))
                && let Some(path) = call.arguments.first()
            {
                let path = self.texts.text(&view, path);
                all.extend(path.and_then(|path| self.file(&path, place.clone())));
            }
            let instance = |value: &&Expr| matches!(value, Expr::Attribute(_, name) if name == "instance_path");
            if let Some(value) = call.values().find(instance) {
                let path = self.texts.text(&view, value);
                all.extend(
                    path.and_then(|path| self.folder(&path, "Flask's instance folder", place)),
                );
            }
        }
        for binding in &module.top.bindings {
            if binding.name == "UPLOAD_FOLDER" || binding.name.ends_with("[UPLOAD_FOLDER]") {
                let path = self.texts.text(&view, &binding.value);
                let place = module.place(binding.line);
                all.extend(path.and_then(|path| self.folder(&path, "uploads", place)));
            }
        }
        all
    }

    /// `sqlite:///shop.db`, `sqlite+aiosqlite:///./shop.db?timeout=5`
    fn database(&self, url: &str, place: Place) -> Option<Sourced<DataPath>> {
        let path = sqlite_path(url)?;
        let relative = !path.starts_with(['/', '\u{0}']);
        if relative && self.project.packages.has("flask-sqlalchemy") {
            return self.flask_sqlalchemy(path, place);
        }
        self.file(path, place)
    }

    /// Flask-SQLAlchemy counts relative paths from the instance folder; before 3.0 from the
    /// application's own.
    fn flask_sqlalchemy(&self, path: &str, place: Place) -> Option<Sourced<DataPath>> {
        let version = self.project.packages.version("flask-sqlalchemy");
        let old = version.is_some_and(|v| v.starts_with("2.") || v.starts_with("1."));
        let base = if old { "root_path" } else { "instance_path" };
        let base = Expr::Attribute(Box::new(Expr::Name("app".to_owned())), base.to_owned());
        let base = self.texts.text(&View::of(self.module?), &base)?;
        self.file(&format!("{base}/{path}"), place)
    }

    fn file(&self, path: &str, place: Place) -> Option<Sourced<DataPath>> {
        if path == ":memory:" || path.is_empty() || path.starts_with("file:") {
            return None;
        }
        let path = self.texts.inside(path)?;
        let value = home_of(self.project, path);
        Some(Sourced::because(value, "SQLite", vec![place]))
    }

    fn folder(&self, path: &str, reason: &str, place: Place) -> Option<Sourced<DataPath>> {
        let path = self.texts.inside(path)?;
        let value = DataPath { path, folder: true };
        Some(Sourced::because(value, reason, vec![place]))
    }
}

/// The file itself; or its folder, where that holds nothing else of the project: a database brings
/// files of its own beside it.
pub(super) fn home_of(project: &Project, path: PathBuf) -> DataPath {
    let folder = path.parent().unwrap_or(Path::new(""));
    let own_folder = folder.iter().next().is_some()
        && !project
            .tree
            .files()
            .any(|file| file.starts_with(folder) && file != path);
    if own_folder {
        return DataPath {
            path: folder.to_owned(),
            folder: true,
        };
    }
    DataPath {
        path,
        folder: false,
    }
}

/// The path of an address such as `sqlite+aiosqlite:///shop.db`; four slashes are absolute.
pub(super) fn sqlite_path(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let is_sqlite = scheme == "sqlite" || scheme.starts_with("sqlite+");
    let path = rest
        .strip_prefix('/')
        .or_else(|| rest.starts_with('\u{0}').then_some(rest))?;
    let path = path.split('?').next().unwrap_or(path);
    is_sqlite.then_some(path)
}
