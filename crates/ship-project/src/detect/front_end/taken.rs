//! What the back end answers itself: whether it serves the built front end, and which paths are
//! its own.

use std::collections::BTreeMap;
use std::path::Path;

use crate::plan::Place;
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::View;
use crate::python::module::Module;
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

/// The prefixes that belong to the back end, with their lines; `None` where it answers `/` itself,
/// or where its paths cannot be read.
pub(super) fn prefixes(project: &Project) -> Option<BTreeMap<String, Place>> {
    let mut all = BTreeMap::new();
    for module in project.index.own_modules() {
        let view = View::of(module);
        for (call, line) in &module.calls {
            for path in paths(project, module, &view, call) {
                all.entry(prefix(&path)?)
                    .or_insert_with(|| module.place(*line));
            }
        }
    }
    if let (true, Some((_, place))) = (project.packages.has("fastapi"), all.iter().next()) {
        let place = place.clone();
        for path in OF_FASTAPI {
            all.entry(path.to_owned()).or_insert_with(|| place.clone());
        }
    }
    (!all.is_empty() && all.len() <= MOST).then_some(all)
}

/// `/api/users/{id}` as `/api`; `None` for the root and for what begins with a variable.
fn prefix(path: &str) -> Option<String> {
    let first = path.trim_start_matches(['^', '/']).split('/').next()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    (!first.is_empty() && first.chars().all(is_plain)).then(|| format!("/{first}"))
}

/// The paths that a call gives to the back end.
fn paths(project: &Project, module: &Module, view: &View<'_>, call: &Call) -> Vec<String> {
    let text = |expr: Option<&Expr>| expr.and_then(Expr::text).map(str::to_owned);
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
        return text(keyword()).into_iter().collect();
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
        return text(call.arguments.first())
            .filter(|_| is_root)
            .into_iter()
            .collect();
    }
    let Expr::Attribute(of, verb) = &call.function else {
        return Vec::new();
    };
    match verb.as_str() {
        "include_router" | "register_blueprint" | "mount" => {
            let mounted = (verb == "mount").then(|| call.arguments.first()).flatten();
            text(keyword().or(mounted)).into_iter().collect()
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
    }
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
