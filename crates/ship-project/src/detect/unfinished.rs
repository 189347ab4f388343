//! What keeps a project from being served whose code makes an application: a factory that needs to
//! be told something, or an application that only its own function can come to. Neither is a worker.

use crate::detect::known::{INSIDE, MAKERS};
use crate::detect::objects::{self, Objects, class_kind};
use crate::detect::own_server::package;
use crate::detect::{ROWS, Row, mcp};
use crate::project::Project;
use crate::python::expr::Expr;
use crate::python::index::View;
use crate::python::module::{Class, Function, Import, Module, Scope};

/// How many functions and classes within each other are looked into.
const DEPTH: usize = 6;
/// How many names are followed to what a value is.
const FOLLOWED: usize = 4;

/// For a plan that has nothing else to run.
pub(super) fn told(project: &Project) -> Option<String> {
    needy(project)
        .or_else(|| hidden(project))
        .or_else(|| django_in_one_file(project))
        .or_else(|| mcp::spoken_to_by_nobody(project))
}

/// Where a factory with arguments is, and what it needs.
fn needy(project: &Project) -> Option<String> {
    let objects = Objects::new(&project.index);
    let needy = |module| Some((module, objects.needy(module)?));
    let (module, (function, kind)) = objects.modules().into_iter().find_map(needy)?;
    let names: Vec<&str> = function
        .parameters
        .iter()
        .take(function.required)
        .map(String::as_str)
        .collect();
    let needed = match names.as_slice() {
        [] => "more than that".to_owned(),
        names => format!("`{}`", names.join("`, `")),
    };
    let (_, import) = project.index.import_name(&module.file);
    Some(format!(
        "`{place}`: `{name}` gives an application once it is told {needed}. Write a file `{interface}.py` that tells it, such as these two lines: `from {import} import {name}` and `app = {name}({example})`",
        place = module.place(function.line),
        name = function.name,
        interface = kind.interface,
        example = example(&names),
    ))
}

/// What somebody might write for parameters of these names.
fn example(names: &[&str]) -> String {
    let is_stage = |name: &str| {
        let stages = ["config", "env", "mode", "name", "setting", "stage"];
        stages.iter().any(|stage| name.contains(stage))
    };
    let value = |name: &&str| {
        if is_stage(name) {
            "\"production\""
        } else {
            "…"
        }
    };
    match names {
        [] => "…".to_owned(),
        names => names.iter().map(value).collect::<Vec<_>>().join(", "),
    }
}

/// Django without a project: settings, pages and `manage.py` in one file.
fn django_in_one_file(project: &Project) -> Option<String> {
    let mut modules = project.index.own_modules_with(&["configure"]);
    let (module, line) = modules.find_map(|module| {
        let view = View::of(module);
        module.top.binding("urlpatterns")?;
        let mut calls = module.calls.iter();
        let (_, line) = calls.find(|(call, _)| {
            let name = project.index.outside(&view, &call.function);
            name.is_some_and(|name| name == "django.conf.settings.configure")
        })?;
        Some((module, *line))
    })?;
    Some(format!(
        "`{place}`: Django in one file, without an application that a server could be given. Write these two lines at its top level, after everything else: `from django.core.wsgi import get_wsgi_application` and `application = get_wsgi_application()`",
        place = module.place(line),
    ))
}

/// An application that is made where nobody can import it from.
fn hidden(project: &Project) -> Option<String> {
    let made = makers();
    let packages: Vec<&str> = made.iter().map(|name| package(name)).collect();
    let inside = Inside {
        objects: Objects::new(&project.index),
    };
    let mut modules = project.index.own_modules_with(&packages);
    modules.find_map(|module| {
        let made = inside.module(module)?;
        Some(format!(
            "`{place}`: {what} is made inside {inside}, where no server can come to it; write {written} at the top level of the file. Where the program is a worker all the same: `[process.worker]` with `command` in `ship.toml`",
            place = module.place(made.line),
            what = if made.row.key == mcp::ROW.key {
                "the MCP server".to_owned()
            } else {
                format!("{}'s application", made.row.label)
            },
            inside = made.inside,
            written = made.written(),
        ))
    })
}

/// A script that takes a web framework's package, though nothing that it makes is an application
/// that is known: it is served, or it is its author's to say that it is a worker.
pub(super) fn imported(project: &Project, script: &Module) -> Option<String> {
    let frameworks = || ROWS.iter().filter(|row| !row.classes.is_empty());
    let framework = |import: &Import| {
        let name = package(&import.module);
        let mut rows = frameworks().filter(|_| import.level == 0);
        rows.find(|row| {
            let (class, _) = row.classes[0];
            !row.package.is_empty() && package(class) == name
        })
    };
    let scopes = [&script.top, &script.main];
    let mut imports = scopes.iter().flat_map(|scope| &scope.imports);
    let (row, import) = imports.find_map(|import| Some((framework(import)?, import)))?;
    let is_own = project.index.imported_module(script, import).is_some();
    (!is_own).then(|| {
        format!(
            "`{place}`: {label} is imported, and no application of it is at the top level of a file. Where the program is a worker all the same: `[process.worker]` with `command` in `ship.toml`",
            place = script.place(import.line),
            label = row.label,
        )
    })
}

/// Everything that makes an application, by importable name.
fn makers() -> Vec<&'static str> {
    let classes = ROWS.iter().flat_map(|row| row.classes);
    let classes = classes.map(|(class, _)| *class);
    let inside = INSIDE.iter().map(|inside| inside.class);
    let makers = MAKERS.iter().map(|(class, ..)| *class);
    classes.chain(inside).chain(makers).collect()
}

/// An application that a function or a main block makes.
pub(super) struct Made {
    pub(super) row: &'static Row,
    /// `main()`, or the main block, in backticks.
    pub(super) inside: String,
    /// The name it is given there.
    name: Option<String>,
    pub(super) line: u32,
}

impl Made {
    /// `app = …`
    pub(super) fn written(&self) -> String {
        let name = self.name.as_deref().unwrap_or("app");
        format!("`{name} = …`")
    }
}

/// The application that a module makes where nobody else can come to it.
pub(super) fn made_in(project: &Project, module: &Module) -> Option<Made> {
    let inside = Inside {
        objects: Objects::new(&project.index),
    };
    inside.module(module)
}

struct Inside<'a> {
    objects: Objects<'a>,
}

impl<'a> Inside<'a> {
    fn module(&self, module: &'a Module) -> Option<Made> {
        let view = View::of(module);
        let in_main = || {
            let mut view = view.clone();
            view.inner.push(&module.main);
            self.body(&view, &module.main, "`if __name__ == \"__main__\"`", 0)
        };
        self.scope(&view, &module.top, "", DEPTH).or_else(in_main)
    }

    /// In the functions and classes of a scope.
    fn scope(&self, view: &View<'a>, scope: &'a Scope, path: &str, left: usize) -> Option<Made> {
        let functions = scope.functions.iter();
        let mut functions = functions.filter_map(|f| self.function(view, f, path, left));
        let mut classes = scope.classes.iter();
        functions
            .next()
            .or_else(|| classes.find_map(|class| self.class(view, class, path, left)))
    }

    fn class(&self, view: &View<'a>, class: &'a Class, path: &str, left: usize) -> Option<Made> {
        let path = format!("{path}{}.", class.name);
        let mut methods = class.methods.iter();
        methods.find_map(|method| self.function(view, method, &path, left))
    }

    fn function(
        &self,
        view: &View<'a>,
        function: &'a Function,
        path: &str,
        left: usize,
    ) -> Option<Made> {
        let left = left.checked_sub(1)?;
        let view = view.within(function);
        let path = format!("{path}{}", function.name);
        let inside = format!("`{path}()`");
        self.body(&view, &function.body, &inside, function.line)
            .or_else(|| self.scope(&view, &function.body, &format!("{path}."), left))
    }

    /// In the statements of a body.
    fn body(&self, view: &View<'a>, scope: &Scope, inside: &str, line: u32) -> Option<Made> {
        let made = |value: &Expr, name: Option<&str>, line| {
            Some(Made {
                row: self.row_of(view, value)?,
                inside: inside.to_owned(),
                name: name.map(|name| name.trim_start_matches("self.").to_owned()),
                line,
            })
        };
        let mut bindings = scope.bindings.iter();
        let mut calls = scope.calls.iter();
        let mut returns = scope.returns.iter();
        bindings
            .find_map(|binding| made(&binding.value, Some(&binding.name), binding.line))
            .or_else(|| {
                // `Flask(__name__).run()`
                calls.find_map(|(call, line)| {
                    let of = match &call.function {
                        Expr::Attribute(of, _) => made(of, None, *line),
                        _ => None,
                    };
                    of.or_else(|| call.values().find_map(|value| made(value, None, *line)))
                })
            })
            .or_else(|| returns.find_map(|value| made(value, None, line)))
    }

    fn row_of(&self, view: &View<'a>, value: &Expr) -> Option<&'static Row> {
        let call = value.call()?;
        let of_method = || match &call.function {
            Expr::Attribute(of, method) => {
                let class = self.objects.class_of(view, of, FOLLOWED)?;
                let mut makers = MAKERS.iter();
                let maker = makers.find(|(maker, name, ..)| *maker == class && name == method)?;
                objects::row(maker.2)
            }
            _ => None,
        };
        let name = self.objects.class_of(view, value, FOLLOWED);
        let of_class = name.and_then(|name| {
            let inside = INSIDE.iter().find(|inside| inside.class == name);
            class_kind(&name)
                .map(|kind| kind.row)
                .or_else(|| objects::row(inside?.row))
        });
        of_class.or_else(of_method)
    }
}
