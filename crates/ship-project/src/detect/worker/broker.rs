//! Which setting holds the address that a worker talks to: what the code reads from its environment.

use super::Search;
use crate::plan::{Place, Sourced};
use crate::python::expr::{Call, Expr};
use crate::python::index::{Target, View};
use crate::python::module::Module;

/// Words of which one stands where a setting is read: four names of readers, and `os.getenv`.
const READERS: [&str; 5] = ["env", "config", "environ", "settings_env", "getenv"];

impl<'a> Search<'a> {
    /// The setting that the code reads an address from, the first of `wanted` that fits: a part of
    /// its name, such as `BROKER`.
    pub(super) fn variable(&self, wanted: &[&str]) -> Option<Sourced<String>> {
        let modules = self.modules_with(&READERS);
        let mut reads: Vec<(String, Place)> = modules.flat_map(read_by).collect();
        reads.sort_by(|a, b| a.1.cmp(&b.1));
        let is_address = |name: &str| {
            let rest = [
                "PASSWORD", "PORT", "_DB", "USER", "SSL", "TTL", "TIMEOUT", "POOL",
            ];
            !rest.iter().any(|part| name.contains(part))
        };
        wanted.iter().find_map(|part| {
            let fits = |(name, _): &&(String, Place)| name.contains(part) && is_address(name);
            let (name, place) = reads.iter().find(fits)?;
            Some(Sourced::from(name.clone(), place.clone()))
        })
    }

    /// The setting that `expr` reads, if it reads one.
    pub(super) fn variable_in(
        &self,
        view: &View<'a>,
        expr: &Expr,
        left: usize,
    ) -> Option<Sourced<String>> {
        let left = left.checked_sub(1)?;
        let inside = |expr: &Expr| self.variable_in(view, expr, left);
        match expr {
            Expr::Call(call) => match read_of(call) {
                Some(name) => {
                    let place = place_of(view.module, &name);
                    Some(Sourced::from(name, place))
                }
                None => call.values().find_map(inside),
            },
            Expr::Item(of, key) => {
                let name = key.text().filter(|_| is_environment(of))?;
                Some(Sourced::from(name.to_owned(), place_of(view.module, name)))
            }
            Expr::OneOf(options) | Expr::List(options) | Expr::Joined(options) => {
                options.iter().find_map(inside)
            }
            Expr::Dict(items) => items.iter().find_map(|(_, value)| inside(value)),
            Expr::Plus(a, b) => inside(a).or_else(|| inside(b)),
            Expr::Name(name) => {
                let mut inner = view.inner.iter().rev();
                if let Some(local) = inner.find_map(|scope| scope.binding(name)) {
                    return inside(&local.value);
                }
                self.bound(view, expr, left)
            }
            Expr::Attribute(..) => self.bound(view, expr, left),
            _ => None,
        }
    }

    fn bound(&self, view: &View<'a>, expr: &Expr, left: usize) -> Option<Sourced<String>> {
        let Target::Inside(module, names) = self.project.index.resolve(view, expr)? else {
            return None;
        };
        let value = match names.as_slice() {
            [name] => &module.top.binding(name)?.value,
            [class, name] => {
                let class = module.top.class(class)?;
                let binding = class.bindings.iter().rev().find(|b| &b.name == name)?;
                &binding.value
            }
            _ => return None,
        };
        self.variable_in(&View::of(module), value, left)
    }
}

/// Every setting that a module reads from its environment.
fn read_by(module: &Module) -> Vec<(String, Place)> {
    let calls = module
        .calls
        .iter()
        .filter_map(|(call, line)| Some((read_of(call)?, module.place(*line))));
    let items = module.items.iter().filter_map(|(expr, line)| {
        let Expr::Item(of, key) = expr else {
            return None;
        };
        let name = key.text().filter(|_| is_environment(of))?;
        Some((name.to_owned(), module.place(*line)))
    });
    calls.chain(items).collect()
}

/// The setting that a call reads: `os.environ.get("X")`, `os.getenv("X")`, `env("X")`,
/// `env.str("X")`, `config("X")`.
fn read_of(call: &Call) -> Option<String> {
    let function = call.function.dotted()?;
    let is_plain = function.ends_with("environ.get") || function.ends_with("getenv");
    let first = function.split('.').next().unwrap_or_default();
    let is_library = READERS[..4].contains(&first)
        && !function.ends_with(".update")
        && !function.ends_with(".from_object");
    let name = call.arguments.first()?.text()?;
    let is_setting = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    ((is_plain || is_library) && is_setting).then(|| name.to_owned())
}

/// `os.environ`, or django-environ's `env`.
fn is_environment(expr: &Expr) -> bool {
    let dotted = expr.dotted().unwrap_or_default();
    dotted == "environ" || dotted == "os.environ" || dotted == "env"
}

/// The line in which a module reads a setting.
fn place_of(module: &Module, name: &str) -> Place {
    let found = read_by(module).into_iter().find(|(read, _)| read == name);
    found.map_or_else(|| Place::file(&module.file), |(_, place)| place)
}
