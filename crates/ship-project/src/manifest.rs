//! `ship.toml`: what the author says. Every key is optional.
//!
//! [`reference()`](schema::reference) is the one list of keys: the reader refuses what is not in it,
//! and the reference page and the JSON schema are made from it.

use std::path::PathBuf;
use std::time::Duration;

use ship_base::name::{AppName, ProcessName};

use crate::command::CommandLine;
use crate::plan::{CacheRule, Https, Interface, Limits, Place, Protocol, RouteTarget, Rules};
use crate::web_server::WebServer;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod quantity;
pub(crate) mod read;
mod schema;
mod table;

pub use self::quantity::size;
pub use self::schema::{KeyDoc, Kind, reference, schema};

/// The file's name.
pub const FILE: &str = "ship.toml";

/// A value with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// Everything the manifest says; what it does not say is `None` or empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) name: Option<Located<AppName>>,
    pub(crate) domains: Vec<Located<String>>,
    pub(crate) python: Option<Located<String>>,
    pub(crate) web: Web,
    /// `[process.*]`, in the order of the file.
    pub(crate) processes: Vec<Named>,
    /// `[job.*]`, in the order of the file.
    pub(crate) jobs: Vec<Job>,
    pub(crate) release: Option<Located<CommandLine>>,
    pub(crate) build: Vec<Located<CommandLine>>,
    pub(crate) routes: Vec<Route>,
    pub(crate) data: Vec<Located<PathBuf>>,
    pub(crate) env: Vec<(String, Located<String>)>,
    pub(crate) required_env: Vec<Located<String>>,
    pub(crate) limits: Limits,
    pub(crate) https: Https,
    pub(crate) canonical: Option<Located<String>>,
    pub(crate) browsers: Browsers,
    pub(crate) pages: Pages,
}

/// `[web]`
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Web {
    pub(crate) command: Option<Located<CommandLine>>,
    /// `module:object`
    pub(crate) app: Option<Located<String>>,
    pub(crate) server: Option<Located<WebServer>>,
    pub(crate) interface: Option<Located<Interface>>,
    pub(crate) protocol: Option<Located<Protocol>>,
    pub(crate) health: Option<String>,
    pub(crate) ready_within: Option<Duration>,
    pub(crate) instances: Option<u32>,
    pub(crate) grace: Option<Duration>,
}

/// `[process.NAME]`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: ProcessName,
    pub(crate) command: Located<CommandLine>,
    pub(crate) instances: Option<u32>,
    pub(crate) grace: Option<Duration>,
}

/// `[job.NAME]`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) name: ProcessName,
    pub(crate) command: Located<CommandLine>,
    pub(crate) schedule: String,
}

/// `[route."/prefix"]`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) prefix: Located<String>,
    pub(crate) to: RouteTarget,
    pub(crate) build: Option<Located<CommandLine>>,
    pub(crate) cache: Option<CacheRule>,
    pub(crate) strip: bool,
    pub(crate) rules: Rules,
    /// It does not say who answers.
    pub(crate) open: bool,
}

/// `[pages]`: files that [`crate::plan::Pages`] tells of, with the lines that name them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pages {
    pub(crate) not_found: Option<Located<PathBuf>>,
    pub(crate) unavailable: Option<Located<PathBuf>>,
    pub(crate) maintenance: Option<Located<PathBuf>>,
}

/// `[browsers]`
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Browsers {
    pub(crate) headers: Option<bool>,
    pub(crate) frames: Option<bool>,
}
