//! Application objects in the syntax tree: instances of known classes, the functions that return
//! one, what wraps one, and plain WSGI and ASGI callables.

use std::path::{Path, PathBuf};

use crate::detect::astray::Astray;
use crate::detect::known::{
    DECORATORS, EXPORTERS, FIRST_OF, GIVERS, INSIDE, Inside, MAKERS, WRAPPERS,
};
use crate::detect::{
    Candidate, Found, ROWS, Row, asgi, assembled, declared, mcp, others, peers, stored, wsgi,
};
use crate::error::Result;
use crate::plan::{Interface, ObjectRef};
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Index, Target, View};
use crate::python::module::{Class, Function, Module};
use crate::python::source::{self, Sought, Source};

/// How many names, calls and wrappers are followed from one expression.
const DEPTH: usize = 12;
/// How many names are followed to the class of an instance.
const FOLLOWED: usize = 4;
/// How many other objects a plan keeps for the proof.
const OTHERS: usize = 5;

/// File names that people give to the file with the application; Flask and FastAPI look for the
/// first ones themselves (`flask run`, `fastapi run`).
const FILES: [&str; 11] = [
    "wsgi",
    "asgi",
    "main",
    "app",
    "api",
    "application",
    "server",
    "run",
    "index",
    "__init__",
    "web",
];
/// The rank of other file names.
pub(super) const UNCONVENTIONAL: usize = FILES.len();

/// Names that people give to the object.
const NAMES: [&str; 8] = [
    "app",
    "application",
    "api",
    "asgi_app",
    "wsgi_app",
    "asgi",
    "wsgi",
    "server",
];
/// Names of factories, those that Flask itself tries first.
const FACTORIES: [&str; 6] = [
    "create_app",
    "make_app",
    "get_app",
    "build_app",
    "create_application",
    "get_application",
];

/// What an application object is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) row: &'static Row,
    pub(super) interface: Interface,
}

/// A callable of `environ` and `start_response`.
const PLAIN_WSGI: Kind = Kind {
    row: &wsgi::ROW,
    interface: Interface::Wsgi,
};

/// The best object of the project, with the next ones for the proof.
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    if let Some(found) = declared::with_arguments(project)? {
        return Ok(Some(found));
    }
    let (named, astray) = declared::object(project)?;
    let mut ranked = Vec::from_iter(named);
    let is_named = !ranked.is_empty();
    ranked.extend(search(project));
    if ranked.is_empty() {
        ranked.extend(declared::unheard_of(project)?);
    }
    if !is_named {
        assembled::first(project, &mut ranked);
    }
    let Some(first) = ranked.first() else {
        return Ok(None);
    };
    if let Some(module) = project.index.get(&first.candidate.place.file) {
        module.check()?;
    }
    let (root, row) = (first.root.clone(), first.row);
    let mut found = Found::new(row, first.candidate.place.clone());
    found.reason.clone_from(&first.candidate.reason);
    if !is_named {
        found.others = others::note(project, &ranked);
        found.peers = peers::among(project, &ranked);
    }
    for other in ranked {
        let is_new = found
            .objects
            .iter()
            .all(|o| o.object != other.candidate.object);
        if is_new && other.root == root && found.objects.len() <= OTHERS {
            found.objects.push(other.candidate);
        }
    }
    found.folder = start_folder(&root);
    found.import_paths = import_paths(&root);
    mcp::tell(project, &mut found);
    stored::add(project, &mut found);
    let served = found.objects.first().map(|first| &first.object);
    if let Some(astray) = astray.filter(|astray| !is_served(astray, served)) {
        found.notes.push(astray.note(served, true));
    }
    Ok(Some(found))
}

/// Whether what leads nowhere is served all the same, as nothing else was found.
fn is_served(astray: &Astray, served: Option<&ObjectRef>) -> bool {
    served.is_some_and(|served| served.module == astray.module)
}

/// A src layout is imported from `src` and started above it; any other folder is where its author
/// stands when starting the program.
pub(super) fn start_folder(root: &Path) -> PathBuf {
    if root.ends_with("src") {
        root.parent().unwrap_or(Path::new("")).to_owned()
    } else {
        root.to_owned()
    }
}

pub(super) fn import_paths(root: &Path) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from(".")];
    if root.iter().next().is_some() {
        paths.insert(0, root.to_owned());
    }
    paths
}

/// A candidate with what ranks it.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) candidate: Candidate,
    pub(super) row: &'static Row,
    pub(super) root: PathBuf,
}

/// All objects of the project, best first: conventional file names, shallow folders, conventional
/// attribute names, instances before factories.
fn search(project: &Project) -> Vec<Ranked> {
    let objects = Objects::new(&project.index);
    let mut all = Vec::new();
    for module in objects.modules() {
        all.extend(objects.of(module).into_iter().map(|object| {
            let depth = module.file.components().count();
            let name_rank = position(&NAMES, object.name).min(position(&FACTORIES, object.name));
            let file_rank = rank_of(module);
            let key = (
                file_rank == UNCONVENTIONAL,
                depth,
                file_rank,
                object.factory,
                name_rank,
                object.name,
            );
            (key, ranked(&project.index, module, &object))
        }));
    }
    all.sort_by(|(a, x), (b, y)| a.cmp(b).then(x.candidate.place.cmp(&y.candidate.place)));
    all.into_iter().map(|(_, ranked)| ranked).collect()
}

pub(super) fn rank_of(module: &Module) -> usize {
    position(&FILES, module.stem())
}

/// Whether people call the file with their application so.
pub(super) fn is_conventional(file: &Path) -> bool {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    stem.is_some_and(|stem| FILES.contains(&stem))
}

fn position(list: &[&str], name: &str) -> usize {
    let found = list.iter().position(|item| *item == name);
    found.unwrap_or(list.len())
}

fn ranked(index: &Index, module: &Module, object: &Object<'_>) -> Ranked {
    let (root, name) = index.import_name(&module.file);
    let noun = object.kind.row.label.trim_end_matches(" application");
    // Names that are read letter by letter: an ASGI application, an MCP server.
    let article = if noun.starts_with('A') || noun.starts_with("MCP") {
        "an"
    } else {
        "a"
    };
    let verb = match (object.factory && object.inside.is_none(), object.written) {
        (true, _) => format!("`{}` returns", object.name),
        (false, true) => format!("`{} = …` is", object.name),
        (false, false) => format!("`{}` is", object.name),
    };
    let reason = if noun == "MCP server" {
        format!("{verb} {article} {noun}")
    } else {
        format!("{verb} {article} {noun} application")
    };
    Ranked {
        candidate: Candidate {
            object: ObjectRef {
                module: name,
                attribute: object.attribute(),
                factory: object.factory,
            },
            interface: Some(object.kind.interface),
            reason,
            place: module.place(object.line),
        },
        row: object.kind.row,
        root,
    }
}

/// An object of a module.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) name: &'a str,
    /// What is served is an attribute of it: `server` of a Dash application.
    inside: Option<&'static str>,
    pub(super) factory: bool,
    /// It is assigned here, rather than imported or defined.
    written: bool,
    pub(super) kind: Kind,
    pub(super) line: u32,
}

impl Object<'_> {
    /// `app`, `app.server`
    pub(super) fn attribute(&self) -> String {
        match self.inside {
            Some(inside) => format!("{}.{inside}", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// Tells what expressions of a project are.
pub(super) struct Objects<'a> {
    index: &'a Index,
}

impl<'a> Objects<'a> {
    pub(super) fn new(index: &'a Index) -> Self {
        Self { index }
    }

    /// The modules in which anything is that can be served; others as well.
    pub(super) fn modules(&self) -> Vec<&'a Module> {
        let classes = ROWS.iter().flat_map(|row| row.classes);
        let names = classes.map(|(class, _)| *class).chain(FIRST_OF);
        let names = names.chain(GIVERS.iter().map(|(giver, ..)| *giver));
        let names = names.chain(EXPORTERS.iter().map(|(exporter, ..)| *exporter));
        let names = names.chain(MAKERS.iter().map(|(maker, ..)| *maker));
        let names = names.chain(DECORATORS);
        let names: Vec<&str> = names.chain(INSIDE.iter().map(|i| i.class)).collect();
        let named = Sought::new(&names, self.index);
        let seed = |source: &Source| {
            let is_wsgi = || source.holds("env") && source.holds("start");
            let is_asgi = || source.holds("scope") && source.holds("receive");
            named.may_be_in(source) || is_asgi() || is_wsgi()
        };
        let gives = |module| self.names(module, &names);
        source::reached(self.index.own_sources().collect(), seed, gives)
    }

    /// The names at the top of `module` through which others may come to an application.
    fn names(&self, module: &'a Module, foreign: &[&str]) -> Vec<&'a str> {
        let view = View::of(module);
        let top = &module.top;
        let bound = top.bindings.iter().filter(|binding| {
            let inside = self.inside(&view, &binding.value).is_some();
            inside || self.bound(&view, &binding.name, &binding.value).is_some()
        });
        let functions = top.functions.iter().filter(|function| {
            let is_callable = || callable(function, &function.parameters).is_some();
            is_callable() || self.returned(&view, function, DEPTH).is_some()
        });
        let classes = top.classes.iter();
        let classes = classes.filter(|class| {
            wsgi::is_iterated(class) || self.instance(&view, class, DEPTH).is_some()
        });
        let imports = top.imports.iter().filter(|import| {
            let outside = self.index.outside(&view, &Expr::Name(import.local.clone()));
            outside.is_some_and(|name| foreign.contains(&name.as_str()))
        });
        let names = bound.map(|binding| binding.name.as_str());
        let names = names.chain(functions.map(|function| function.name.as_str()));
        let names = names.chain(classes.map(|class| class.name.as_str()));
        names
            .chain(imports.map(|import| import.local.as_str()))
            .collect()
    }

    /// Everything in `module` that can be served.
    pub(super) fn of(&self, module: &'a Module) -> Vec<Object<'a>> {
        let mut objects = self.assigned(module);
        objects.extend(self.imported(module));
        objects.extend(self.functions(module));
        objects.extend(classes(module));
        objects
    }

    /// Everything in a file that its author names: also what it only imports, whatever the file is
    /// called.
    pub(super) fn in_named(&self, module: &'a Module) -> Vec<Object<'a>> {
        let mut objects = self.of(module);
        for object in self.taken(module) {
            if objects.iter().all(|other| other.name != object.name) {
                objects.push(object);
            }
        }
        objects
    }

    /// The object with this name, also one that is imported.
    pub(super) fn named(&self, module: &'a Module, name: &str) -> Option<Object<'a>> {
        let mut objects = self.in_named(module);
        let at = objects.iter().position(|object| object.name == name)?;
        Some(objects.swap_remove(at))
    }

    fn assigned(&self, module: &'a Module) -> Vec<Object<'a>> {
        let view = View::of(module);
        let mut objects: Vec<Object<'a>> = Vec::new();
        for binding in &module.top.bindings {
            let name = binding.name.as_str();
            if name.contains(['.', '[']) {
                continue;
            }
            let inside = self.inside(&view, &binding.value);
            let kind = match inside {
                Some(inside) => row(inside.row).map(|row| Kind {
                    row,
                    interface: inside.interface,
                }),
                None => self.bound(&view, name, &binding.value),
            };
            let Some(kind) = kind else {
                continue;
            };
            objects.retain(|object| object.name != name);
            objects.push(Object {
                name,
                inside: inside.map(|inside| inside.attribute),
                factory: inside.is_some_and(|inside| inside.factory),
                written: true,
                kind,
                line: binding.line,
            });
        }
        objects
    }

    /// What `name = value` makes of `name`. A call of something unknown with an application in its
    /// arguments wraps it, when the result has an application's name: `app = Middleware(app)`, but
    /// not `db = SQLAlchemy(app)`.
    fn bound(&self, view: &View<'a>, name: &str, value: &Expr) -> Option<Kind> {
        self.kind(view, value, DEPTH).or_else(|| {
            let call = value.call().filter(|_| NAMES.contains(&name))?;
            self.wrapped(view, call, DEPTH)
        })
    }

    /// `from shop import app` in a file whose name says that it starts the program.
    fn imported(&self, module: &'a Module) -> Vec<Object<'a>> {
        if rank_of(module) >= UNCONVENTIONAL || module.stem() == "__init__" {
            return Vec::new();
        }
        self.taken(module)
    }

    /// Applications among the imports of a module.
    fn taken(&self, module: &'a Module) -> Vec<Object<'a>> {
        let view = View::of(module);
        let names = module
            .top
            .imports
            .iter()
            .filter(|i| i.name.is_some() && i.local != "*");
        names
            .filter(|import| module.top.binding(&import.local).is_none())
            .filter_map(|import| {
                let kind = self.kind(&view, &Expr::Name(import.local.clone()), DEPTH)?;
                Some(Object {
                    name: &import.local,
                    inside: None,
                    factory: false,
                    written: false,
                    kind,
                    line: 0,
                })
            })
            .collect()
    }

    /// Functions that return an application and need arguments, so that nobody can call them.
    pub(super) fn needy(&self, module: &'a Module) -> Option<(&'a Function, Kind)> {
        let view = View::of(module);
        module.top.functions.iter().find_map(|function| {
            let needs = function.required > 0
                && !function.decorated
                && callable(function, &function.parameters).is_none();
            let kind = needs.then(|| self.returned(&view, function, DEPTH))??;
            Some((function, kind))
        })
    }

    fn functions(&self, module: &'a Module) -> Vec<Object<'a>> {
        let view = View::of(module);
        let named = module
            .top
            .functions
            .iter()
            .filter(|f| !f.name.starts_with('_'));
        let decorated = named.clone().filter_map(|function| {
            Some(Object {
                name: &function.name,
                inside: None,
                factory: false,
                written: false,
                kind: self.decorated(&view, function)?,
                line: function.line,
            })
        });
        let plain = named.filter(|function| !function.decorated);
        plain
            .filter_map(|function| {
                let callable = callable(function, &function.parameters);
                let made = || {
                    let simple = function.required == 0 && !function.is_async;
                    simple
                        .then(|| self.returned(&view, function, DEPTH))
                        .flatten()
                };
                let factory = callable.is_none();
                Some(Object {
                    name: &function.name,
                    inside: None,
                    factory,
                    written: false,
                    kind: callable.or_else(made)?,
                    line: function.line,
                })
            })
            .chain(decorated)
            .collect()
    }

    /// What a decorator makes of a function of one request.
    fn decorated(&self, view: &View<'a>, function: &Function) -> Option<Kind> {
        let mut decorators = function.decorators.iter();
        let known = decorators.any(|decorator| {
            let name = self.index.outside(view, decorator);
            name.is_some_and(|name| DECORATORS.contains(&name.as_str()))
        });
        known.then_some(PLAIN_WSGI)
    }

    /// What `expr` is, if it is an application.
    fn kind(&self, view: &View<'a>, expr: &Expr, left: usize) -> Option<Kind> {
        let left = left.checked_sub(1)?;
        match expr {
            Expr::Call(call) => self.called(view, call, left),
            Expr::OneOf(options) => options.iter().find_map(|o| self.kind(view, o, left)),
            // Flask's inner callable, as it is wrapped in `ProxyFix(app.wsgi_app)`.
            Expr::Attribute(of, name) if name == "wsgi_app" => self.kind(view, of, left),
            Expr::Name(name) => self
                .local(view, name, left)
                .or_else(|| self.value_of(view, expr, left)),
            Expr::Attribute(of, name) => self
                .value_of(view, expr, left)
                .or_else(|| self.attribute(view, of, name))
                .or_else(|| self.held(view, of, name, left)),
            // `app, rt = fast_app()`
            Expr::Item(of, at) => match (&**of, &**at) {
                (Expr::Call(call), Expr::Number(0)) => self.first_of(view, call),
                _ => None,
            },
            _ => None,
        }
    }

    /// `app.server`, where `app` holds what is served.
    fn attribute(&self, view: &View<'a>, of: &Expr, name: &str) -> Option<Kind> {
        let inside = self.inside(view, of).filter(|i| i.attribute == name)?;
        let (row, interface) = (row(inside.row)?, inside.interface);
        Some(Kind { row, interface })
    }

    /// `server.app`, where `server` is an instance of a class of the project that makes it in
    /// `__init__`.
    fn held(&self, view: &View<'a>, of: &Expr, name: &str, left: usize) -> Option<Kind> {
        let left = left.checked_sub(1)?;
        let Expr::Call(call) = of else {
            let Target::Inside(module, names) = self.index.resolve(view, of)? else {
                return None;
            };
            let [holder] = names.as_slice() else {
                return None;
            };
            let value = &module.top.binding(holder)?.value;
            let is_made = matches!(value, Expr::Call(_));
            return is_made
                .then(|| self.held(&View::of(module), value, name, left))
                .flatten();
        };
        let Target::Inside(module, names) = self.index.resolve(view, &call.function)? else {
            return None;
        };
        let class = module.top.class(names.first()?)?;
        let mut methods = class.methods.iter();
        let start = methods.find(|method| method.name == "__init__")?;
        let binding = start.body.binding(&format!("self.{name}"))?;
        self.kind(&View::of(module).within(start), &binding.value, left)
    }

    /// What an instance of a class holds that can be served.
    fn inside(&self, view: &View<'a>, expr: &Expr) -> Option<&'static Inside> {
        let class = self.class_of(view, expr, FOLLOWED)?;
        INSIDE.iter().find(|inside| inside.class == class)
    }

    /// The foreign class or function whose call `expr` stands for.
    pub(super) fn class_of(&self, view: &View<'a>, expr: &Expr, left: usize) -> Option<String> {
        let left = left.checked_sub(1)?;
        if let Expr::Call(call) = expr {
            return self.index.outside(view, &call.function);
        }
        let name = expr.name()?;
        for scope in view.scopes() {
            if let Some(binding) = scope.binding(name) {
                return self.class_of(view, &binding.value, left);
            }
        }
        None
    }

    fn first_of(&self, view: &View<'a>, call: &Call) -> Option<Kind> {
        let name = self.index.outside(view, &call.function)?;
        FIRST_OF
            .contains(&name.as_str())
            .then(|| class_kind(&name))
            .flatten()
    }

    /// A name bound within the functions around the view.
    fn local(&self, view: &View<'a>, name: &str, left: usize) -> Option<Kind> {
        let scopes = view.inner.iter().rev();
        let bindings = scopes.flat_map(|scope| scope.bindings.iter().rev());
        bindings
            .filter(|binding| binding.name == name)
            .find_map(|binding| self.kind(view, &binding.value, left))
    }

    /// A name bound at the top of a module, here or where it is imported from.
    fn value_of(&self, view: &View<'a>, expr: &Expr, left: usize) -> Option<Kind> {
        let Some(Target::Inside(module, names)) = self.index.resolve(view, expr) else {
            return None;
        };
        let [name] = names.as_slice() else {
            return None;
        };
        let view = View::of(module);
        let bindings = module.top.bindings.iter().rev().filter(|b| &b.name == name);
        let mut kinds = bindings.filter_map(|b| self.kind(&view, &b.value, left));
        kinds.next().or_else(|| {
            let function = module.top.function(name);
            let class = || {
                module
                    .top
                    .class(name)
                    .filter(|class| wsgi::is_iterated(class))
            };
            function
                .and_then(|function| callable(function, &function.parameters))
                .or_else(|| class().map(|_| PLAIN_WSGI))
        })
    }

    /// `config.make_wsgi_app()`, where `config` is a `Configurator`.
    fn made(&self, view: &View<'a>, call: &Call) -> Option<Kind> {
        let Expr::Attribute(of, method) = &call.function else {
            return None;
        };
        let class = self.class_of(view, of, FOLLOWED)?;
        let (_, _, key, interface) = MAKERS
            .iter()
            .find(|(maker, name, ..)| *maker == class && name == method)?;
        let (row, interface) = (row(key)?, *interface);
        Some(Kind { row, interface })
    }

    fn called(&self, view: &View<'a>, call: &Call, left: usize) -> Option<Kind> {
        if let Some(made) = self.made(view, call) {
            return Some(made);
        }
        match self.index.resolve(view, &call.function)? {
            Target::Outside(name) => self.outside(view, &name, call, left),
            Target::Inside(module, names) => {
                let [name] = names.as_slice() else {
                    return None;
                };
                if let Some(class) = module.top.class(name) {
                    return self.instance(&View::of(module), class, left);
                }
                let function = module.top.function(name)?;
                self.returned(&View::of(module), function, left)
            }
        }
    }

    fn outside(&self, view: &View<'a>, name: &str, call: &Call, left: usize) -> Option<Kind> {
        if let Some((_, interface)) = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == name)
            && let Some(inner) = self.wrapped(view, call, left)
        {
            let interface = interface.unwrap_or(inner.interface);
            return Some(Kind { interface, ..inner });
        }
        if name.starts_with("starlette.middleware.") || name.starts_with("fastapi.middleware.") {
            return self.wrapped(view, call, left);
        }
        let giver = GIVERS.iter().find(|(giver, ..)| *giver == name);
        let giver = giver.map(|&(_, key, interface)| (key, interface));
        let exporter = EXPORTERS.iter().find(|(exporter, keyword, ..)| {
            *exporter == name && call.keyword(keyword) == Some(&Expr::Truth(true))
        });
        giver
            .or(exporter.map(|&(.., key, interface)| (key, interface)))
            .and_then(|(key, interface)| {
                Some(Kind {
                    row: row(key)?,
                    interface,
                })
            })
            .or_else(|| class_kind(name))
    }

    /// The first application among the arguments of a call.
    fn wrapped(&self, view: &View<'a>, call: &Call, left: usize) -> Option<Kind> {
        call.values().find_map(|value| match value {
            Expr::Dict(items) => items.iter().find_map(|(_, v)| self.kind(view, v, left)),
            value => self.kind(view, value, left),
        })
    }

    fn instance(&self, view: &View<'a>, class: &'a Class, left: usize) -> Option<Kind> {
        let left = left.checked_sub(1)?;
        let by_base = class
            .bases
            .iter()
            .find_map(|base| match self.index.resolve(view, base)? {
                Target::Outside(name) => class_kind(&name),
                Target::Inside(module, names) => {
                    let class = module.top.class(names.first()?)?;
                    self.instance(&View::of(module), class, left)
                }
            });
        by_base.or_else(|| {
            let call = class
                .methods
                .iter()
                .find(|method| method.name == "__call__")?;
            callable(call, call.parameters.get(1..)?)
        })
    }

    /// What a function returns.
    fn returned(&self, view: &View<'a>, function: &'a Function, left: usize) -> Option<Kind> {
        let left = left.checked_sub(1)?;
        let view = view.within(function);
        function
            .body
            .returns
            .iter()
            .find_map(|value| self.kind(&view, value, left))
    }
}

/// A function or method that takes what a server gives.
fn callable(function: &Function, parameters: &[String]) -> Option<Kind> {
    if asgi::fits(function, parameters) {
        return Some(Kind {
            row: &asgi::ROW,
            interface: Interface::Asgi,
        });
    }
    wsgi::fits(function, parameters).then_some(PLAIN_WSGI)
}

/// Classes whose calls answer: the class itself is what a server is given.
fn classes(module: &Module) -> impl Iterator<Item = Object<'_>> {
    let iterated = module.top.classes.iter();
    let iterated = iterated.filter(|class| wsgi::is_iterated(class));
    iterated.filter_map(|class| {
        let start = class.methods.iter().find(|m| m.name == "__init__")?;
        Some(Object {
            name: &class.name,
            inside: None,
            factory: false,
            written: false,
            kind: PLAIN_WSGI,
            line: start.line,
        })
    })
}

pub(super) fn class_kind(name: &str) -> Option<Kind> {
    ROWS.iter().find_map(|row| {
        let (_, interface) = row.classes.iter().find(|(class, _)| *class == name)?;
        Some(Kind {
            row,
            interface: *interface,
        })
    })
}

/// The row with this key.
pub(super) fn row(key: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.key == key).copied()
}
