//! Django's settings as far as their syntax tree tells. The build asks Django itself and corrects.

mod taken;

use std::path::PathBuf;

use crate::detect::asked::{self, demanded, helper};
use crate::plan::Place;
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::View;
use crate::python::module::{Binding, Module};
use crate::python::paths::{Texts, is_setting};

use self::taken::{Assigned, Taken};

/// How deep one list leads to another.
const DEPTH: usize = 6;

/// A settings module with all that it takes in.
pub(crate) struct Settings<'a> {
    texts: Texts<'a>,
    modules: Vec<&'a Module>,
    /// First those that do not count, each in the order in which they run.
    assigned: Vec<Assigned<'a>>,
}

impl<'a> Settings<'a> {
    /// Reads `module` as it runs where the variables that `is_set` tells are there; what is said in
    /// the class `configuration` counts as well, where that is named.
    pub(crate) fn read(
        project: &'a Project,
        module: &'a Module,
        folder: &'a std::path::Path,
        configuration: Option<&str>,
        is_set: &dyn Fn(&str) -> bool,
    ) -> Self {
        let mut taken = Taken::new(project, folder, is_set);
        taken.module(module);
        if let Some(class) = configuration {
            taken.class(module, class);
        }
        let Taken {
            modules,
            mut assigned,
            ..
        } = taken;
        assigned.sort_by_key(|own| !own.is_asleep);
        Self {
            texts: Texts {
                index: &project.index,
                folder,
            },
            modules,
            assigned,
        }
    }

    /// All assignments to `name`, the one that counts last.
    fn bindings(&self, name: &str) -> impl Iterator<Item = (&'a Module, &'a Binding)> {
        let own = self.assigned.iter();
        own.filter(move |own| own.binding.name == name)
            .map(|own| (own.module, own.binding))
    }

    /// Those of [`Settings::bindings`] that do not count, for lack of a setting.
    pub(crate) fn asleep(&self, name: &str) -> impl Iterator<Item = &'a Binding> {
        let own = self.assigned.iter();
        own.filter(move |own| own.is_asleep && own.binding.name == name)
            .map(|own| own.binding)
    }

    /// Names are looked up in all modules: files that are included share their names.
    fn view(&self, module: &'a Module) -> View<'a> {
        let others = self.modules.iter().copied();
        View {
            beside: others.filter(|other| other.file != module.file).collect(),
            ..View::of(module)
        }
    }

    /// Whether `file` is one of those that are read.
    pub(crate) fn reads(&self, file: &std::path::Path) -> bool {
        self.modules.iter().any(|own| own.file == file)
    }

    /// The assignment to `name` that counts.
    pub(crate) fn last(&self, name: &str) -> Option<(&'a Module, &'a Binding)> {
        self.bindings(name).last()
    }

    /// Where `name` is set.
    pub(crate) fn place(&self, name: &str) -> Option<Place> {
        let (module, binding) = self.bindings(name).last()?;
        Some(module.place(binding.line))
    }

    /// The text of a setting, with its place.
    pub(crate) fn text(&self, name: &str) -> Option<(String, Place)> {
        let bindings: Vec<_> = self.bindings(name).collect();
        bindings.into_iter().rev().find_map(|(module, binding)| {
            let text = self.texts.text(&self.view(module), &binding.value)?;
            Some((text, module.place(binding.line)))
        })
    }

    /// The path of a setting, relative to the project, where it lies below.
    pub(crate) fn path(&self, name: &str) -> Option<(PathBuf, Place)> {
        let (text, place) = self.text(name)?;
        Some((self.texts.inside(&text)?, place))
    }

    /// Whether the setting is literally `True`.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        let last = self.bindings(name).last();
        last.is_some_and(|(_, binding)| binding.value == Expr::Truth(true))
    }

    /// The texts of a list, when it is a literal that nothing is added to.
    pub(crate) fn literal_list(&self, name: &str) -> Option<(Vec<String>, Place)> {
        if self.calls_on(name).next().is_some() {
            return None;
        }
        let mut bindings = self.bindings(name);
        let (module, binding) = bindings.next()?;
        let Expr::List(items) = &binding.value else {
            return None;
        };
        let texts: Option<Vec<String>> =
            items.iter().map(|i| i.text().map(str::to_owned)).collect();
        bindings
            .next()
            .is_none()
            .then_some((texts?, module.place(binding.line)))
    }

    /// Every text that may end up in a list, by whatever assignment, sum or `append`.
    pub(crate) fn list(&self, name: &str) -> Vec<&'a str> {
        let mut texts = Vec::new();
        self.list_into(name, DEPTH, &mut texts);
        texts
    }

    fn list_into(&self, name: &str, left: usize, texts: &mut Vec<&'a str>) {
        let Some(left) = left.checked_sub(1) else {
            return;
        };
        for (_, binding) in self.bindings(name) {
            self.texts_of(&binding.value, name, left, texts);
        }
        for value in self.calls_on(name).flat_map(Call::values) {
            self.texts_of(value, name, left, texts);
        }
    }

    /// `NAME.append(…)` and the like.
    fn calls_on(&self, name: &str) -> impl Iterator<Item = &'a Call> {
        let calls = self.modules.iter().flat_map(|module| &module.top.calls);
        calls.map(|(call, _)| call).filter(move |call| {
            let function = call.function.dotted();
            function.is_some_and(|f| f.split('.').next() == Some(name))
        })
    }

    fn texts_of(&self, expr: &'a Expr, own: &str, left: usize, texts: &mut Vec<&'a str>) {
        match expr {
            Expr::Text(text) => texts.push(text),
            Expr::List(items) | Expr::OneOf(items) => {
                for item in items {
                    self.texts_of(item, own, left, texts);
                }
            }
            Expr::Plus(a, b) => {
                self.texts_of(a, own, left, texts);
                self.texts_of(b, own, left, texts);
            }
            Expr::Name(name) if name != own => self.list_into(name, left, texts),
            _ => {}
        }
    }

    /// Whether any database is configured at all.
    pub(crate) fn has_databases(&self) -> bool {
        let whole = self
            .bindings("DATABASES")
            .any(|(_, b)| !matches!(&b.value, Expr::Dict(d) if d.is_empty()));
        whole || self.bindings("DATABASES[default]").next().is_some()
    }

    /// Paths of SQLite files below the project, each with its place.
    pub(crate) fn sqlite_files(&self) -> Vec<(PathBuf, Place)> {
        let whole = self.bindings("DATABASES").flat_map(|(module, binding)| {
            let items = match &binding.value {
                Expr::Dict(items) => items.as_slice(),
                _ => &[],
            };
            items
                .iter()
                .map(move |(_, database)| (module, binding, database))
        });
        let single = self
            .bindings("DATABASES[default]")
            .map(|(module, binding)| (module, binding, &binding.value));
        whole
            .chain(single)
            .filter_map(|(module, binding, database)| {
                let engine = database.item("ENGINE")?;
                let engine = self.texts.text(&self.view(module), engine)?;
                let name = database
                    .item("NAME")
                    .filter(|_| engine.contains("sqlite"))?;
                let path = self.texts.text(&self.view(module), name)?;
                Some((self.texts.inside(&path)?, module.place(binding.line)))
            })
            .collect()
    }

    /// Settings that must be in the environment: `os.environ["X"]`, `config("X")`, `env("X")`.
    pub(crate) fn demands(&self, is_set: &dyn Fn(&str) -> bool) -> Vec<(String, Place)> {
        let mut demands: Vec<(String, Place)> = Vec::new();
        for module in &self.modules {
            let with_defaults = scheme(module);
            let items = module
                .items
                .iter()
                .filter_map(|(item, line)| Some((demanded_item(item)?, *line)));
            let calls = module.calls.iter().filter_map(|(call, line)| {
                let function = call.function.dotted()?;
                let reads = is_setting(&function) && !function.starts_with("os.");
                // What a function of the project reads, and with which default, it says itself.
                let is_own = || helper::is_own(self.texts.index, &View::of(module), call);
                let alone = call.arguments.len() == 1 && call.keyword("default").is_none();
                let has_default =
                    || asked::has_default(self.texts.index, &self.view(module), call) == Some(true);
                let name = call.arguments.first()?.text()?;
                (reads && alone && !is_own() && !has_default()).then(|| (name.to_owned(), *line))
            });
            for (name, line) in items.chain(calls) {
                let is_new = !demands.iter().any(|(old, _)| *old == name);
                let optional = with_defaults.contains(&name) || self.is_asked_for(&name);
                if is_new && is_variable(&name) && !optional {
                    demands.push((name, module.place(line)));
                }
            }
        }
        for module in &self.modules {
            let index = self.texts.index;
            let by_helper = helper::demanded(index, module);
            for (name, line) in demanded::settings(index, module, is_set)
                .into_iter()
                .chain(by_helper)
            {
                if !demands.iter().any(|(old, _)| *old == name) {
                    demands.push((name, module.place(line)));
                }
            }
        }
        demands.extend(self.secret_values());
        demands.sort_by(|a, b| a.1.cmp(&b.1));
        demands
    }

    /// `SECRET_KEY = values.SecretValue()` of django-configurations reads `DJANGO_SECRET_KEY`.
    fn secret_values(&self) -> Vec<(String, Place)> {
        let secret = |own: &Assigned<'a>| {
            let call = own.binding.value.call()?;
            let class = self
                .texts
                .index
                .outside(&View::of(own.module), &call.function)?;
            let is_plain = call.values().next().is_none();
            (class == "configurations.values.SecretValue" && is_plain).then(|| {
                let name = format!("DJANGO_{}", own.binding.name);
                (name, own.module.place(own.binding.line))
            })
        };
        self.assigned.iter().filter_map(secret).collect()
    }

    /// Whether the settings look first if `name` is there: `"X" in os.environ`, `os.getenv("X")`.
    fn is_asked_for(&self, name: &str) -> bool {
        self.modules.iter().any(|module| {
            let asked = module.calls.iter().any(|(call, _)| {
                let function = call.function.dotted().unwrap_or_default();
                let asks = function.ends_with("environ.get") || function.ends_with("os.getenv");
                asks && call.arguments.first().and_then(Expr::text) == Some(name)
            });
            asked || module.guards.iter().any(|guard| guard == name)
        })
    }
}

/// Names with a default in `environ.Env(DEBUG=(bool, False))`.
fn scheme(module: &Module) -> Vec<String> {
    let envs = module.calls.iter().filter(|(call, _)| {
        let function = call.function.dotted().unwrap_or_default();
        function.rsplit('.').next() == Some("Env")
    });
    let keywords = envs.flat_map(|(call, _)| call.keywords.iter());
    keywords.map(|(name, _)| name.clone()).collect()
}

fn demanded_item(item: &Expr) -> Option<String> {
    let Expr::Item(of, name) = item else {
        return None;
    };
    let of = of.dotted()?;
    let reads = of == "os.environ" || of == "environ";
    reads.then(|| name.text().map(str::to_owned)).flatten()
}

/// Upper case, as settings are: `env("default")` is something else.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
