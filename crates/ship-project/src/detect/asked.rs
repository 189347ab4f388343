//! Settings that the code demands: environment variables that it reads without a default, each with
//! the line that asks for it.

pub(crate) mod demanded;
pub(crate) mod helper;

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Place, Sourced};
use crate::project::Project;
use crate::python::base_settings;
use crate::python::expr::{Call, Expr};
use crate::python::index::View;
use crate::python::module::Module;
use crate::python::source::{self, Sought, Source};

/// Variables that a release has anyway.
const GIVEN: [&str; 9] = [
    "PORT",
    "HOME",
    "PATH",
    "LANG",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "WEB_CONCURRENCY",
    "FORWARDED_ALLOW_IPS",
    "DJANGO_SETTINGS_MODULE",
];

/// Functions that fail where a setting is missing and no default is given.
const READERS: [&str; 4] = [
    "decouple.config",
    "starlette.config.config",
    "os.environ.__getitem__",
    "environs.env",
];
/// Classes whose instances read settings: `env("X")`, `env.str("X")`, `config("X")`.
const CLASSES: [&str; 6] = [
    "environ.Env",
    "environ.FileAwareEnv",
    "environs.Env",
    "environs.FileAwareEnv",
    "starlette.config.Config",
    "decouple.Config",
];

/// What the code of `project` demands and nothing in `known` answers, in the order of the lines.
pub(crate) fn asked(project: &Project, known: &BTreeSet<&str>) -> Vec<Sourced<String>> {
    let mut asked: BTreeMap<String, Place> = BTreeMap::new();
    for module in reading(project) {
        let reads = items(project, module)
            .chain(calls(project, module))
            .chain(base_settings::needed(&project.index, module))
            .chain(demanded::settings(&project.index, module))
            .chain(helper::demanded(&project.index, module));
        for (name, line) in reads {
            // What is looked for before it is read may be missing.
            let guarded = module.guards.contains(&name);
            let is_ours = name.starts_with("SHIP_") || GIVEN.contains(&name.as_str());
            if is_variable(&name) && !guarded && !is_ours && !known.contains(name.as_str()) {
                asked.entry(name).or_insert_with(|| module.place(line));
            }
        }
    }
    let mut asked: Vec<(String, Place)> = asked.into_iter().collect();
    asked.sort_by(|(_, a), (_, b)| a.cmp(b));
    let sourced = |(name, place)| Sourced::from(name, place);
    asked.into_iter().map(sourced).collect()
}

/// The modules in which a setting may be read.
pub(crate) fn reading(project: &Project) -> Vec<&Module> {
    let names: Vec<&str> = READERS.iter().chain(&CLASSES).copied().collect();
    let named = Sought::new(&names, &project.index);
    let words = ["environ", "getenv", "BaseSettings"].iter();
    let words: Vec<&str> = words.chain(&demanded::WORDS).copied().collect();
    let words = project.index.words(&words);
    let seed = |source: &Source| source.says(&words) || named.may_be_in(source);
    // `env = environ.Env()`, `def env(name)`, which others import.
    let gives = |module| {
        let view = View::of(module);
        let made = |expr: &Expr| project.index.outside(&view, &expr.call()?.function);
        let bindings = module.top.bindings.iter();
        let readers = bindings.filter(|binding| {
            made(&binding.value).is_some_and(|class| CLASSES.contains(&class.as_str()))
        });
        let readers = readers.map(|binding| binding.name.as_str());
        readers
            .chain(helper::names(&project.index, module))
            .collect()
    };
    let own = project.index.own_sources().collect();
    source::reached(own, seed, gives)
}

fn is_variable(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `os.environ["X"]`
fn items<'a>(
    project: &'a Project,
    module: &'a Module,
) -> impl Iterator<Item = (String, u32)> + use<'a> {
    let view = View::of(module);
    module.items.iter().filter_map(move |(item, line)| {
        let Expr::Item(of, name) = item else {
            return None;
        };
        let name = name.text()?;
        let is_environment = project.index.outside(&view, of).as_deref() == Some("os.environ");
        is_environment.then(|| (name.to_owned(), *line))
    })
}

/// `config("X")`, `env("X")`, `env.str("X")` without a default.
fn calls<'a>(
    project: &'a Project,
    module: &'a Module,
) -> impl Iterator<Item = (String, u32)> + use<'a> {
    let view = View::of(module);
    module.calls.iter().filter_map(move |(call, line)| {
        let name = call.arguments.first()?.text()?;
        let reader = reader(project, &view, call)?;
        let has_default = call.keyword("default").is_some()
            // environs and Starlette also take it as the second or third argument.
            || call.arguments.len() > 1 && reader != Reader::Environ
            || reader == Reader::Scheme(true);
        (!has_default).then(|| (name.to_owned(), *line))
    })
}

/// What reads a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Plain,
    Environ,
    /// An `Env(DEBUG=(bool, False))` that knows defaults; whether this may be one of them.
    Scheme(bool),
}

fn reader(project: &Project, view: &View<'_>, call: &Call) -> Option<Reader> {
    const METHODS: [&str; 14] = [
        "str",
        "bool",
        "int",
        "float",
        "list",
        "json",
        "url",
        "db",
        "db_url",
        "cache",
        "cache_url",
        "path",
        "dict",
        "tuple",
    ];
    let by_name = project.index.outside(view, &call.function);
    if by_name.is_some_and(|name| READERS.contains(&name.as_str())) {
        return Some(Reader::Plain);
    }
    let instance = match &call.function {
        Expr::Attribute(of, method) if METHODS.contains(&method.as_str()) => of.name()?,
        Expr::Name(name) => name,
        _ => return None,
    };
    let made = view.module.top.binding(instance)?.value.call()?;
    let class = project.index.outside(view, &made.function)?;
    if !CLASSES.contains(&class.as_str()) {
        return None;
    }
    let name = call
        .arguments
        .first()
        .and_then(Expr::text)
        .unwrap_or_default();
    Some(match (class.starts_with("environ."), made.keyword(name)) {
        (true, Some(_)) => Reader::Scheme(true),
        (true, None) => Reader::Environ,
        _ => Reader::Plain,
    })
}
