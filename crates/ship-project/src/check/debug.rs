//! Debug mode: tracebacks with settings and code for everybody who meets an error.

use std::path::Path;

use super::edit::{Edit, Fix};
use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::python::expr::Expr;
use crate::python::index::View;
use crate::python::module::{Binding, Module};
use crate::python::paths::is_setting;

pub(super) const CHECK: Check = Check {
    id: "debug",
    severity: Severity::Error,
    title: "debug mode is off",
    why: "With debug mode on, whoever causes an error sees code, settings and local variables; Django also keeps every SQL query in memory. What is seen: Django's `DEBUG` in the settings that serve visitors, `app.debug` and `DEBUG` of Flask's configuration, `debug=True` of FastAPI, Starlette and Litestar, and `DEBUG` or `FLASK_DEBUG` in `.env`. `app.run(debug=True)` below `if __name__ == \"__main__\":` does no harm: that line does not run here.",
    remedy: "Read it from the environment, off by default: `DEBUG = os.environ.get(\"DEBUG\") == \"1\"`. While you develop: `DEBUG=1 python manage.py runserver`.",
    fix: Some(
        "Replaces a line `DEBUG = True` of Django's settings by a look into the environment; only where it stands alone at the start of a line, once.",
    ),
    look,
};

const REMEDY: &str =
    "read it from the environment, off by default: `DEBUG = os.environ.get(\"DEBUG\") == \"1\"`";
/// Classes whose `debug=True` shows tracebacks to visitors.
const CLASSES: [&str; 4] = [
    "fastapi.FastAPI",
    "litestar.Litestar",
    "starlette.applications.Starlette",
    "starlite.Starlite",
];

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match subject.settings() {
        Some(settings) => {
            if let Some((module, binding)) = settings.last("DEBUG") {
                findings.extend(django(subject, module, binding));
            }
        }
        None => findings.extend(
            subject
                .modules_with(&["debug", "DEBUG"])
                .flat_map(|module| objects(subject, module)),
        ),
    }
    findings.extend(
        ["DEBUG", "DJANGO_DEBUG", "FLASK_DEBUG"]
            .iter()
            .filter_map(|name| of_file(subject, name)),
    );
    findings
}

fn django(subject: &Subject<'_>, module: &Module, binding: &Binding) -> Option<Finding> {
    let place = module.place(binding.line);
    if binding.value == Expr::Truth(true) {
        let what = "`DEBUG = True`: visitors see code and settings when something fails";
        let fix = rewrite(subject, module, binding);
        return Some(Finding::new(&CHECK, place, what, REMEDY).fixed_by(fix));
    }
    let mut on_this_line = module
        .calls
        .iter()
        .filter(|(_, line)| *line == binding.line);
    let name = on_this_line.find_map(|(call, _)| {
        let reads = is_setting(&call.function.dotted()?) || is_bool(&call.function);
        let default = call.argument(1, "default").filter(|_| reads)?;
        let name = call.arguments.first()?.text()?;
        (is_on(default) && !subject.is_set(name)).then(|| name.to_owned())
    })?;
    let what = format!("debug mode is on unless `{name}` turns it off, and nobody sets it");
    let remedy = format!("make off the default, or `ship env set {name}=0`");
    Some(Finding::new(&CHECK, place, what, remedy))
}

/// `env.bool(…)`
fn is_bool(function: &Expr) -> bool {
    matches!(function, Expr::Attribute(_, name) if name == "bool")
}

fn is_on(default: &Expr) -> bool {
    match default {
        Expr::Truth(truth) => *truth,
        Expr::Number(number) => *number != 0,
        Expr::Text(text) => is_true(text),
        _ => false,
    }
}

fn is_true(text: &str) -> bool {
    ["1", "true", "yes", "on"].contains(&text.to_lowercase().as_str())
}

/// Flask's and Starlette's own ways.
fn objects(subject: &Subject<'_>, module: &Module) -> Vec<Finding> {
    let view = View::of(module);
    let bindings = module
        .scopes()
        .into_iter()
        .flat_map(|scope| &scope.bindings);
    let set = bindings.filter(|binding| {
        let attribute = binding
            .name
            .rsplit('.')
            .next()
            .filter(|last| *last != binding.name);
        let is_debug = attribute.is_some_and(|last| last == "debug" || last == "config[DEBUG]");
        is_debug && binding.value == Expr::Truth(true)
    });
    let set = set.map(|binding| {
        let what = format!(
            "`{} = True`: errors end in a traceback",
            shown(&binding.name)
        );
        Finding::new(
            &CHECK,
            module.place(binding.line),
            what,
            "read it from the environment, off by default",
        )
    });
    let made = module.calls.iter().filter(|(call, _)| {
        let class = subject
            .project()
            .index
            .outside(&view, &call.function)
            .unwrap_or_default();
        CLASSES.contains(&class.as_str()) && call.keyword("debug") == Some(&Expr::Truth(true))
    });
    let made = made.map(|(_, line)| {
        let what = "`debug=True`: visitors see code when something fails";
        Finding::new(
            &CHECK,
            module.place(*line),
            what,
            "leave it out, or read it from the environment",
        )
    });
    set.chain(made).collect()
}

fn shown(name: &str) -> String {
    name.replace("[DEBUG]", "[\"DEBUG\"]")
}

/// A setting that the code reads, or that Flask reads itself.
fn of_file(subject: &Subject<'_>, name: &str) -> Option<Finding> {
    let (value, place) = subject.value(name)?;
    let read = name == "FLASK_DEBUG" && subject.project().packages.has("flask")
        || subject
            .modules_with(&[name])
            .any(|module| module.texts.iter().any(|(text, _)| text == name));
    (read && is_true(&value)).then(|| {
        let what = format!("`{name}` is on here, and `ship up` gives `.env` to the app");
        Finding::new(
            &CHECK,
            place,
            what,
            format!("`ship env set {name}=0` overrules it"),
        )
        .severity(Severity::Warning)
    })
}

/// Only `DEBUG = True` as a line of its own, bound once in this file.
fn rewrite(subject: &Subject<'_>, module: &Module, binding: &Binding) -> Option<Fix> {
    let file: &Path = &module.file;
    let text = subject.exact(file)?;
    let once = module
        .top
        .bindings
        .iter()
        .filter(|b| b.name == "DEBUG")
        .count()
        == 1;
    let to = "DEBUG = os.environ.get(\"DEBUG\") == \"1\"";
    let change = Edit::line(file, &text, binding.line, "DEBUG = True", to).filter(|_| once)?;
    let mut edits = vec![change];
    let has_os =
        |import: &crate::python::module::Import| import.local == "os" && import.module == "os";
    if !module.top.imports.iter().any(has_os) {
        edits.insert(0, import_os(module, &text)?);
    }
    Some(Fix { edits })
}

/// `import os` before the first import of the file, where that begins its line.
fn import_os(module: &Module, text: &str) -> Option<Edit> {
    let imports = module
        .top
        .imports
        .iter()
        .filter(|import| import.module != "__future__");
    let first = imports.map(|import| import.line).min()?;
    let line = text.lines().nth(first as usize - 1)?;
    let plain = line.starts_with("import ") || line.starts_with("from ");
    plain.then(|| Edit::before(&module.file, text, first, "import os"))?
}
