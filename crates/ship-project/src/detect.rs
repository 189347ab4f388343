//! Detection: what kind of project this is, and which object it serves.
//!
//! [`ROWS`] is the table of frameworks; [`STEPS`] the order in which they are looked for. Adding a
//! framework whose application is an object: a file with its [`Row`], a line in [`ROWS`], a folder
//! under `tests/projects/`. One that listens by itself has its line in `SERVERS` (`own_server.rs`)
//! or `TOOLS` (`tool.rs`). One that is found in another way also gets a function in [`STEPS`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::command::CommandLine;
use crate::detect::program::Program;
use crate::error::Result;
use crate::plan::{
    AssetStep, DataPath, Interface, Note, ObjectRef, Place, Protocol, Route, Site, Sourced,
};
use crate::project::Project;

mod aiohttp;
mod asgi;
pub(crate) mod asked;
mod assembled;
pub(crate) mod astray;
mod blacksheep;
mod bokeh;
mod bottle;
mod chainlit;
mod cherrypy;
mod connexion;
mod dash;
mod datasette;
mod declared;
pub(crate) mod development;
mod django;
pub(crate) mod django_settings;
mod falcon;
mod fastapi;
mod fasthtml;
mod flask;
mod flet;
mod foreign;
pub(crate) mod front_end;
mod functions_framework;
mod gradio;
pub(crate) mod grpc;
mod http_server;
mod klein;
pub(crate) mod known;
mod listens;
mod litestar;
mod marimo;
mod mcp;
pub(crate) mod migrations;
mod nicegui;
mod nothing;
mod objects;
mod others;
mod own_server;
mod panel;
mod peers;
pub(crate) mod program;
mod pyramid;
mod quart;
mod reflex;
mod responder;
mod robyn;
mod sanic;
mod scrapy;
mod scrapyd;
mod script;
pub(crate) mod secrets_file;
pub(crate) mod services;
mod shiny;
mod site;
mod solara;
mod starlette;
mod static_site;
mod stored;
mod streamlit;
mod taipy;
mod tool;
mod tornado;
mod twistd;
mod twisted;
mod unfinished;
mod voila;
pub(crate) mod worker;
mod wsgi;

/// A framework.
#[derive(Debug)]
pub(crate) struct Row {
    /// Short and stable: it stands in plans.
    pub(crate) key: &'static str,
    /// The name people use.
    pub(crate) label: &'static str,
    /// The package whose version is shown; empty when there is none.
    pub(crate) package: &'static str,
    /// Classes whose instances are applications, by their importable names.
    pub(crate) classes: &'static [(&'static str, Interface)],
}

/// All frameworks; where two classes fit, the first row counts.
pub(crate) const ROWS: &[&Row] = &[
    &django::ROW,
    &fasthtml::ROW,
    &fastapi::ROW,
    &dash::ROW,
    &flask::ROW,
    &quart::ROW,
    &litestar::ROW,
    &sanic::ROW,
    &falcon::ROW,
    &pyramid::ROW,
    &bottle::ROW,
    &cherrypy::ROW,
    &responder::ROW,
    &connexion::ROW,
    &blacksheep::ROW,
    &shiny::ROW,
    &flet::ROW,
    &mcp::ROW,
    &starlette::ROW,
    &asgi::ROW,
    &wsgi::ROW,
    &grpc::ROW,
    &site::hugo::ROW,
    &site::mkdocs::ROW,
    &site::nikola::ROW,
    &site::pelican::ROW,
    &site::sphinx::ROW,
    &front_end::ROW,
    &scrapy::ROW,
    &static_site::ROW,
];

type Step = fn(&Project) -> Result<Option<Found>>;

/// What is looked for, in order: a Django project has objects of other frameworks at times, and
/// any project may have a folder of plain pages. A program that nothing else explains is a worker;
/// documentation below the project is served where there is nothing else.
const STEPS: [Step; 17] = [
    django::find,
    pyramid::find,
    objects::find,
    bottle::find,
    own_server::find,
    klein::find,
    aiohttp::find,
    functions_framework::find,
    twistd::find,
    tool::find,
    scrapy::find,
    site::find,
    front_end::find,
    static_site::find,
    scrapy::find_below,
    script::find,
    site::find_below,
];

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) row: &'static Row,
    pub(crate) reason: String,
    pub(crate) places: Vec<Place>,
    /// What can be served, best first; empty for a static site.
    pub(crate) objects: Vec<Candidate>,
    /// What is run instead of an object: a program that is its own server, or a worker.
    pub(crate) program: Option<Program>,
    /// Its programs run when they are asked to: it takes an environment and starts nothing.
    pub(crate) on_demand: bool,
    /// The folder that its processes start in, relative to the project; empty for the project.
    pub(crate) folder: PathBuf,
    pub(crate) import_paths: Vec<PathBuf>,
    pub(crate) release: Option<Sourced<CommandLine>>,
    pub(crate) assets: Vec<Sourced<AssetStep>>,
    pub(crate) routes: Vec<Sourced<Route>>,
    pub(crate) data: Vec<Sourced<DataPath>>,
    pub(crate) env: BTreeMap<String, Sourced<String>>,
    /// Settings that a random value will do for.
    pub(crate) drawn: Vec<Sourced<String>>,
    /// Settings that it fails without.
    pub(crate) demanded: Vec<Sourced<String>>,
    /// A file that names the packages of a site, and nothing else of the project.
    pub(crate) packages_at: Option<Place>,
    pub(crate) notes: Vec<Note>,
    /// What could be run in its place, where nobody says what is.
    pub(crate) others: Option<Note>,
    /// Applications of which nothing says that it is one rather than another, itself among them.
    pub(crate) peers: Option<Peers>,
}

/// Applications in folders beside each other.
#[derive(Debug)]
pub(crate) struct Peers {
    /// Each with the name of its framework.
    pub(crate) folders: Vec<(PathBuf, String)>,
    /// One of them as `[web] app` names it, where their folders can be imported.
    pub(crate) object: Option<String>,
}

/// An object that can be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) object: ObjectRef,
    pub(crate) interface: Option<Interface>,
    pub(crate) reason: String,
    pub(crate) place: Place,
}

impl Found {
    fn new(row: &'static Row, place: Place) -> Self {
        Self {
            row,
            reason: String::new(),
            places: vec![place],
            objects: Vec::new(),
            program: None,
            on_demand: false,
            folder: PathBuf::new(),
            import_paths: Vec::new(),
            release: None,
            assets: Vec::new(),
            routes: Vec::new(),
            data: Vec::new(),
            env: BTreeMap::new(),
            drawn: Vec::new(),
            demanded: Vec::new(),
            packages_at: None,
            notes: Vec::new(),
            others: None,
            peers: None,
        }
    }

    /// Whether something answers HTTP.
    pub(crate) fn serves(&self) -> bool {
        let by_itself = self.program.as_ref().is_some_and(|program| program.is_web);
        by_itself || !self.objects.is_empty()
    }

    /// What it speaks with the front door.
    pub(crate) fn protocol(&self) -> Protocol {
        if self.row.key == grpc::ROW.key {
            Protocol::H2c
        } else {
            Protocol::Http1
        }
    }

    /// Pages alone: nothing runs.
    pub(crate) fn is_static(&self) -> bool {
        self.objects.is_empty() && self.program.is_none()
    }

    /// The site that a generator builds, where it is one.
    pub(crate) fn site(&self) -> Option<&Site> {
        self.assets.iter().find_map(|step| match &step.value {
            AssetStep::Site(site) => Some(site),
            _ => None,
        })
    }
}

/// What the project is; fails where nothing is found, or where a file that matters does not parse.
pub(crate) fn detect(project: &Project) -> Result<Found> {
    for step in STEPS {
        if let Some(found) = step(project)? {
            return Ok(found);
        }
    }
    Err(nothing::error(project))
}

/// The object that a text such as `shop.web:app` or `shop/web.py` names, at `place`; `None` when it
/// names none.
pub(crate) fn named(project: &Project, text: &str, place: &Place) -> Result<Option<Candidate>> {
    let ranked = declared::named(project, text, place)?;
    Ok(ranked.map(|ranked| ranked.candidate))
}

impl Found {
    /// Moves to the folder of the object that `text` names, where that is not in its own.
    pub(crate) fn follow(&mut self, project: &Project, text: &str) {
        if let Some((folder, paths)) = declared::elsewhere(project, text, &self.folder) {
            self.folder = folder;
            self.import_paths = paths;
        }
    }
}
