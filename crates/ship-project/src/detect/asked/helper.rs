//! Small functions of a project that read a setting for the rest of it:
//! `def env(name): return os.environ[name]`, with whatever words they have for one that is missing.

use crate::python::expr::{Call, Expr};
use crate::python::index::{Index, Target, View};
use crate::python::module::{Function, Module};

/// Functions that give a setting, or a default in its place.
const GETTERS: [&str; 2] = ["os.getenv", "os.environ.get"];
/// How many calls stand around the one that reads: `int(os.environ[name].strip())`.
const DEPTH: usize = 4;

/// A setting that is read through such a function, without a default.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) name: String,
    /// The function fails where the setting is missing; else it gives nothing.
    pub(crate) fails: bool,
}

/// What `call` reads, where it calls such a function.
pub(crate) fn read(index: &Index, view: &View<'_>, call: &Call) -> Option<Read> {
    let Target::Inside(module, names) = index.resolve(view, &call.function)? else {
        return None;
    };
    let [name] = names.as_slice() else {
        return None;
    };
    if let Some(function) = module.top.function(name) {
        return Helper::of(index, module, function)?.called(call);
    }
    // `env = os.environ.get`
    let binding = module.top.binding(name)?;
    is_getter(index, &View::of(module), &binding.value).then_some(())?;
    let is_alone = call.arguments.len() == 1 && call.keywords.is_empty();
    let name = call.arguments.first()?.text().filter(|_| is_alone)?;
    Some(Read {
        name: name.to_owned(),
        fails: false,
    })
}

/// Whether `call` calls a function of the project.
pub(crate) fn is_own(index: &Index, view: &View<'_>, call: &Call) -> bool {
    let own = |name: &String, module: &Module| module.top.function(name).is_some();
    matches!(
        index.resolve(view, &call.function),
        Some(Target::Inside(module, names)) if names.first().is_some_and(|name| own(name, module))
    )
}

/// Every setting that `module` reads through a function that fails without it, with its line.
pub(crate) fn demanded<'a>(
    index: &'a Index,
    module: &'a Module,
) -> impl Iterator<Item = (String, u32)> + use<'a> {
    let view = View::of(module);
    module.calls.iter().filter_map(move |(call, line)| {
        let has_name = call.values().any(|value| value.text().is_some());
        let read = has_name.then(|| read(index, &view, call))??;
        read.fails.then_some((read.name, *line))
    })
}

/// The names of such functions at the top of `module`.
pub(crate) fn names<'a>(index: &'a Index, module: &'a Module) -> impl Iterator<Item = &'a str> {
    let functions = module.top.functions.iter();
    let functions = functions.filter(|function| Helper::of(index, module, function).is_some());
    let view = View::of(module);
    let bindings = module.top.bindings.iter();
    let bindings = bindings.filter(move |binding| is_getter(index, &view, &binding.value));
    functions
        .map(|function| function.name.as_str())
        .chain(bindings.map(|binding| binding.name.as_str()))
}

fn is_getter(index: &Index, view: &View<'_>, expr: &Expr) -> bool {
    let name = index.outside(view, expr);
    name.is_some_and(|name| GETTERS.contains(&name.as_str()))
}

/// Such a function.
struct Helper<'a> {
    function: &'a Function,
    /// Which parameter is the setting's name.
    name: usize,
    /// Which is what it gives where the setting is missing.
    default: Option<usize>,
    fails: bool,
}

/// A place in such a function that looks into the environment.
struct Look<'a> {
    name: &'a str,
    default: Option<&'a Expr>,
    fails: bool,
}

impl<'a> Helper<'a> {
    /// `None` where the function is none, or has a default of its own.
    fn of(index: &Index, module: &'a Module, function: &'a Function) -> Option<Self> {
        let body = &function.body;
        let view = View::of(module).within(function);
        let bound = body.bindings.iter().map(|binding| &binding.value);
        let looks = body.returns.iter().chain(bound);
        let looks: Vec<Look<'a>> = looks
            .filter_map(|expr| look(index, &view, expr, DEPTH))
            .collect();
        let position = |name: &str| function.parameters.iter().position(|own| own == name);
        let mut name = None;
        let mut default = None;
        for look in &looks {
            let named = position(look.name)?;
            if *name.get_or_insert(named) != named {
                return None;
            }
            if let Some(expr) = look.default.filter(|expr| !is_nothing(expr)) {
                default = Some(position(expr.name()?)?);
            }
        }
        let name = name?;
        let mut gives_nothing = false;
        for value in &body.returns {
            match value {
                // `return default`, where the setting is missing.
                Expr::Name(other) => default = default.or(position(other)),
                Expr::Text(_) | Expr::Number(_) | Expr::Truth(_) if !is_nothing(value) => {
                    return None;
                }
                other => gives_nothing |= is_nothing(other),
            }
        }
        let default = default.filter(|default| *default != name);
        Some(Self {
            function,
            name,
            default,
            fails: !gives_nothing && (body.raises || looks.iter().any(|look| look.fails)),
        })
    }

    fn called(&self, call: &Call) -> Option<Read> {
        let parameter = |at: usize| call.argument(at, &self.function.parameters[at]);
        let name = parameter(self.name)?.text()?.to_owned();
        let default = self.default.and_then(|at| {
            let first = self.function.parameters.len() - self.function.defaults.len();
            parameter(at).or_else(|| self.function.defaults.get(at.checked_sub(first)?))
        });
        default.is_none_or(is_nothing).then_some(Read {
            name,
            fails: self.fails,
        })
    }
}

/// `os.environ[name]`, `os.getenv(name, default)`, `os.environ.get(name) or default`, also within
/// calls that make something of it.
fn look<'a>(index: &Index, view: &View<'_>, expr: &'a Expr, left: usize) -> Option<Look<'a>> {
    let left = left.checked_sub(1)?;
    match expr {
        Expr::Item(of, name) => {
            let of = index.outside(view, of)?;
            (of == "os.environ").then_some(Look {
                name: name.name()?,
                default: None,
                fails: true,
            })
        }
        Expr::OneOf(options) => {
            let (first, rest) = options.split_first()?;
            let look = look(index, view, first, left)?;
            Some(Look {
                default: rest.first().or(look.default),
                fails: false,
                ..look
            })
        }
        Expr::Call(call) if is_getter(index, view, &call.function) => Some(Look {
            name: call.arguments.first()?.name()?,
            default: call.argument(1, "default"),
            fails: false,
        }),
        Expr::Call(call) => {
            let of = match &call.function {
                Expr::Attribute(of, _) => look(index, view, of, left),
                _ => None,
            };
            of.or_else(|| look(index, view, call.arguments.first()?, left))
        }
        _ => None,
    }
}

/// What is as good as no value: `None`, `""`.
fn is_nothing(expr: &Expr) -> bool {
    match expr {
        Expr::Nothing => true,
        Expr::Text(text) => text.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What `SECRET_KEY = env("SECRET_KEY")` reads after `helper`: nothing, or whether it fails.
    fn fails(helper: &str) -> Option<bool> {
        with(helper, "env('SECRET_KEY')")
    }

    fn with(helper: &str, call: &str) -> Option<bool> {
        let text = format!("import os\n{helper}\nSECRET_KEY = {call}\n");
        let module = Module::read(Path::new("settings.py"), &text);
        assert!(module.mistake.is_none(), "{text}");
        let index = Index::default();
        let call = module.top.binding("SECRET_KEY").unwrap().value.call()?;
        let read = read(&index, &View::of(&module), call)?;
        assert_eq!(read.name, "SECRET_KEY");
        Some(read.fails)
    }

    #[test]
    fn a_function_that_fails_without_the_setting_demands_it() {
        for helper in [
            "def env(name):\n    return os.environ[name]",
            "def env(name):\n    return str(os.environ[name]).strip()",
            // Two Scoops of Django.
            "def env(name):\n    try:\n        return os.environ[name]\n    except KeyError:\n        raise LookupError(f'Set {name}')",
            "def env(name):\n    value = os.environ.get(name)\n    if not value:\n        raise LookupError(name)\n    return value",
            "def env(name, default=None):\n    try:\n        return os.environ[name]\n    except KeyError:\n        if default is not None:\n            return default\n        raise",
            "def env(name, default=None):\n    value = os.getenv(name, default)\n    if value is None:\n        raise LookupError(name)\n    return int(value)",
        ] {
            assert_eq!(fails(helper), Some(true), "{helper}");
        }
    }

    #[test]
    fn a_function_that_gives_nothing_without_the_setting_reads_it() {
        for helper in [
            "env = os.environ.get",
            "def env(name):\n    return os.getenv(name)",
            "def env(name, default=''):\n    return os.environ.get(name, default)",
            "def env(name, default=None):\n    return os.environ.get(name) or default",
            "def env(name):\n    try:\n        return os.environ[name]\n    except KeyError:\n        return None",
        ] {
            assert_eq!(fails(helper), Some(false), "{helper}");
        }
    }

    #[test]
    fn what_has_a_default_asks_for_nothing() {
        for helper in [
            "env = str",
            "def env(name):\n    return name.lower()",
            "def env(name):\n    return os.environ['OTHER']",
            "def env(name):\n    return os.environ.get(name, 'dev')",
            "def env(name, default='dev'):\n    return os.environ.get(name, default)",
            "def env(name):\n    try:\n        return os.environ[name]\n    except KeyError:\n        return 'dev'",
        ] {
            assert_eq!(fails(helper), None, "{helper}");
        }
        let helper = "def env(name, default=None):\n    return os.environ.get(name, default)";
        for call in [
            "env('SECRET_KEY', 'dev')",
            "env('SECRET_KEY', default='dev')",
            "env(NAME)",
        ] {
            assert_eq!(with(helper, call), None, "{call}");
        }
        assert_eq!(with(helper, "env(name='SECRET_KEY')"), Some(false));
    }
}
