//! Klein: <https://klein.readthedocs.io>. A program that calls `run` is its own server; what only
//! makes an application is served by Twisted's `twist web`, which takes a resource by its name in the
//! module, or by a call of `run`.

use crate::command::CommandLine;
use crate::detect::objects::Objects;
use crate::detect::own_server::{OwnServer, Starting};
use crate::detect::program::{self, Program};
use crate::detect::{Found, Row, stored};
use crate::error::Result;
use crate::plan::OwnPort;
use crate::project::Project;
use crate::python::expr::Expr;
use crate::python::index::View;
use crate::python::module::Module;

pub(super) const ROW: Row = Row {
    key: "klein",
    label: "Klein",
    package: "klein",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["klein.Klein", "klein.run", "klein.app.Klein"],
    start: Starting::Script,
    note: None,
};

/// `app = Klein()` that nobody runs, with or without `resource = app.resource`.
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let mut modules = project.index.own_modules_with(&["klein"]);
    let Some((module, name, line)) = modules.find_map(|module| application(project, module)) else {
        return Ok(None);
    };
    module.check()?;
    let place = module.place(line);
    let run = program::run(project, module);
    let (_, import) = project.index.import_name(&module.file);
    let (words, reason) = if let Some(resource) = resource(module, name) {
        let words = vec![
            "twist".to_owned(),
            "web".to_owned(),
            "--listen=tcp:$PORT:interface=127.0.0.1".to_owned(),
            format!("--class={import}.{resource}"),
        ];
        (words, "Twisted's own command serves its resource")
    } else {
        let code = format!(
            "import os; from {import} import {name} as app; app.run('127.0.0.1', int(os.environ['PORT']))"
        );
        let words = vec!["python".to_owned(), "-c".to_owned(), code];
        (words, "Klein is its own server, which is told its port")
    };
    let mut found = Found::new(&ROW, place.clone());
    "a Klein application".clone_into(&mut found.reason);
    found.folder = run.folder;
    found.import_paths = run.import_paths;
    found.program = Some(Program {
        command: CommandLine::Argv(words),
        own_port: Some(OwnPort::Given),
        is_web: true,
        reason: reason.to_owned(),
        place,
    });
    stored::add(project, &mut found);
    Ok(Some(found))
}

/// The name of `resource = app.resource`.
fn resource<'a>(module: &'a Module, name: &str) -> Option<&'a str> {
    let mut bindings = module.top.bindings.iter();
    let binding = bindings.find(|binding| match &binding.value {
        Expr::Attribute(of, attribute) => attribute == "resource" && of.name() == Some(name),
        _ => false,
    })?;
    Some(&binding.name)
}

/// The application that a module binds at its top.
fn application<'a>(project: &'a Project, module: &'a Module) -> Option<(&'a Module, &'a str, u32)> {
    let objects = Objects::new(&project.index);
    let view = View::of(module);
    let mut bindings = module.top.bindings.iter();
    let binding = bindings.find(|binding| {
        let class = matches!(binding.value, Expr::Call(_))
            .then(|| objects.class_of(&view, &binding.value, 2))
            .flatten();
        class.is_some_and(|class| class == "klein.Klein" || class == "klein.app.Klein")
    })?;
    Some((module, &binding.name, binding.line))
}
