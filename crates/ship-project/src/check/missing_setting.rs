//! Settings that the code takes from the environment without a default, and that nobody sets.

use std::collections::HashSet;
use std::path::Path;

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::detect::asked;
use crate::plan::Place;
use crate::python::base_settings;
use crate::python::expr::{Call, Expr};
use crate::python::index::View;
use crate::python::module::Module;

pub(super) const CHECK: Check = Check {
    id: "missing-setting",
    severity: Severity::Error,
    title: "every environment variable that is read without a default has a value",
    why: "`os.environ[\"X\"]`, `config(\"X\")`, `env(\"X\")`, functions of the project that read one for the rest of it, and fields of pydantic's `BaseSettings` without a default end the program where the variable is missing. Those that are read while a module is imported stop the start; the others fail a visitor's request. A variable counts as set when `.env`, `ship.toml` or, where the server runs, `ship env` has it. One that the code asks for first (`\"X\" in os.environ`, `os.getenv(\"X\")`) is optional.",
    remedy: "`ship env set NAME=…` keeps it on the server, `.env` on this machine. `[env] required = [\"NAME\"]` in `ship.toml` makes every deploy look for it before the build.",
    fix: None,
    look,
};

/// What every app is given, and what belongs to a login.
const GIVEN: [&str; 12] = [
    "DJANGO_SETTINGS_MODULE",
    "FORWARDED_ALLOW_IPS",
    "HOME",
    "LANG",
    "PATH",
    "PORT",
    "PWD",
    "PYTHONUNBUFFERED",
    "SHIP_APP",
    "SHIP_DATA_DIR",
    "SHIP_URL",
    "WEB_CONCURRENCY",
];

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let missing = demanded(subject)
        .into_iter()
        .filter(|(name, ..)| !subject.is_set(name) && !subject.is_set(&name.to_uppercase()));
    missing.map(finding).collect()
}

/// Every variable that is read without a default, where, and whether that is at the start; set or
/// not.
pub(crate) fn demanded(subject: &Subject<'_>) -> Vec<(String, Place, bool)> {
    let mut wanted: Vec<(String, Place, bool)> = Vec::new();
    if let Ok(plan) = subject.plan {
        let required = plan.required_env.iter();
        wanted.extend(
            required
                .filter_map(|name| Some((name.value.clone(), name.places.first()?.clone(), true))),
        );
    }
    if let Some(settings) = subject.settings() {
        let demands = settings.demands(&|name| subject.is_set(name)).into_iter();
        wanted.extend(demands.map(|(name, place)| (name, place, true)));
    }
    for module in subject.modules_with(&["environ", "decouple", "BaseSettings"]) {
        wanted.extend(items(subject, module));
        let fields = base_settings::needed(&subject.project().index, module).into_iter();
        wanted.extend(fields.map(|(name, line)| (name, module.place(line), true)));
    }
    for module in subject.modules_with(&asked::demanded::WORDS) {
        let demanded = asked::demanded::settings(&subject.project().index, module, &|name| {
            subject.is_set(name)
        })
        .into_iter();
        wanted.extend(demanded.map(|(name, line)| (name, module.place(line), true)));
    }
    let served: HashSet<&Path> = subject.served_files().collect();
    let mut reading = asked::reading(subject.project());
    reading.retain(|module| served.contains(module.file.as_path()));
    for module in reading {
        let helped = asked::helper::demanded(&subject.project().index, module);
        let read = asked::calls(subject.project(), module);
        wanted.extend(
            helped
                .chain(read)
                .filter(|(name, _)| !module.guards.contains(name))
                .map(|(name, line)| {
                    let at_top = at_top(module, &name);
                    (name, module.place(line), at_top)
                }),
        );
    }
    wanted.retain(|(name, ..)| !GIVEN.contains(&name.to_uppercase().as_str()));
    wanted.sort_by(|a, b| (&a.0, !a.2, &a.1).cmp(&(&b.0, !b.2, &b.1)));
    wanted.dedup_by(|a, b| a.0 == b.0);
    wanted.sort_by(|a, b| a.1.cmp(&b.1));
    wanted
}

fn finding((name, place, at_start): (String, Place, bool)) -> Finding {
    let (when, severity) = if at_start {
        ("without it the app does not start", Severity::Error)
    } else {
        ("without it the code fails there", Severity::Warning)
    };
    let what = format!("`{name}` is read from the environment and set nowhere: {when}");
    Finding::new(&CHECK, place, what, format!("`ship env set {name}=…`")).severity(severity)
}

/// `os.environ["X"]`
fn items(subject: &Subject<'_>, module: &Module) -> Vec<(String, Place, bool)> {
    let view = View::of(module);
    let items = module.items.iter().filter_map(|(item, line)| {
        let Expr::Item(of, name) = item else {
            return None;
        };
        let of = subject.project().index.outside(&view, of)?;
        let name = name.text().filter(|_| of == "os.environ")?;
        let optional =
            module.guards.iter().any(|guard| guard == name) || is_asked_for(subject, name);
        (!optional).then(|| (name.to_owned(), module.place(*line), at_top(module, name)))
    });
    items.collect()
}

/// Whether the code looks first if it is there: `os.getenv("X")`.
fn is_asked_for(subject: &Subject<'_>, name: &str) -> bool {
    let asks = |call: &Call| {
        let function = call.function.dotted().unwrap_or_default();
        let asks = function.ends_with("environ.get") || function.ends_with("getenv");
        asks && call.arguments.first().and_then(Expr::text) == Some(name)
    };
    subject
        .modules_with(&[name])
        .any(|module| module.calls.iter().any(|(call, _)| asks(call)))
}

/// Whether the name stands in what runs when the module is imported.
fn at_top(module: &Module, name: &str) -> bool {
    let bindings = module.top.bindings.iter().map(|binding| &binding.value);
    let classes = module
        .top
        .classes
        .iter()
        .flat_map(|c| &c.bindings)
        .map(|b| &b.value);
    let calls = module.top.calls.iter().flat_map(|(call, _)| call.values());
    bindings
        .chain(classes)
        .chain(calls)
        .any(|expr| mentions(expr, name))
}

fn mentions(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Text(text) => text == name,
        Expr::Attribute(of, _) => mentions(of, name),
        Expr::Call(call) => {
            mentions(&call.function, name) || call.values().any(|e| mentions(e, name))
        }
        Expr::List(items) | Expr::Joined(items) | Expr::OneOf(items) => {
            items.iter().any(|item| mentions(item, name))
        }
        Expr::Dict(items) => items
            .iter()
            .any(|(k, v)| mentions(k, name) || mentions(v, name)),
        Expr::Slash(a, b) | Expr::Plus(a, b) | Expr::Item(a, b) => {
            mentions(a, name) || mentions(b, name)
        }
        Expr::Number(_) | Expr::Truth(_) | Expr::Nothing | Expr::Name(_) | Expr::Other => false,
    }
}
