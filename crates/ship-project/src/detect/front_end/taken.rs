//! What the back end answers itself: whether it serves the built front end, and which paths are
//! its own.

use std::collections::BTreeMap;
use std::path::Path;

use crate::plan::Place;
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Target, View};
use crate::python::module::Module;
use crate::python::paths::Texts;
use crate::python::source::{self, Source};

/// More prefixes than this are no API beside a front end.
const MOST: usize = 16;

/// What FastAPI answers beside the author's own paths.
const OF_FASTAPI: [&str; 3] = ["/docs", "/redoc", "/openapi.json"];

/// Decorators that give a function a path.
const VERBS: [&str; 9] = [
    "route",
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "api_route",
    "websocket",
    "add_url_rule",
];

/// Classes whose paths are counted from where they are put.
const ROUTERS: [&str; 6] = [
    "fastapi.APIRouter",
    "fastapi.routing.APIRouter",
    "flask.Blueprint",
    "flask.blueprints.Blueprint",
    "quart.Blueprint",
    "litestar.Router",
];

/// Whether the Python code names the folder: as the folder of static files, of templates, or as the
/// place of a page that it sends. A folder within a `static` folder of the code is served with it.
pub(super) fn serves(project: &Project, output: &Path) -> bool {
    let within_static = output
        .iter()
        .any(|part| part == "static" || part == "staticfiles" || part == "assets");
    let output = output.to_string_lossy();
    let last = output.rsplit('/').next().unwrap_or(&output);
    let own: Vec<&Source> = project.index.own_sources().collect();
    let named = source::parsed(source::holding(&own, &[last]))
        .flat_map(|module| module.texts.iter().map(|(text, _)| text.as_str()));
    within_static || named.into_iter().any(|text| names(text, last))
}

/// `dist`, `../frontend/dist`, `dist/index.html`, and not `distance`.
fn names(text: &str, folder: &str) -> bool {
    text.len() < 200 && text.split('/').any(|part| part == folder)
}

/// What the back end answers.
pub(super) enum Answers {
    /// Paths that begin with these, each with its line.
    Prefixes(BTreeMap<String, Place>),
    /// `/` itself.
    Root,
    /// What cannot be read: no path at all, one that begins with a variable, too many.
    Unknown,
}

/// Which paths belong to the back end.
pub(super) fn answers(project: &Project) -> Answers {
    let mut all = BTreeMap::new();
    let mut unknown = false;
    for module in project.index.own_modules() {
        let view = View::of(module);
        for (call, line) in &module.calls {
            let Some(paths) = paths(project, module, &view, call) else {
                unknown = true;
                continue;
            };
            for path in paths {
                if path
                    .trim_start_matches(['^', '/'])
                    .trim_end_matches('$')
                    .is_empty()
                {
                    return Answers::Root;
                }
                match prefix(&path) {
                    Some(prefix) => drop(all.entry(prefix).or_insert_with(|| module.place(*line))),
                    None => unknown = true,
                }
            }
        }
    }
    if let (true, Some((_, place))) = (project.packages.has("fastapi"), all.iter().next()) {
        let place = place.clone();
        for path in OF_FASTAPI {
            all.entry(path.to_owned()).or_insert_with(|| place.clone());
        }
    }
    if unknown || all.is_empty() || all.len() > MOST {
        return Answers::Unknown;
    }
    Answers::Prefixes(all)
}

/// `/api/users/{id}` as `/api`; `None` for the root and for what begins with a variable.
fn prefix(path: &str) -> Option<String> {
    let first = path.trim_start_matches(['^', '/']).split('/').next()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    (!first.is_empty() && first.chars().all(is_plain)).then(|| format!("/{first}"))
}

/// The paths that a call gives to the back end; `None` where it gives one that cannot be read.
fn paths<'a>(
    project: &'a Project,
    module: &'a Module,
    view: &View<'a>,
    call: &Call,
) -> Option<Vec<String>> {
    let text = |expr: Option<&Expr>| expr.and_then(Expr::text).map(str::to_owned);
    // A prefix may come from settings.
    let read = |expr: Option<&Expr>| match expr {
        Some(expr) => Some(vec![said(project, view, expr)?]),
        None => Some(Vec::new()),
    };
    let keyword = || {
        ["prefix", "url_prefix", "path"]
            .into_iter()
            .find_map(|name| call.keyword(name))
    };
    let outside = project
        .index
        .outside(view, &call.function)
        .unwrap_or_default();
    if ROUTERS.contains(&outside.as_str()) {
        return read(keyword());
    }
    // Django's `path("api/", …)`, in the module that its settings name.
    if [
        "django.urls.path",
        "django.urls.re_path",
        "django.conf.urls.url",
    ]
    .contains(&outside.as_str())
    {
        let is_root = module.file.components().count() <= 2 || has_settings_beside(project, module);
        let path = text(call.arguments.first()).filter(|_| is_root);
        return Some(path.into_iter().collect());
    }
    let Expr::Attribute(of, verb) = &call.function else {
        return Some(Vec::new());
    };
    let paths = match verb.as_str() {
        "include_router" | "register_blueprint" | "mount" => {
            let mounted = (verb == "mount").then(|| call.arguments.first()).flatten();
            return read(keyword().or(mounted));
        }
        // flask-restful names the resource first.
        "add_resource" => {
            let paths = call.arguments.iter().skip(1).filter_map(Expr::text);
            paths.map(str::to_owned).collect()
        }
        verb if VERBS.contains(&verb) && !is_router(project, module, view, of) => {
            let path = text(call.argument(0, "path"));
            path.filter(|path| path.starts_with('/'))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    };
    Some(paths)
}

/// What an expression says: a text, or a field of an object of settings.
fn said<'a>(project: &'a Project, view: &View<'a>, expr: &Expr) -> Option<String> {
    let texts = Texts {
        index: &project.index,
        folder: &project.folder,
    };
    texts.text(view, expr).or_else(|| {
        let Target::Inside(module, names) = project.index.resolve(view, expr)? else {
            return None;
        };
        let [object, field] = names.as_slice() else {
            return None;
        };
        let made = &module.top.binding(object)?.value;
        let class = module.top.class(made.call()?.function.name()?)?;
        let own = class.bindings.iter().find(|own| own.name == *field)?;
        texts.text(&View::of(module), &own.value)
    })
}

/// Whether a name is a router whose paths are counted from a prefix: its own, or that of where it is
/// put.
fn is_router(project: &Project, module: &Module, view: &View<'_>, expr: &Expr) -> bool {
    let Some(binding) = expr.name().and_then(|name| module.top.binding(name)) else {
        return false;
    };
    let Some(made) = binding.value.call() else {
        return false;
    };
    let class = project.index.outside(view, &made.function);
    let own = || {
        ["prefix", "url_prefix", "path"]
            .iter()
            .any(|name| made.keyword(name).is_some())
    };
    class.is_some_and(|name| ROUTERS.contains(&name.as_str())) && (own() || are_put(project))
}

/// Whether the project puts its routers below prefixes.
fn are_put(project: &Project) -> bool {
    let putting = ["include_router", "register_blueprint"];
    let modules = project.index.own_modules_with(&putting);
    let mut calls = modules.flat_map(|module| &module.calls);
    calls.any(|(call, _)| {
        let put = matches!(&call.function, Expr::Attribute(_, name) if name == "include_router" || name == "register_blueprint");
        put && ["prefix", "url_prefix"].iter().any(|name| call.keyword(name).is_some())
    })
}

fn has_settings_beside(project: &Project, module: &Module) -> bool {
    let folder = module.file.parent().unwrap_or(Path::new(""));
    ["settings.py", "settings/__init__.py", "wsgi.py"]
        .iter()
        .any(|name| project.tree.has(folder.join(name)))
}
