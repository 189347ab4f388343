//! Debug mode: tracebacks with settings and code for everybody who meets an error.

use std::path::Path;

use super::edit::{Edit, Fix};
use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::detect::django_settings::Settings;
use crate::plan::Place;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Index, Target, View};
use crate::python::module::{Binding, Class, Module};

pub(super) const CHECK: Check = Check {
    id: "debug",
    severity: Severity::Error,
    title: "debug mode is off",
    why: "With debug mode on, whoever causes an error sees code, settings and local variables; Django also keeps every SQL query in memory. What is seen: Django's `DEBUG` in the settings that serve visitors, as it is while the variables that it asks for are not set (`\"RENDER\" not in os.environ` is on); `app.debug` and `DEBUG` of Flask's configuration, whether it is set as an item, by `update`, `from_mapping`, or in what `from_object` names; `debug=True` of FastAPI, Starlette and Litestar, and `DEBUG` or `FLASK_DEBUG` in `.env`. `app.run(debug=True)` below `if __name__ == \"__main__\":` does no harm: that line does not run here.",
    remedy: "Read it from the environment, off by default: `DEBUG = os.environ.get(\"DEBUG\") == \"1\"`. While you develop: `DEBUG=1 python manage.py runserver`.",
    fix: Some(
        "Replaces a line `DEBUG = True` of Django's settings by a look into the environment; only where it stands alone at the start of a line, once.",
    ),
    look,
};

/// How many bases of a class are followed.
const FOLLOWED: usize = 4;

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
        Some(settings) => findings.extend(django(subject, &settings)),
        None => findings.extend(
            subject
                .modules_with(&["debug", "DEBUG", "from_object"])
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

fn django(subject: &Subject<'_>, settings: &Settings<'_>) -> Option<Finding> {
    let (module, binding) = settings.last("DEBUG")?;
    let place = module.place(binding.line);
    let Some(value) = on(&binding.value) else {
        return computed(subject, module, binding);
    };
    // Switched off below a condition that does not hold.
    let off = settings.asleep("DEBUG").find(|other| {
        let unset = other.unset.as_ref();
        unset.is_some_and(|unset| !unset.is_true())
    });
    if let Some(asks) = off.and_then(|off| off.asleep.as_ref())
        && let Some(name) = asks.first()
    {
        return asked(subject, asks, name, place);
    }
    let what = format!("`DEBUG = {value}`: visitors see code and settings when something fails");
    let is_local = module.stem().contains("local");
    let remedy = if is_local {
        let shown = module.file.display();
        format!("keep it out of releases, `echo {shown} >> .shipignore`, or {REMEDY}")
    } else {
        REMEDY.to_owned()
    };
    let fix = rewrite(subject, module, binding).filter(|_| !is_local);
    Some(Finding::new(&CHECK, place, what, remedy).fixed_by(fix))
}

/// `True` or a number, where that is on.
fn on(value: &Expr) -> Option<String> {
    match value {
        Expr::Truth(true) => Some("True".to_owned()),
        Expr::Number(number) if *number != 0 => Some(number.to_string()),
        _ => None,
    }
}

/// What is on while nobody sets the variables that it asks for.
fn computed(subject: &Subject<'_>, module: &Module, binding: &Binding) -> Option<Finding> {
    let unset = binding.unset.as_ref().filter(|unset| unset.is_true())?;
    let name = unset.asks.first()?;
    let place = module.place(binding.line);
    if unset.is_no_in_words() {
        let what = format!(
            "`DEBUG` is a text here, and every text is true: debug mode is on, whatever `{name}` says"
        );
        return Some(Finding::new(&CHECK, place, what, REMEDY));
    }
    asked(subject, &unset.asks, name, place)
}

/// Debug mode that is on unless one of `asks` is set.
fn asked(subject: &Subject<'_>, asks: &[String], name: &str, place: Place) -> Option<Finding> {
    if asks.iter().any(|name| subject.is_set(name)) {
        return None;
    }
    let what = format!("debug mode is on unless `{name}` turns it off, and nobody sets it");
    let value = if name.contains("DEBUG") { "0" } else { "…" };
    let remedy = format!("make off the default, or `ship env set {name}={value}`");
    Some(Finding::new(&CHECK, place, what, remedy))
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
        is_debug && binding.value == Expr::Truth(true) && binding.asleep.is_none()
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
    let calls = module.calls.iter();
    let configured = calls.filter_map(|(call, line)| configured(subject, module, call, *line));
    set.chain(made).chain(configured).collect()
}

/// `app.config.from_object(DevConfig)`, `app.config.update(DEBUG=True)`:
/// <https://flask.palletsprojects.com/en/stable/config/>
fn configured(subject: &Subject<'_>, module: &Module, call: &Call, line: u32) -> Option<Finding> {
    let Expr::Attribute(of, method) = &call.function else {
        return None;
    };
    let is_config =
        matches!(&**of, Expr::Attribute(_, name) | Expr::Name(name) if name == "config");
    let place = match method.as_str() {
        _ if !is_config => return None,
        "update" | "from_mapping" => {
            let dict = call.arguments.first();
            let item = dict.and_then(|dict| dict.item("DEBUG"));
            let value = call.keyword("DEBUG").or(item)?;
            (*value == Expr::Truth(true)).then(|| module.place(line))?
        }
        "from_object" => of_object(subject, module, call.arguments.first()?)?,
        _ => return None,
    };
    let what = "`DEBUG = True` in the configuration of Flask: errors end in a traceback";
    let remedy = "read it from the environment, off by default";
    Some(Finding::new(&CHECK, place, what, remedy))
}

/// Where a class or a module of configuration, or what `"config.DevConfig"` names, turns it on.
fn of_object(subject: &Subject<'_>, module: &Module, object: &Expr) -> Option<Place> {
    let index = &subject.project().index;
    if let Some(text) = object.text() {
        let roots = subject.roots();
        if let Some(module) = index.find(text, &roots) {
            return of_names(module, &module.top.bindings);
        }
        let (module, class) = text.rsplit_once('.')?;
        let module = index.find(module, &roots)?;
        return of_class(index, module, module.top.class(class)?, FOLLOWED);
    }
    let object = object.call().map_or(object, |call| &call.function);
    match index.resolve(&View::of(module), object)? {
        Target::Inside(module, names) => match names.as_slice() {
            [] => of_names(module, &module.top.bindings),
            [class] => of_class(index, module, module.top.class(class)?, FOLLOWED),
            _ => None,
        },
        Target::Outside(_) => None,
    }
}

/// What the class says itself counts, else what its first base says.
fn of_class(index: &Index, module: &Module, class: &Class, left: usize) -> Option<Place> {
    if class.bindings.iter().any(|binding| binding.name == "DEBUG") {
        return of_names(module, &class.bindings);
    }
    let left = left.checked_sub(1)?;
    let base = class.bases.first()?;
    let Target::Inside(module, names) = index.resolve(&View::of(module), base)? else {
        return None;
    };
    of_class(index, module, module.top.class(names.first()?)?, left)
}

fn of_names(module: &Module, bindings: &[Binding]) -> Option<Place> {
    let mut own = bindings.iter().rev();
    let last = own.find(|own| own.name == "DEBUG" && own.asleep.is_none())?;
    (last.value == Expr::Truth(true)).then(|| module.place(last.line))
}

fn shown(name: &str) -> String {
    name.replace("[DEBUG]", "[\"DEBUG\"]")
}

/// A setting that the code reads, or that Flask reads itself.
fn of_file(subject: &Subject<'_>, name: &str) -> Option<Finding> {
    let (value, place) = subject.value(name)?;
    let read = name == "FLASK_DEBUG" && subject.packages().has("flask")
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
