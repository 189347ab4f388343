//! Background workers: proposed from what the code makes and the settings name, where nobody says
//! what runs beside `web`.
//!
//! [`KINDS`] is the table; each kind is a file below `worker/` with one function that looks for its
//! application object, its queue or its place in `INSTALLED_APPS` on the syntax tree.

use std::path::{Path, PathBuf};

use ship_base::name::ProcessName;

use crate::detect::objects::import_paths;
use crate::plan::{Place, Sourced};
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Target, View};
use crate::python::module::{Binding, Module};
use crate::python::source::{self, Sought, Source};
use crate::python::words::Word;

mod arq;
mod broker;
mod celery;
mod django_q;
mod django_tasks;
mod dramatiq;
mod huey;
mod procrastinate;
mod rq;
mod saq;
mod taskiq;

/// How many names and calls are followed from one expression.
const DEPTH: usize = 8;

/// A kind of worker.
pub(crate) struct Kind {
    /// The name people use.
    pub(crate) label: &'static str,
    look: fn(&Search<'_>) -> Vec<Worker>,
}

/// All kinds. A project may have several: Celery beside Huey is rare, and nobody's mistake.
const KINDS: &[Kind] = &[
    Kind {
        label: "Celery",
        look: celery::look,
    },
    Kind {
        label: "RQ",
        look: rq::look,
    },
    Kind {
        label: "Dramatiq",
        look: dramatiq::look,
    },
    Kind {
        label: "arq",
        look: arq::look,
    },
    Kind {
        label: "Huey",
        look: huey::look,
    },
    Kind {
        label: "SAQ",
        look: saq::look,
    },
    Kind {
        label: "Taskiq",
        look: taskiq::look,
    },
    Kind {
        label: "Procrastinate",
        look: procrastinate::look,
    },
    Kind {
        label: "django-tasks",
        look: django_tasks::look,
    },
    Kind {
        label: "Django Q",
        look: django_q::look,
    },
];

/// A process that is proposed.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    /// `worker`, `beat`.
    pub(crate) name: &'static str,
    /// Words of the command; the path of a `manage.py` is relative to the project.
    pub(crate) words: Vec<String>,
    pub(crate) reason: String,
    pub(crate) places: Vec<Place>,
    /// Settings without which it has nothing to talk to.
    pub(crate) needs: Vec<Sourced<String>>,
    /// Folders that its modules are imported from.
    pub(crate) import_paths: Vec<PathBuf>,
}

impl Worker {
    fn new(name: &'static str, words: &[&str], reason: impl Into<String>, place: Place) -> Self {
        Self {
            name,
            words: words.iter().map(|&word| word.to_owned()).collect(),
            reason: reason.into(),
            places: vec![place],
            needs: Vec::new(),
            import_paths: Vec::new(),
        }
    }

    fn needing(mut self, needs: impl IntoIterator<Item = Sourced<String>>) -> Self {
        self.needs.extend(needs);
        self
    }

    fn rooted(mut self, root: &Path) -> Self {
        self.import_paths = import_paths(root);
        self
    }

    pub(crate) fn process_name(&self) -> ProcessName {
        ProcessName::new(self.name).expect("names of this table are well-formed")
    }
}

/// What the project's code has to be worked on in the background, with the name of each kind.
pub(crate) fn workers(project: &Project) -> Vec<(&'static str, Worker)> {
    let search = Search { project };
    let mut all: Vec<(&'static str, Worker)> = Vec::new();
    for kind in KINDS {
        for mut worker in (kind.look)(&search) {
            // Two kinds have a `worker` each.
            if all.iter().any(|(_, other)| other.name == worker.name) {
                worker.name = second_name(kind.label);
            }
            all.push((kind.label, worker));
        }
    }
    all
}

fn second_name(label: &str) -> &'static str {
    match label {
        "RQ" => "rq",
        "Dramatiq" => "dramatiq",
        "Huey" => "huey",
        "SAQ" => "saq",
        "Taskiq" => "taskiq",
        "Procrastinate" => "procrastinate",
        "django-tasks" => "tasks",
        "Django Q" => "qcluster",
        _ => "worker2",
    }
}

/// What a kind looks in.
struct Search<'a> {
    project: &'a Project,
}

/// An object of a known class, as it can be named on a command line.
struct Object<'a> {
    /// The module that binds it, as it is imported from `root`.
    module: String,
    root: PathBuf,
    name: String,
    place: Place,
    view: View<'a>,
    /// The call that makes it; `None` where it is taken from where Flask keeps it.
    call: Option<(View<'a>, Call)>,
}

impl<'a> Search<'a> {
    /// The project's own modules.
    fn sources(&self) -> impl Iterator<Item = &'a Source> {
        self.project.index.own_sources()
    }

    /// Those in which one of `words` stands.
    fn modules_with(&self, words: &[&str]) -> impl Iterator<Item = &'a Module> + use<'a> {
        source::parsed(self.project.index.saying(self.sources(), words))
    }

    /// Those that come to one of `classes` (importable names), by themselves or through others.
    fn modules_with_a(&self, classes: &[&str]) -> Vec<&'a Module> {
        let named = Sought::new(classes, &self.project.index);
        let extensions = self.project.index.words(&["extensions"]);
        let seed = |source: &Source| named.may_be_in(source) || source.says(&extensions);
        let gives = |module: &'a Module| {
            let view = View::of(module);
            let top = &module.top;
            let made = |view: &View<'a>, value: &Expr| {
                self.made(view, value, classes, DEPTH).is_some() || is_extension(value, classes)
            };
            let bound = top
                .bindings
                .iter()
                .filter(|binding| made(&view, &binding.value));
            let functions = top.functions.iter().filter(|function| {
                let inside = view.within(function);
                function
                    .body
                    .returns
                    .iter()
                    .any(|value| made(&inside, value))
            });
            let imports = top.imports.iter().filter(|import| {
                let local = Expr::Name(import.local.clone());
                let outside = self.project.index.outside(&view, &local);
                outside.is_some_and(|name| classes.contains(&name.as_str()))
            });
            let names = bound.map(|binding| binding.name.as_str());
            let names = names.chain(functions.map(|function| function.name.as_str()));
            names
                .chain(imports.map(|import| import.local.as_str()))
                .collect()
        };
        source::reached(self.sources().collect(), seed, gives)
    }

    /// Objects of `classes` (importable names) that a module binds at its top, those with a usual
    /// name first, then those nearest to the project's folder.
    fn objects(&self, classes: &[&str]) -> Vec<Object<'a>> {
        let mut found: Vec<Object<'a>> = Vec::new();
        for module in self.modules_with_a(classes) {
            for binding in &module.top.bindings {
                let view = View::of(module);
                let call = self.made(&view, &binding.value, classes, DEPTH);
                let kept = call.is_none() && is_extension(&binding.value, classes);
                if (call.is_some() || kept) && is_name(&binding.name) {
                    let (root, name) = self.project.index.import_name(&module.file);
                    found.push(Object {
                        module: name,
                        root,
                        name: binding.name.clone(),
                        place: module.place(binding.line),
                        view,
                        call,
                    });
                }
            }
        }
        found.sort_by_key(|object| {
            (
                object.call.is_none(),
                object.place.file.components().count(),
                object.place.clone(),
            )
        });
        found
    }

    /// The call of one of `classes` that `expr` comes to: directly, through a name, or as what a
    /// function of the project returns.
    fn made(
        &self,
        view: &View<'a>,
        expr: &Expr,
        classes: &[&str],
        left: usize,
    ) -> Option<(View<'a>, Call)> {
        let left = left.checked_sub(1)?;
        match expr {
            Expr::Call(call) => {
                if let Some(name) = self.project.index.outside(view, &call.function)
                    && classes.contains(&name.as_str())
                {
                    return Some((view.clone(), (**call).clone()));
                }
                let Target::Inside(module, names) =
                    self.project.index.resolve(view, &call.function)?
                else {
                    return None;
                };
                let function = module.top.function(names.first()?)?;
                let inside = View::of(module).within(function);
                let mut returns = function.body.returns.iter();
                returns.find_map(|value| self.made(&inside, value, classes, left))
            }
            Expr::Name(name) => {
                let mut inner = view.inner.iter().rev();
                if let Some(local) = inner.find_map(|scope| scope.binding(name)) {
                    return self.made(view, &local.value, classes, left);
                }
                let Target::Inside(module, names) = self.project.index.resolve(view, expr)? else {
                    return None;
                };
                // Imported: the module that makes it is the one to name.
                if module.file != view.module.file {
                    return None;
                }
                let binding = module.top.binding(names.first()?)?;
                self.made(&View::of(module), &binding.value, classes, left)
            }
            Expr::OneOf(options) => options
                .iter()
                .find_map(|option| self.made(view, option, classes, left)),
            _ => None,
        }
    }

    /// The last binding of `name` in any module, and where: a setting of Django.
    fn setting(&self, name: &str) -> Option<(&'a Module, &'a Binding)> {
        let found = self.modules_with(&[name]).filter_map(|module| {
            let binding = module.top.binding(name)?;
            Some((module, binding))
        });
        found.last()
    }

    /// Where an application is named in Django's `INSTALLED_APPS`, or in a list it is put together
    /// from (`THIRD_PARTY_APPS`).
    fn installed(&self, app: &str) -> Option<Place> {
        let words = app.split('.').map(|word| self.project.index.word(word));
        let words: Vec<Word> = words.collect::<Option<_>>()?;
        let naming = self
            .sources()
            .filter(|source| words.iter().all(|word| source.says(&[*word])));
        let mut modules = source::parsed(naming.collect());
        modules.find_map(|module| {
            let mut lists = module
                .top
                .bindings
                .iter()
                .filter(|binding| binding.name.ends_with("_APPS"));
            let list = lists.find(|binding| names(&binding.value, app))?;
            Some(module.place(list.line))
        })
    }

    /// `manage.py`, relative to the project.
    fn manage(&self) -> Option<String> {
        let mut managers: Vec<&Path> = self
            .sources()
            .filter(|source| source.stem() == "manage")
            .map(|source| source.file.as_path())
            .collect();
        managers.sort_by_key(|file| file.components().count());
        managers.first().map(|file| file.display().to_string())
    }

    /// A worker that is a command of `manage.py`.
    fn managed(&self, words: &[&str], reason: &str, place: Place) -> Option<Worker> {
        let manage = self.manage()?;
        let words: Vec<&str> = ["python", manage.as_str()]
            .into_iter()
            .chain(words.iter().copied())
            .collect();
        Some(Worker::new("worker", &words, reason, place))
    }
}

/// `flask_app.extensions["celery"]`
fn is_extension(expr: &Expr, classes: &[&str]) -> bool {
    let Expr::Item(of, key) = expr else {
        return false;
    };
    let holds = matches!(&**of, Expr::Attribute(_, name) if name == "extensions");
    let key = key.text().unwrap_or_default();
    holds
        && classes
            .iter()
            .any(|class| class.split('.').next() == Some(key))
}

/// A plain name, not `app.config[…]`.
fn is_name(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether a list, also one that is put together, holds this text.
fn names(expr: &Expr, text: &str) -> bool {
    match expr {
        Expr::Text(one) => {
            one == text
                || one
                    .strip_prefix(text)
                    .is_some_and(|rest| rest.starts_with(".apps."))
        }
        Expr::List(items) | Expr::OneOf(items) => items.iter().any(|item| names(item, text)),
        Expr::Plus(left, right) => names(left, text) || names(right, text),
        _ => false,
    }
}
