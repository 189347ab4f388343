//! aiohttp: <https://docs.aiohttp.org>. A program that calls `run_app` is its own server; what only
//! makes an application is served by Gunicorn with aiohttp's worker, or by aiohttp's own command.

use crate::command::CommandLine;
use crate::detect::objects::Objects;
use crate::detect::own_server::{OwnServer, Starting};
use crate::detect::program::{self, Program};
use crate::detect::{Found, Row, stored};
use crate::error::Result;
use crate::plan::OwnPort;
use crate::project::Project;
use crate::python::index::View;
use crate::python::module::{Function, Module};

pub(super) const ROW: Row = Row {
    key: "aiohttp",
    label: "aiohttp",
    package: "aiohttp",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &[
        "aiohttp.web.run_app",
        "aiohttp.web.AppRunner",
        "aiohttp.web.TCPSite",
    ],
    start: Starting::Script,
    note: None,
};

const CLASS: &str = "aiohttp.web.Application";
/// How many names are followed to the class.
const FOLLOWED: usize = 4;

/// What is there to serve.
enum Application<'a> {
    Object(&'a str),
    Factory(&'a Function),
}

/// An application, or a function that gives one, that nobody runs.
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let mut modules = project.index.own_modules_with(&["aiohttp"]);
    let found = modules.find_map(|module| {
        let (application, line) = application(project, module)?;
        Some((module, application, line))
    });
    let Some((module, application, line)) = found else {
        return Ok(None);
    };
    module.check()?;
    let (_, import) = project.index.import_name(&module.file);
    let run = program::run(project, module);
    let place = module.place(line);
    let has_gunicorn = project.packages.has("gunicorn");
    // `python -m aiohttp.web` calls the function with its further arguments
    // (https://docs.aiohttp.org/en/stable/web_quickstart.html#command-line-interface-cli);
    // Gunicorn's worker with none
    // (https://docs.aiohttp.org/en/stable/deployment.html#nginx-gunicorn).
    let by_itself = match &application {
        Application::Factory(function) if !function.parameters.is_empty() => {
            (!has_gunicorn || function.required > 0).then_some(&function.name)
        }
        _ => None,
    };
    let (words, own_port, reason) = if let Some(name) = by_itself {
        let words = [
            "python",
            "-m",
            "aiohttp.web",
            "-H",
            "127.0.0.1",
            "-P",
            "$PORT",
        ];
        let words = words.iter().map(|&word| word.to_owned());
        let words: Vec<String> = words.chain([format!("{import}:{name}")]).collect();
        (
            words,
            Some(OwnPort::Given),
            "aiohttp's own command serves it",
        )
    } else {
        let object = match application {
            Application::Object(name) => format!("{import}:{name}"),
            // A coroutine function is called by the worker.
            Application::Factory(function) if function.is_async => {
                format!("{import}:{}", function.name)
            }
            Application::Factory(function) => format!("{import}:{}()", function.name),
        };
        let worker = "--worker-class=aiohttp.GunicornWebWorker".to_owned();
        let words = vec!["gunicorn".to_owned(), worker, object];
        (words, None, "Gunicorn serves it with aiohttp's worker")
    };
    let mut found = Found::new(&ROW, place.clone());
    "an aiohttp application".clone_into(&mut found.reason);
    found.folder = run.folder;
    found.import_paths = run.import_paths;
    found.program = Some(Program {
        command: CommandLine::Argv(words),
        own_port,
        is_web: true,
        reason: reason.to_owned(),
        place,
    });
    stored::add(project, &mut found);
    Ok(Some(found))
}

/// At the top of a module: an instance, else a function that returns one.
fn application<'a>(project: &'a Project, module: &'a Module) -> Option<(Application<'a>, u32)> {
    let objects = Objects::new(&project.index);
    let view = View::of(module);
    let is_one =
        |view: &View<'a>, value| objects.class_of(view, value, FOLLOWED).as_deref() == Some(CLASS);
    let mut bindings = module.top.bindings.iter();
    if let Some(binding) = bindings.find(|binding| is_one(&view, &binding.value)) {
        return Some((Application::Object(&binding.name), binding.line));
    }
    let mut functions = module.top.functions.iter();
    let function = functions.find(|function| {
        let view = view.within(function);
        let mut returns = function.body.returns.iter();
        function.required <= 1 && returns.any(|value| is_one(&view, value))
    })?;
    Some((Application::Factory(function), function.line))
}
