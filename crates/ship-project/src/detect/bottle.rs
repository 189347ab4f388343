//! Bottle: <https://bottlepy.org>. An application object is found as those of other frameworks are;
//! routes of the module itself (`@route`) belong to an application that Bottle keeps.

use crate::command::CommandLine;
use crate::detect::own_server::first_sign;
use crate::detect::program::{self, Program};
use crate::detect::{Found, Row, stored};
use crate::error::Result;
use crate::plan::Interface::Wsgi;
use crate::project::Project;
use crate::python::module::Module;

pub(super) const ROW: Row = Row {
    key: "bottle",
    label: "Bottle",
    package: "bottle",
    classes: &[("bottle.Bottle", Wsgi)],
};

/// What adds to the application that Bottle keeps.
const ROUTES: [&str; 7] = [
    "bottle.route",
    "bottle.get",
    "bottle.post",
    "bottle.put",
    "bottle.patch",
    "bottle.delete",
    "bottle.mount",
];
const RUN: [&str; 1] = ["bottle.run"];

/// Routes without an object. `load_app` imports the module and gives what its routes were added to;
/// `run()` does nothing meanwhile, wherever it stands. Gunicorn is the server that makes calls with
/// an argument (<https://docs.gunicorn.org/en/stable/run.html#gunicorn>).
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let said = |module: &Module, signs: &[&str]| first_sign(project, module, signs);
    let modules = project.index.own_modules_with(&["bottle"]);
    let serving: Vec<&Module> = modules
        .filter(|module| said(module, &ROUTES).or(said(module, &RUN)).is_some())
        .collect();
    let Some(routes) = serving
        .iter()
        .find(|module| said(module, &ROUTES).is_some())
    else {
        return Ok(None);
    };
    let entry = program::entry(project, &serving).unwrap_or(routes);
    entry.check()?;
    let line = said(entry, &RUN).or(said(entry, &ROUTES)).unwrap_or(0);
    let place = entry.place(line);
    let (_, module) = project.index.import_name(&entry.file);
    let run = program::run(project, entry);
    let mut found = Found::new(&ROW, place.clone());
    "routes of the application that Bottle keeps".clone_into(&mut found.reason);
    found.folder = run.folder;
    found.import_paths = run.import_paths;
    found.program = Some(Program {
        command: CommandLine::Argv(vec![
            "gunicorn".to_owned(),
            "--threads=4".to_owned(),
            format!("bottle:load_app('{module}')"),
        ]),
        own_port: None,
        is_web: true,
        reason: "Bottle's own server is for development: Gunicorn in its place".to_owned(),
        place,
    });
    stored::add(project, &mut found);
    Ok(Some(found))
}
