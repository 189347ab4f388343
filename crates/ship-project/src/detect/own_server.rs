//! Frameworks that are their own server: [`SERVERS`] is their table. Their program is run as it is,
//! or by the framework's own command.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::command::CommandLine;
use crate::detect::objects::UNCONVENTIONAL;
use crate::detect::program::{self, Program};
use crate::detect::{
    Found, Row, aiohttp, bokeh, chainlit, cherrypy, flet, gradio, grpc, http_server, klein,
    listens, marimo, nicegui, objects, panel, robyn, sanic, shiny, solara, stored, streamlit,
    taipy, tornado, twisted,
};
use crate::error::Result;
use crate::plan::{Note, OwnPort};
use crate::project::Project;
use crate::python::index::{Target, View};
use crate::python::module::{Module, Scope};

/// A framework that listens by itself.
#[derive(Debug)]
pub(super) struct OwnServer {
    pub(super) row: &'static Row,
    /// What a module calls, or makes a class of its own from, that serves: importable names. One
    /// that ends with a dot is everything in that package.
    pub(super) signs: &'static [&'static str],
    pub(super) start: Starting,
    /// What its author should know.
    pub(super) note: Option<Remark>,
}

/// How its program is started.
#[derive(Debug, Clone, Copy)]
pub(super) enum Starting {
    /// Python runs the file; the port that it asks for is exchanged for the one it is given.
    Script,
    /// The same with settings: `NAME=value`.
    Settings(&'static [&'static str]),
    /// The same with further arguments.
    Arguments(&'static [&'static str]),
    /// A command, `{file}` being the file.
    Command(&'static [&'static str]),
}

/// A note about a call that stands in the program.
#[derive(Debug)]
pub(super) struct Remark {
    /// It is told where one of these is called.
    pub(super) calls: &'static [&'static str],
    pub(super) text: &'static str,
    pub(super) hint: &'static str,
}

/// All of them; those that are built upon others come first.
const SERVERS: &[&OwnServer] = &[
    &streamlit::SERVER,
    &gradio::SERVER,
    &nicegui::SERVER,
    &panel::SERVE,
    &panel::SERVER,
    &bokeh::SERVER,
    &chainlit::SERVER,
    &marimo::SERVER,
    &flet::SERVER,
    &taipy::SERVER,
    &solara::SERVER,
    &robyn::SERVER,
    &shiny::EXPRESS,
    &sanic::LOADER,
    &klein::SERVER,
    &cherrypy::SERVER,
    &aiohttp::SERVER,
    &tornado::SERVER,
    &twisted::SERVER,
    &listens::UVICORN,
    &listens::HYPERCORN,
    &listens::WAITRESS,
    &listens::CHEROOT,
    &listens::GEVENT,
    &listens::EVENTLET,
    &listens::WEBSOCKETS,
    &http_server::SERVER,
    &grpc::SERVER,
];

/// A program that serves by itself.
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    for server in SERVERS {
        let serving = server.serving(project);
        if let Some(entry) = server.entry(project, &serving) {
            entry.check()?;
            let mut found = server.found(project, entry, &serving);
            match found.row.key {
                key if key == http_server::ROW.key => {
                    http_server::retell(project, entry, &mut found);
                }
                key if key == flet::ROW.key => flet::retell(project, &mut found),
                _ => {}
            }
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The pages of frameworks that bring a command of their own, or settings, with the framework's
/// name: one for each framework.
pub(super) fn pages(project: &Project) -> Vec<(&Module, &'static str)> {
    let mut pages = Vec::new();
    for server in SERVERS {
        if !matches!(server.start, Starting::Script)
            && let Some(entry) = server.entry(project, &server.serving(project))
        {
            pages.push((entry, server.row.label));
        }
    }
    pages
}

/// Whether an entry point (`kiosk.web:main`) leads to a module that serves by itself, or that
/// imports one.
pub(super) fn listens(project: &Project, target: &str) -> bool {
    let name = target.split(':').next().unwrap_or_default().trim();
    let roots = [PathBuf::new(), PathBuf::from("src")];
    let Some(module) = project.index.find(name, &roots) else {
        return false;
    };
    let imported = imports(project, module);
    let imported = imported.iter().filter_map(|file| project.index.get(file));
    let mut modules = std::iter::once(module).chain(imported);
    let serves = |module: &Module| {
        let mut servers = SERVERS.iter();
        servers.any(|server| first_sign(project, module, server.signs).is_some())
    };
    modules.any(serves)
}

impl OwnServer {
    /// The modules that have one of its signs.
    fn serving<'a>(&self, project: &'a Project) -> Vec<&'a Module> {
        let packages: Vec<&str> = self.signs.iter().map(|sign| package(sign)).collect();
        let modules = project.index.own_modules_with(&packages);
        modules
            .filter(|module| first_sign(project, module, self.signs).is_some())
            .collect()
    }

    fn entry<'a>(&self, project: &'a Project, serving: &[&'a Module]) -> Option<&'a Module> {
        match self.start {
            Starting::Command(_) => page(project, serving),
            _ => program::entry(project, serving),
        }
    }

    fn found(&self, project: &Project, entry: &Module, serving: &[&Module]) -> Found {
        let sign = first_sign(project, entry, self.signs)
            .map(|line| entry.place(line))
            .or_else(|| {
                let module = serving.first()?;
                Some(module.place(first_sign(project, module, self.signs)?))
            });
        let place = sign.unwrap_or_else(|| entry.place(0));
        let mut found = Found::new(self.row, place.clone());
        let run = program::run(project, entry);
        let label = self.row.label;
        let asked = program::asked(entry, serving);
        let (words, own_port) = match self.start {
            Starting::Script => (run.words, asked),
            Starting::Settings(settings) => {
                let settings = settings.iter().map(|&setting| setting.to_owned());
                let words = std::iter::once("env".to_owned())
                    .chain(settings)
                    .chain(run.words);
                (words.collect(), asked)
            }
            Starting::Arguments(arguments) => {
                let arguments = arguments.iter().map(|&argument| argument.to_owned());
                (
                    run.words.into_iter().chain(arguments).collect(),
                    OwnPort::Given,
                )
            }
            Starting::Command(words) => {
                let words = words.iter().map(|word| word.replace("{file}", &run.file));
                (words.collect(), OwnPort::Given)
            }
        };
        let reason = match own_port {
            OwnPort::Given => format!("{label} is its own server"),
            port => format!("{label} is its own server, {}", program::spoken(port)),
        };
        found.reason = format!("{label} is its own server");
        found.folder = run.folder;
        found.import_paths = run.import_paths;
        found.program = Some(Program {
            command: CommandLine::Argv(words),
            own_port: Some(own_port),
            is_web: true,
            reason,
            place,
        });
        found.notes.extend(self.remark(project, serving));
        if matches!(self.start, Starting::Command(_)) {
            found
                .notes
                .extend(self.other_pages(project, entry, serving));
        }
        stored::add(project, &mut found);
        found
    }

    /// Files beside the chosen one that could be given to the command in its place: it does not
    /// name them, and nobody imports them.
    fn other_pages(&self, project: &Project, entry: &Module, serving: &[&Module]) -> Option<Note> {
        const SHOWN: usize = 4;
        let named = |module: &Module| {
            let mut texts = entry.texts.iter();
            texts.any(|(text, _)| {
                text.ends_with(module.stem()) || text.ends_with(&format!("{}.py", module.stem()))
            })
        };
        let others = alone(project, serving).into_iter().filter(|module| {
            module.file != entry.file
                && module.file.parent() == entry.file.parent()
                && !named(module)
        });
        let files: Vec<String> = others
            .take(SHOWN)
            .map(|module| format!("`{}`", module.file.display()))
            .collect();
        (!files.is_empty()).then(|| Note {
            text: format!(
                "one page of {} is run of several: also found {}",
                self.row.label,
                files.join(", ")
            ),
            hint: Some("`[web]` with `command` in `ship.toml` picks another".to_owned()),
            place: Some(entry.place(0)),
        })
    }

    fn remark(&self, project: &Project, serving: &[&Module]) -> Option<Note> {
        let remark = self.note.as_ref()?;
        let (module, line) = serving
            .iter()
            .find_map(|module| Some((module, first_sign(project, module, remark.calls)?)))?;
        Some(Note {
            text: remark.text.to_owned(),
            hint: Some(remark.hint.to_owned()),
            place: Some(module.place(line)),
        })
    }
}

/// The first line of `module` that calls one of `signs`, or makes a class from one.
pub(super) fn first_sign(project: &Project, module: &Module, signs: &[&str]) -> Option<u32> {
    // Most modules import none of these: names are followed only in the others.
    let packages: Vec<&str> = signs.iter().map(|sign| package(sign)).collect();
    let imports = |scope: &&Scope| {
        let mut imports = scope.imports.iter();
        imports.any(|import| packages.contains(&package(&import.module)))
    };
    let mut scopes = vec![&module.main];
    inner_scopes(&module.top, &mut scopes);
    scopes.retain(imports);
    if scopes.is_empty() && !imports(&&module.top) {
        return None;
    }
    let view = View {
        module,
        inner: scopes,
        beside: Vec::new(),
    };
    let fits = |name: &str| {
        signs
            .iter()
            .any(|sign| *sign == name || sign.ends_with('.') && name.starts_with(sign))
    };
    let called = module.calls.iter().find_map(|(call, line)| {
        let name = project.index.outside(&view, &call.function)?;
        fits(&name).then_some(*line)
    });
    called.or_else(|| {
        let bases = module.top.classes.iter().flat_map(|class| &class.bases);
        let mut names = bases.filter_map(|base| project.index.outside(&view, base));
        names.any(|name| fits(&name)).then_some(0)
    })
}

/// The bodies of the functions in a scope, and of those in them: servers are often imported right
/// before they are started.
fn inner_scopes<'a>(scope: &'a Scope, scopes: &mut Vec<&'a Scope>) {
    let methods = scope.classes.iter().flat_map(|class| &class.methods);
    for function in scope.functions.iter().chain(methods) {
        scopes.push(&function.body);
        inner_scopes(&function.body, scopes);
    }
}

/// `tornado` of `tornado.web.Application`
pub(super) fn package(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// The page that a framework's own command is given: not one of several below `pages/`, and none
/// that another module imports.
fn page<'a>(project: &'a Project, serving: &[&'a Module]) -> Option<&'a Module> {
    const NAMES: [&str; 6] = ["streamlit_app", "Home", "home", "Main", "dashboard", "demo"];
    if serving.is_empty() {
        return None;
    }
    let key = |module: &&&Module| {
        let known = NAMES.iter().position(|name| *name == module.stem());
        let rank = objects::rank_of(module);
        (
            module.file.components().count(),
            known.is_none() && rank == UNCONVENTIONAL,
            known.unwrap_or(NAMES.len()),
            rank,
            module.file.clone(),
        )
    };
    alone(project, serving).iter().min_by_key(key).copied()
}

/// Those that are no page of a larger whole: not below `pages/`, and imported by no other.
fn alone<'a>(project: &'a Project, serving: &[&'a Module]) -> Vec<&'a Module> {
    let imported: BTreeSet<_> = project
        .index
        .own_modules()
        .flat_map(|module| imports(project, module))
        .collect();
    let is_page = |module: &Module| {
        let mut folders = module.file.iter();
        folders.any(|folder| folder == "pages") || imported.contains(&module.file)
    };
    let mut alone = serving.to_vec();
    alone.retain(|module| !is_page(module));
    alone
}

/// The files that a module imports.
pub(super) fn imports(project: &Project, module: &Module) -> Vec<PathBuf> {
    let view = View::of(module);
    let inside = |import: &crate::python::module::Import| {
        let by_name = crate::python::expr::Expr::Name(import.local.clone());
        match project.index.resolve(&view, &by_name) {
            Some(Target::Inside(module, _)) => Some(module.file.clone()),
            _ => None,
        }
    };
    let scopes = [&module.top, &module.main];
    let all = scopes.iter().flat_map(|scope| &scope.imports);
    all.flat_map(|import| {
        let module = project.index.imported_module(module, import);
        module
            .map(|module| module.file.clone())
            .into_iter()
            .chain(inside(import))
    })
    .filter(|file| *file != module.file)
    .collect()
}
