//! Settings that the code demands: environment variables that it reads without a default, each with
//! the line that asks for it.

pub(crate) mod demanded;
pub(crate) mod helper;

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Place, Sourced};
use crate::project::Project;
use crate::python::base_settings;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Index, Target, View};
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
const CLASSES: [&str; 7] = [
    "environ.Env",
    "environ.FileAwareEnv",
    "environs.Env",
    "environs.FileAwareEnv",
    "starlette.config.Config",
    "decouple.Config",
    "decouple.AutoConfig",
];

/// What the code of `project` demands and nothing in `known` answers, in the order of the lines.
pub(crate) fn asked(project: &Project, known: &BTreeSet<&str>) -> Vec<Sourced<String>> {
    let mut asked: BTreeMap<String, Place> = BTreeMap::new();
    for module in reading(project) {
        let reads = items(project, module)
            .chain(calls(project, module))
            .chain(base_settings::needed(&project.index, module))
            .chain(demanded::settings(&project.index, module, &|name| {
                project.gives(name)
            }))
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
pub(crate) fn calls<'a>(
    project: &'a Project,
    module: &'a Module,
) -> impl Iterator<Item = (String, u32)> + use<'a> {
    let view = View::of(module);
    module.calls.iter().filter_map(move |(call, line)| {
        let name = call.arguments.first()?.text()?;
        let has_default = has_default(&project.index, &view, call)?;
        (!has_default).then(|| (name.to_owned(), *line))
    })
}

/// Whether a call that reads a setting has a value where that is missing; `None` where it is not
/// known to read one.
pub(crate) fn has_default(index: &Index, view: &View<'_>, call: &Call) -> Option<bool> {
    let reader = reader(index, view, call)?;
    let is_given = call.arguments.len() > reader.default_at;
    Some(is_given || reader.is_in_scheme || call.keyword("default").is_some())
}

/// What reads a setting.
struct Reader {
    /// Which argument is the default, where none is named so.
    default_at: usize,
    /// An `Env(DEBUG=(bool, False))` knows a default for it.
    is_in_scheme: bool,
}

impl Reader {
    fn new(default_at: usize) -> Self {
        Self {
            default_at,
            is_in_scheme: false,
        }
    }
}

fn reader(index: &Index, view: &View<'_>, call: &Call) -> Option<Reader> {
    const METHODS: [&str; 19] = [
        "str",
        "bool",
        "int",
        "float",
        "decimal",
        "list",
        "json",
        "url",
        "db",
        "db_url",
        "cache",
        "cache_url",
        "dj_db_url",
        "email_url",
        "path",
        "dict",
        "tuple",
        "timedelta",
        "uuid",
    ];
    let by_name = index.outside(view, &call.function);
    if let Some(name) = by_name.filter(|name| READERS.contains(&name.as_str())) {
        return Some(Reader::new(default_of(&name)));
    }
    let (instance, is_method) = match &call.function {
        Expr::Attribute(of, method) if METHODS.contains(&method.as_str()) => (&**of, true),
        function => (function, false),
    };
    // `env` may be made in another module.
    let Target::Inside(module, names) = index.resolve(view, instance)? else {
        return None;
    };
    let [name] = names.as_slice() else {
        return None;
    };
    let made = module.top.binding(name)?.value.call()?;
    let class = index.outside(&View::of(module), &made.function)?;
    if !CLASSES.contains(&class.as_str()) {
        return None;
    }
    let asked = call.arguments.first().and_then(Expr::text)?;
    Some(Reader {
        default_at: if is_method { 1 } else { default_of(&class) },
        is_in_scheme: class.starts_with("environ.") && made.keyword(asked).is_some(),
    })
}

/// `env("X", str, "default")` of django-environ and Starlette, `config("X", "default")` of others.
fn default_of(name: &str) -> usize {
    let has_cast_before = name.starts_with("environ.") || name.starts_with("starlette.");
    if has_cast_before { 2 } else { 1 }
}
