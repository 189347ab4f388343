//! Settings that frameworks do without only until they are needed: a key to sign with, the address of
//! a database. Where the code gives them what `os.getenv("X")` says, `X` has to be there.

use crate::detect::asked::helper;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Index, View};
use crate::python::module::{Binding, Module};

/// Names of which one stands in every module that has such a setting.
pub(crate) const WORDS: [&str; 4] = [
    "SECRET_KEY",
    "secret_key",
    "SQLALCHEMY_DATABASE_URI",
    "DATABASES",
];

/// Fields of a database of Django that have no useful default, but for SQLite. A port has one, and
/// so has a password where the system vouches for its users.
const FIELDS: [&str; 3] = ["NAME", "USER", "HOST"];

/// The variables that such settings of `module` are read from, without a default, each with its line;
/// below a condition that does not hold unless a variable is there, only where `is_set` tells so.
pub(crate) fn settings(
    index: &Index,
    module: &Module,
    is_set: &dyn Fn(&str) -> bool,
) -> Vec<(String, u32)> {
    let reading = Reading {
        index,
        module,
        view: View::of(module),
    };
    let mut bindings = bindings(module);
    bindings.retain(|binding| {
        let asks = binding.asleep.as_ref();
        asks.is_none_or(|asks| asks.iter().any(|name| is_set(name)))
    });
    let databases = bindings.iter().filter(|own| own.name == "DATABASES");
    let is_single = databases.count() == 0;
    let read = bindings.iter().flat_map(|binding| {
        let name = binding.name.as_str();
        match name {
            "DATABASES" => reading.databases(&binding.value),
            "DATABASES[default]" if is_single => reading.database(&binding.value),
            _ if is_demanded(name) => reading.variable(&binding.value).into_iter().collect(),
            _ => Vec::new(),
        }
    });
    read.filter(|(name, _)| !module.guards.contains(name))
        .collect()
}

/// `SECRET_KEY = …`, `app.secret_key = …`, `app.config["SECRET_KEY"] = …`
fn is_demanded(name: &str) -> bool {
    const WHOLE: [&str; 2] = ["SECRET_KEY", "SQLALCHEMY_DATABASE_URI"];
    let item = name
        .strip_suffix(']')
        .and_then(|name| name.rsplit_once('['));
    WHOLE.contains(&item.map_or(name, |(_, item)| item)) || name.ends_with(".secret_key")
}

/// At every depth, in functions and in classes that are no configuration for tests or development.
fn bindings(module: &Module) -> Vec<&Binding> {
    let is_for_all = |name: &str| {
        let name = name.to_lowercase();
        !name.contains("test") && !name.contains("dev")
    };
    let scopes = module.scopes().into_iter();
    scopes
        .flat_map(|scope| {
            let classes = scope.classes.iter().filter(|class| is_for_all(&class.name));
            scope
                .bindings
                .iter()
                .chain(classes.flat_map(|class| &class.bindings))
        })
        .collect()
}

struct Reading<'a> {
    index: &'a Index,
    module: &'a Module,
    view: View<'a>,
}

impl Reading<'_> {
    fn function(&self, call: &Call) -> Option<String> {
        self.index.outside(&self.view, &call.function)
    }

    /// Expressions have no lines; the calls of a module do.
    fn line(&self, call: &Call) -> u32 {
        let same = self.module.calls.iter().find(|(own, _)| own == call);
        same.map_or(0, |(_, line)| *line)
    }

    /// `X` of `os.getenv("X")`, and of `env("X")` where the project has a function for it.
    fn variable(&self, value: &Expr) -> Option<(String, u32)> {
        let call = value.call()?;
        if let Some(read) = helper::read(self.index, &self.view, call) {
            return Some((read.name, self.line(call)));
        }
        let function = self.function(call)?;
        let reads = function == "os.getenv" || function == "os.environ.get";
        let is_alone = call.arguments.len() == 1 && call.keywords.is_empty();
        let name = call.arguments.first()?.text()?;
        (reads && is_alone).then(|| (name.to_owned(), self.line(call)))
    }

    fn databases(&self, value: &Expr) -> Vec<(String, u32)> {
        value
            .item("default")
            .map(|database| self.database(database))
            .unwrap_or_default()
    }

    /// A database of Django: a call of dj-database-url, or a dictionary.
    fn database(&self, value: &Expr) -> Vec<(String, u32)> {
        if let Some(call) = value.call() {
            return self.by_url(call).into_iter().collect();
        }
        let engine = value.item("ENGINE").and_then(Expr::text);
        if engine.is_none_or(|engine| engine.contains("sqlite")) {
            return Vec::new();
        }
        let fields = FIELDS.iter().filter_map(|field| value.item(field));
        fields.filter_map(|value| self.variable(value)).collect()
    }

    /// `dj_database_url.config()`: <https://github.com/jazzband/dj-database-url>.
    fn by_url(&self, call: &Call) -> Option<(String, u32)> {
        const VARIABLE: &str = "DATABASE_URL";
        if self.function(call)? != "dj_database_url.config" || call.argument(1, "default").is_some()
        {
            return None;
        }
        let name = match call.argument(0, "env") {
            Some(name) => name.text()?,
            None => VARIABLE,
        };
        Some((name.to_owned(), self.line(call)))
    }
}
