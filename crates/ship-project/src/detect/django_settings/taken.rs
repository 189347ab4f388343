//! What a settings module takes in, in the order in which Python runs it: `from .base import *`,
//! `include("base.py")` of django-split-settings, the names of a module that is imported by its
//! name, and the class that `DJANGO_CONFIGURATION` names.

use std::path::{Path, PathBuf};

use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Target, View, plain};
use crate::python::module::{Binding, Class, Module};
use crate::python::paths::Texts;

/// How deep one leads to another.
const DEPTH: usize = 6;

/// An assignment, and whether it counts.
#[derive(Clone, Copy)]
pub(super) struct Assigned<'a> {
    pub(super) module: &'a Module,
    pub(super) binding: &'a Binding,
    /// It stands below a condition that does not hold without a setting that nobody gives, or in a
    /// file of which it is not known whether it is taken in.
    pub(super) is_asleep: bool,
}

/// The modules, each once, and their assignments in the order in which they run.
pub(super) struct Taken<'a, 's> {
    project: &'a Project,
    folder: &'a Path,
    is_set: &'s dyn Fn(&str) -> bool,
    pub(super) modules: Vec<&'a Module>,
    pub(super) assigned: Vec<Assigned<'a>>,
}

/// What stands at a line.
enum Step<'a> {
    Binding(&'a Binding),
    Module(&'a Module, bool),
}

impl<'a, 's> Taken<'a, 's> {
    pub(super) fn new(
        project: &'a Project,
        folder: &'a Path,
        is_set: &'s dyn Fn(&str) -> bool,
    ) -> Self {
        Self {
            project,
            folder,
            is_set,
            modules: Vec::new(),
            assigned: Vec::new(),
        }
    }

    /// Everything that `module` says.
    pub(super) fn module(&mut self, module: &'a Module) {
        self.run(module, DEPTH, false);
    }

    /// What the class `name` of `module` says, its bases first.
    pub(super) fn class(&mut self, module: &'a Module, name: &str) {
        if let Some(class) = module.top.class(name) {
            self.of_class(module, class, DEPTH);
        }
    }

    fn run(&mut self, module: &'a Module, left: usize, is_asleep: bool) {
        let Some(left) = left.checked_sub(1) else {
            return;
        };
        let bindings = module.top.bindings.iter();
        let mut steps: Vec<(u32, Step<'a>)> = bindings
            .map(|binding| (binding.line, Step::Binding(binding)))
            .collect();
        steps.extend(self.stars(module));
        steps.extend(self.included(module));
        steps.extend(self.by_name(module));
        steps.sort_by_key(|(line, _)| *line);
        for (_, step) in steps {
            match step {
                Step::Binding(binding) => self.assigned.push(Assigned {
                    module,
                    binding,
                    is_asleep: is_asleep || self.sleeps(binding.asleep.as_deref()),
                }),
                Step::Module(other, asleep) if other.file != module.file => {
                    self.run(other, left, is_asleep || asleep);
                }
                Step::Module(..) => {}
            }
        }
        if !self.modules.iter().any(|known| known.file == module.file) {
            self.modules.push(module);
        }
    }

    fn of_class(&mut self, module: &'a Module, class: &'a Class, left: usize) {
        let Some(left) = left.checked_sub(1) else {
            return;
        };
        // The first base counts most.
        for base in class.bases.iter().rev() {
            let index = &self.project.index;
            if let Some(Target::Inside(of, names)) = index.resolve(&View::of(module), base)
                && let Some(base) = names.first().and_then(|name| of.top.class(name))
            {
                self.of_class(of, base, left);
            }
        }
        if !self.modules.iter().any(|known| known.file == module.file) {
            self.modules.push(module);
        }
        let assigned = class.bindings.iter().map(|binding| Assigned {
            module,
            binding,
            is_asleep: self.sleeps(binding.asleep.as_deref()),
        });
        let assigned: Vec<Assigned<'a>> = assigned.collect();
        self.assigned.extend(assigned);
    }

    /// Below a condition that does not hold unless one of `asks` is set: one that is may change it.
    fn sleeps(&self, asks: Option<&[String]>) -> bool {
        asks.is_some_and(|asks| !asks.iter().any(|name| (self.is_set)(name)))
    }

    /// `from .base import *`
    fn stars(&self, module: &'a Module) -> Vec<(u32, Step<'a>)> {
        let imports = module.top.imports.iter();
        imports
            .filter(|import| import.local == "*")
            .filter_map(|import| {
                let base = self.project.index.imported_module(module, import)?;
                let asleep = self.sleeps(import.asleep.as_deref());
                Some((import.line, Step::Module(base, asleep)))
            })
            .collect()
    }

    /// `include("components/*.py", optional("local.py"))`:
    /// <https://django-split-settings.readthedocs.io>
    fn included(&self, module: &'a Module) -> Vec<(u32, Step<'a>)> {
        let view = View::of(module);
        let index = &self.project.index;
        let is_include = |call: &Call| {
            index.outside(&view, &call.function).as_deref() == Some("split_settings.tools.include")
        };
        let calls = module.top.calls.iter();
        let calls = calls.filter(|(call, _)| is_include(call));
        calls
            .flat_map(|(call, line)| {
                let files = call.arguments.iter();
                let files = files.flat_map(|file| self.patterns(&view, file, DEPTH));
                files.flat_map(|pattern| self.fitting(module, &pattern, *line))
            })
            .collect()
    }

    /// The names of files in an argument of `include`; `\u{1}` stands for what is not known.
    fn patterns(&self, view: &View<'a>, expr: &Expr, left: usize) -> Vec<String> {
        let Some(left) = left.checked_sub(1) else {
            return Vec::new();
        };
        match expr {
            Expr::List(items) => {
                let items = items.iter();
                items
                    .flat_map(|item| self.patterns(view, item, left))
                    .collect()
            }
            Expr::Call(call) => match call.arguments.first() {
                Some(file) => self.patterns(view, file, left),
                None => Vec::new(),
            },
            Expr::Name(name) => match view.module.top.binding(name) {
                Some(binding) => self.patterns(view, &binding.value, left),
                None => Vec::new(),
            },
            Expr::Plus(a, b) if matches!(**a, Expr::List(_) | Expr::Name(_)) => {
                let mut all = self.patterns(view, a, left);
                all.extend(self.patterns(view, b, left));
                all
            }
            Expr::Joined(parts) => {
                let part = |part: &Expr| self.text(view, part).unwrap_or_else(|| UNKNOWN.into());
                vec![parts.iter().map(part).collect()]
            }
            expr => self.text(view, expr).into_iter().collect(),
        }
    }

    fn text(&self, view: &View<'a>, expr: &Expr) -> Option<String> {
        if let Some(name) = self.variable(view, expr) {
            if let Some(value) = self.project.given(name) {
                return Some(value);
            }
            let defaults = view.module.top.calls.iter();
            let mut defaults = defaults.filter(|(call, _)| {
                let function = call.function.dotted().unwrap_or_default();
                let first = call.arguments.first().and_then(Expr::text);
                function.ends_with("environ.setdefault") && first == Some(name)
            });
            let set = defaults.find_map(|(call, _)| call.arguments.get(1)?.text());
            if let Some(text) = set {
                return Some(text.to_owned());
            }
        }
        if let Some(name) = expr.name() {
            let binding = view.module.top.binding(name);
            if let Some(binding) = binding.filter(|binding| binding.value != *expr) {
                return self.text(view, &binding.value);
            }
        }
        let texts = Texts {
            index: &self.project.index,
            folder: self.folder,
        };
        texts.text(view, expr)
    }

    /// The `X` of `os.environ["X"]` and `os.environ.get("X", …)`.
    fn variable<'e>(&self, view: &View<'a>, expr: &'e Expr) -> Option<&'e str> {
        let outside = |expr: &Expr| self.project.index.outside(view, expr);
        match expr {
            Expr::Item(of, name) if outside(of)? == "os.environ" => name.text(),
            Expr::Call(call) => {
                let function = outside(&call.function)?;
                let reads = function == "os.getenv" || function == "os.environ.get";
                call.arguments.first().filter(|_| reads)?.text()
            }
            _ => None,
        }
    }

    /// The files below the folder of `module` that `pattern` means.
    fn fitting(&self, module: &'a Module, pattern: &str, line: u32) -> Vec<(u32, Step<'a>)> {
        let base = module.file.parent().unwrap_or(Path::new(""));
        let is_unsure = pattern.contains(UNKNOWN);
        let whole = joined(base, &pattern.replace(UNKNOWN, "*"));
        let sources = self.project.index.sources();
        sources
            .filter(|source| fits(&source.file, &whole))
            .filter_map(|source| Some((line, Step::Module(source.module()?, is_unsure))))
            .collect()
    }

    /// `importlib.import_module("shop.settings." + STAGE)`, where the module then takes in names by
    /// `globals()` or `setattr`.
    fn by_name(&self, module: &'a Module) -> Vec<(u32, Step<'a>)> {
        let takes = |call: &Call| {
            let name = call.function.name().unwrap_or_default();
            ["globals", "vars", "locals", "setattr"].contains(&name)
        };
        if !module.calls.iter().any(|(call, _)| takes(call)) {
            return Vec::new();
        }
        let view = View::of(module);
        let roots = [self.folder.to_owned(), PathBuf::new(), PathBuf::from("src")];
        let named = |call: &Call| {
            let function = self.project.index.outside(&view, &call.function);
            let function = function.or_else(|| call.function.dotted())?;
            let imports = function == "importlib.import_module" || function == "__import__";
            let name = call.arguments.first().filter(|_| imports)?;
            let name = self.text(&view, name).or_else(|| self.sum(&view, name))?;
            if let Some(own) = name.strip_prefix('.') {
                let base = module.file.parent().unwrap_or(Path::new(""));
                return self.project.index.find(own, &[base.to_owned()]);
            }
            self.project.index.find(&name, &roots)
        };
        let calls = module.calls.iter();
        calls
            .filter_map(|(call, line)| Some((*line, Step::Module(named(call)?, false))))
            .collect()
    }

    /// A text that is put together of what is set elsewhere.
    fn sum(&self, view: &View<'a>, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Plus(a, b) => Some(self.sum(view, a)? + &self.sum(view, b)?),
            Expr::Joined(parts) => parts.iter().map(|part| self.sum(view, part)).collect(),
            expr => self.text(view, expr),
        }
    }
}

/// Stands for a part of a file's name that is not known.
const UNKNOWN: char = '\u{1}';

/// `base` and `pattern` as one path, `..` resolved.
fn joined(base: &Path, pattern: &str) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in plain(base).join(pattern).components() {
        match part {
            std::path::Component::ParentDir => drop(whole.pop()),
            std::path::Component::CurDir => {}
            part => whole.push(part),
        }
    }
    whole
}

/// Whether a path is one of those that `pattern` means: `*` is any part of one name.
fn fits(path: &Path, pattern: &Path) -> bool {
    let (mut names, mut patterns) = (path.iter(), pattern.iter());
    loop {
        match (names.next(), patterns.next()) {
            (None, None) => return true,
            (Some(name), Some(pattern)) => {
                let (Some(name), Some(pattern)) = (name.to_str(), pattern.to_str()) else {
                    return false;
                };
                if !name_fits(name, pattern) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

fn name_fits(name: &str, pattern: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else {
        return name == pattern;
    };
    let Some(left) = name.strip_prefix(begin) else {
        return false;
    };
    let mut starts = left.char_indices().map(|(at, _)| at).chain([left.len()]);
    starts.any(|at| name_fits(&left[at..], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_part_of_one_name() {
        for (path, pattern, wanted) in [
            ("a/base.py", "a/base.py", true),
            ("a/base.py", "a/*.py", true),
            ("a/b/base.py", "a/*.py", false),
            ("a/b/base.py", "a/*/*.py", true),
            ("a/10-db.py", "a/[0-9]*.py", false),
            ("a/local_dev.py", "a/local*.py", true),
            ("a/base.py", "a/*s*.py", true),
            ("a/base.py", "a/b", false),
        ] {
            assert_eq!(
                fits(Path::new(path), Path::new(pattern)),
                wanted,
                "{pattern}"
            );
        }
        assert_eq!(
            joined(Path::new("a/b"), "../c/./d.py"),
            Path::new("a/c/d.py")
        );
    }
}
