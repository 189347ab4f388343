//! The plan: what will be built, run and routed, and why.
//!
//! Every decision is [`Sourced`]: it carries the places it was read from and the reason, so that
//! `ship plan` can show them and an error can point at them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ship_base::name::{AppName, ProcessName};

use crate::command::CommandLine;
use crate::web_server::WebServer;

mod front_end;
mod site;
mod visitors;

pub use self::front_end::{FrontEnd, PackageManager};
pub use self::site::{Generator, Site, SiteBuild, requirement_name};
pub use self::visitors::{BasicAuth, Browsers, Https, Pages, Rate, Rules};

/// The version of `plan.json`; raised when an older reader would misread it.
pub const VERSION: u32 = 1;

/// A file, and where in it: lines count from 1; 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Path relative to the project.
    pub file: PathBuf,
    /// Line from 1, or 0 for the file as a whole.
    pub line: u32,
}

impl Place {
    /// A file as a whole.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self::line(file, 0)
    }

    /// A line of a file, from 1.
    pub fn line(file: impl Into<PathBuf>, line: u32) -> Self {
        Self {
            file: file.into(),
            line,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

/// A decision with its reason and the places it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sourced<T> {
    /// What was decided.
    pub value: T,
    /// Why, as a fragment: `Django with migrations`, `no server locked: Granian added`.
    /// Empty when the places say it all.
    pub reason: String,
    /// Where it was read; empty for a default.
    pub places: Vec<Place>,
}

impl<T> Sourced<T> {
    /// Read from one place that says it all.
    pub fn from(value: T, place: Place) -> Self {
        Self::because(value, "", vec![place])
    }

    /// A default, or a decision of ours, with its reason.
    pub fn by_default(value: T, reason: impl Into<String>) -> Self {
        Self::because(value, reason, Vec::new())
    }

    /// A decision with its reason and places.
    pub fn because(value: T, reason: impl Into<String>, places: Vec<Place>) -> Self {
        Self {
            value,
            reason: reason.into(),
            places,
        }
    }
}

/// The whole plan of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// The app's name: manifest, `[project] name`, or the folder's name.
    pub name: Sourced<AppName>,
    /// Host names beside `NAME.localhost`.
    pub domains: Vec<Sourced<String>>,
    /// What kind of project this is.
    pub framework: Sourced<Framework>,
    /// The Python it wants; `None` for a static site.
    pub python: Option<Sourced<PythonRequest>>,
    /// Where its packages are named; `None` for a static site.
    pub dependencies: Option<Sourced<Dependencies>>,
    /// Folders, relative to the source, that go on `PYTHONPATH`: `.` and, with a src layout, `src`.
    pub import_paths: Vec<PathBuf>,
    /// The folder that processes, the release command and build commands start in, relative to
    /// the source: `.`, or the one that holds `manage.py`.
    #[serde(default = "source_itself")]
    pub folder: PathBuf,
    /// The way from the project's folder to the source, `../..`, where the project is a member of
    /// a uv workspace: the workspace is the source then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<PathBuf>,
    /// What runs. At most one process is [`Role::Web`].
    pub processes: Vec<Process>,
    /// Run with the new code and settings before any traffic: migrations.
    pub release: Option<Sourced<CommandLine>>,
    /// Run at build, in order, in the built environment.
    pub assets: Vec<Sourced<AssetStep>>,
    /// Path prefixes that are not answered by `web`; `/` is web's unless named here.
    pub routes: Vec<Sourced<Route>>,
    /// Paths that live in the data folder and outlive releases.
    pub data: Vec<Sourced<DataPath>>,
    /// Plain settings from the manifest. `.env` is not here: its values are secret.
    pub env: BTreeMap<String, Sourced<String>>,
    /// Settings that must be there before the build.
    pub required_env: Vec<Sourced<String>>,
    /// Settings that the code reads without a default, and that neither `.env` nor the manifest
    /// has: without them it may not start.
    #[serde(default)]
    pub asked_env: Vec<Sourced<String>>,
    /// Secrets that only the app itself reads, and that nobody has set: drawn at random with the
    /// first deploy, and kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drawn_env: Vec<Sourced<String>>,
    /// Names under which the app is visited and that it would refuse: Django's `ALLOWED_HOSTS`
    /// lacks them. It is told to allow them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_hosts: Vec<String>,
    /// Caps for each instance.
    pub limits: Limits,
    /// What visitors are asked about TLS, on a server.
    #[serde(default, skip_serializing_if = "Https::is_default")]
    pub https: Https,
    /// The one of its names to which visitors of its others are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<Sourced<String>>,
    /// What browsers are told.
    #[serde(default, skip_serializing_if = "Browsers::is_default")]
    pub browsers: Browsers,
    /// What visitors see where the app does not answer.
    #[serde(default, skip_serializing_if = "Pages::is_default")]
    pub pages: Pages,
    /// What the author should know; shown once, below the plan.
    pub notes: Vec<Note>,
}

fn source_itself() -> PathBuf {
    PathBuf::from(".")
}

impl Plan {
    /// The process that answers HTTP, if any.
    pub fn web(&self) -> Option<&Process> {
        self.processes.iter().find(|process| process.is_web())
    }

    /// The process with this name.
    pub fn process(&self, name: &ProcessName) -> Option<&Process> {
        self.processes.iter().find(|process| &process.name == name)
    }
}

/// The kind of project: a row of the detection table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Framework {
    /// The row's key: `django`, `flask`, `fastapi`, `starlette`, `wsgi`, `asgi`, `static`, `hugo`; `procfile`
    /// or `manifest` where only the author's own commands are known.
    pub key: String,
    /// The name people use: `Django`.
    pub label: String,
    /// The locked version, as far as the lock tells: `5.2.8`.
    pub version: Option<String>,
}

/// A version of Python as the project asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PythonRequest {
    /// What uv understands: `3.12`, `3.12.4`, `>=3.10,<3.14`; empty when any will do.
    pub request: String,
    /// `requires-python` of the project, which holds beside the request.
    pub requires: Option<String>,
}

/// Where the project names its packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Dependencies {
    /// `uv.lock` beside `pyproject.toml`; `uv sync --locked`.
    UvLock {
        /// The lock, relative to the source.
        lock: PathBuf,
        /// The package of the workspace that is run, where it is not the one beside the lock.
        #[serde(default)]
        member: Option<String>,
        /// How many packages it holds, without the project itself.
        packages: usize,
    },
    /// A lock of Poetry, PDM or Pipenv: its packages, in its versions, with its hashes.
    Locked {
        /// Whose lock it is.
        tool: LockTool,
        /// The lock, relative to the project.
        lock: PathBuf,
        /// How many packages of it count, without development groups.
        packages: usize,
    },
    /// `pylock.toml` (PEP 751): installed as it is.
    Pylock {
        /// The lock, relative to the project.
        lock: PathBuf,
        /// How many packages it holds.
        packages: usize,
    },
    /// Packages without a lock in a format that uv does not read (`Pipfile`, `[tool.poetry]`,
    /// `environment.yml`), said as requirements: locked at build.
    Listed {
        /// The file, relative to the project.
        file: PathBuf,
        /// Lines of a requirements file.
        requirements: Vec<String>,
        /// Addresses of indexes that the file names beside PyPI.
        indexes: Vec<String>,
    },
    /// `setup.py` or `setup.cfg`: setuptools is asked, locked at build.
    Setup {
        /// The file, relative to the project.
        file: PathBuf,
    },
    /// `pyproject.toml` with dependencies and no lock: locked at build.
    Pyproject {
        /// The file, relative to the project.
        file: PathBuf,
    },
    /// Requirements files: locked at build unless every line is pinned.
    Requirements {
        /// Relative to the project, in order.
        files: Vec<PathBuf>,
        /// How many requirements they name, includes followed.
        packages: usize,
        /// Whether every line is an exact version.
        pinned: bool,
    },
    /// No file names any package. Packages that the code imports and that a row knows are added.
    Unnamed {
        /// What detection saw imported, such as `flask`.
        add: Vec<String>,
    },
}

/// A tool that writes locks of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockTool {
    /// `poetry.lock` beside `pyproject.toml`.
    Poetry,
    /// `pdm.lock` beside `pyproject.toml`.
    Pdm,
    /// `Pipfile.lock` beside `Pipfile`.
    Pipenv,
}

impl LockTool {
    /// The lock's file name.
    pub fn lock(self) -> &'static str {
        match self {
            Self::Poetry => "poetry.lock",
            Self::Pdm => "pdm.lock",
            Self::Pipenv => "Pipfile.lock",
        }
    }

    /// The file that says what is to be locked.
    pub fn manifest(self) -> &'static str {
        match self {
            Self::Poetry | Self::Pdm => "pyproject.toml",
            Self::Pipenv => "Pipfile",
        }
    }

    /// The command that adds a package.
    pub fn add(self) -> &'static str {
        match self {
            Self::Poetry => "poetry add",
            Self::Pdm => "pdm add",
            Self::Pipenv => "pipenv install",
        }
    }

    /// The command that brings the lock up to date.
    pub fn command(self) -> &'static str {
        match self {
            Self::Poetry => "poetry lock",
            Self::Pdm => "pdm lock",
            Self::Pipenv => "pipenv lock",
        }
    }
}

/// One kind of program in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// `web`, `worker`, …
    pub name: ProcessName,
    /// What it is for.
    pub role: Role,
    /// How it is started.
    pub start: Sourced<Start>,
    /// How many copies run; 1 by default. `ship scale` overrules it.
    pub instances: u32,
    /// How long it may take to finish after SIGTERM; 30 s by default.
    pub grace: Duration,
    /// Detection proposes it: nobody wrote it down. It must not keep `web` from starting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Proposal>,
}

/// What a process that detection proposes needs before it is started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Settings without which it has nothing to talk to, such as `REDIS_URL`, each with the line
    /// that asks for it.
    pub needs: Vec<Sourced<String>>,
}

impl Process {
    /// Whether the door sends it requests.
    pub fn is_web(&self) -> bool {
        matches!(self.role, Role::Web { .. })
    }
}

/// What a process is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Role {
    /// Answers HTTP behind the door.
    Web {
        /// The path asked for readiness; `/` by default. Any answer below 500 is alive.
        health: String,
        /// How long it may take to become ready; 60 s by default.
        ready_within: Duration,
        /// What it speaks with the door.
        #[serde(default)]
        protocol: Protocol,
    },
    /// Runs for ever without traffic.
    Worker,
    /// Runs at times: a cron expression of five fields, in the machine's time zone.
    Job {
        /// `0 6 * * *`
        schedule: String,
    },
}

/// What a web process speaks with the door.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 without TLS, as servers of gRPC do. It is asked for its settings, and for no path.
    H2c,
}

/// How a process is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Start {
    /// An application object behind a web server of our choice; the proof confirms it.
    Object(Served),
    /// The author's own command.
    Command(Authored),
}

/// An application object and the server that runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The object to serve.
    pub object: ObjectRef,
    /// Others that detection found, in order; the proof may take one of them.
    pub others: Vec<ObjectRef>,
    /// How the object is called, as far as detection knows; the proof decides.
    pub interface: Option<Interface>,
    /// The program that runs it.
    pub server: WebServer,
    /// The server is not among the project's packages and is added in a layer of its own.
    pub added: bool,
    /// Further arguments for the server: `--threads 4`.
    pub arguments: Vec<String>,
    /// It keeps its sessions in the memory of one process: a single worker serves it.
    #[serde(default)]
    pub one_worker: bool,
}

/// The author's command, with what we understood of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authored {
    /// The command, without the listening flags where `server` is known.
    pub command: CommandLine,
    /// A known web server is started by it: it is given its listening address by flags.
    /// `None`: it gets `PORT` and listens on 127.0.0.1 (web), or does not listen (workers, jobs).
    pub server: Option<WebServer>,
    /// The server's own configuration asks for what unix sockets cannot do: it gets a port.
    #[serde(default)]
    pub needs_port: bool,
    /// Detection knows it as its own server, and how it comes to listen where it should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_port: Option<OwnPort>,
}

/// The port that a program of its own server asks for. A port of its own choice is exchanged for
/// `PORT`, so that several instances run beside each other, and the old beside the new while they
/// are switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnPort {
    /// `PORT`, by its command or by its code.
    Given,
    /// This one, which its code names.
    Asked(u16),
    /// The first one that it listens on.
    First,
}

/// An object inside a module: `talkshow.wsgi:application`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Dotted module name, importable from one of the plan's import paths.
    pub module: String,
    /// Attribute, dots allowed: `app`, `create_app`.
    pub attribute: String,
    /// The attribute is a function without needed arguments that returns the application.
    pub factory: bool,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = if self.factory { "()" } else { "" };
        write!(f, "{}:{}{call}", self.module, self.attribute)
    }
}

/// How a Python web application is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// PEP 3333.
    Wsgi,
    /// ASGI 3.
    Asgi,
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wsgi => "wsgi",
            Self::Asgi => "asgi",
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "http1",
            Self::H2c => "h2c",
        })
    }
}

/// Something made at build and served or used at run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AssetStep {
    /// Django's `collectstatic`: STATIC_URL, STATIC_ROOT and the rest are asked from the settings
    /// themselves in the built environment.
    CollectStatic {
        /// The folder that holds `manage.py`, relative to the source.
        project: PathBuf,
        /// The settings module.
        settings: String,
    },
    /// A command of the author's, such as `hugo --source site`.
    Command {
        /// Run in the source, with the environment's `bin` first on PATH.
        command: CommandLine,
    },
    /// A site that a generator builds.
    Site(Site),
    /// A front end that its own script builds; what it makes stands where it writes it.
    FrontEnd(FrontEnd),
}

/// A path prefix that `web` does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Starts with `/`; the longest that fits wins.
    pub prefix: String,
    /// Who answers.
    pub to: RouteTarget,
    /// How long the front door keeps answers that say nothing about it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheRule>,
    /// The process is asked without the prefix.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strip: bool,
    /// What is asked of its visitors.
    #[serde(default, skip_serializing_if = "Rules::is_default")]
    pub rules: Rules,
    /// Its author speaks of its visitors alone and not of who answers: `web` does, unless somebody
    /// else is found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
}

impl Route {
    /// Without a word about caches and visitors.
    pub fn new(prefix: String, to: RouteTarget) -> Self {
        Self {
            prefix,
            to,
            cache: None,
            strip: false,
            rules: Rules::default(),
            open: false,
        }
    }

    /// Whether this is the route of a prefix: a `/` at its end makes no difference.
    pub fn is_of(&self, prefix: &str) -> bool {
        self.prefix.trim_end_matches('/') == prefix.trim_end_matches('/')
    }

    /// Somebody was found who answers, where its author did not say so.
    pub fn answered_by(&mut self, to: RouteTarget) {
        if self.open {
            self.to = to;
            self.open = false;
        }
    }
}

/// How long answers are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheRule {
    /// A new one is asked for after this time.
    pub fresh: Duration,
    /// And after this share, in percent, of the time for which an answer was unchanged when it came
    /// (its `Last-Modified`); one that does not say is not kept.
    #[serde(default)]
    pub share: Option<u32>,
    /// After that, an old one is better than none for this time.
    pub stale: Duration,
}

/// Who answers a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RouteTarget {
    /// Files of the release, relative to its source.
    Static {
        /// The folder.
        folder: PathBuf,
    },
    /// Files of the release, relative to its source; a path without a file is a page of the single
    /// page app in it.
    SinglePage {
        /// The folder.
        folder: PathBuf,
        /// The file of it that answers for every page: `index.html`.
        page: PathBuf,
    },
    /// What `collectstatic` made.
    Assets,
    /// What the generator of [`AssetStep::Site`] made.
    Site,
    /// Files of the data folder, relative to it: uploads.
    Data {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process of the plan.
    Process {
        /// Its name.
        process: ProcessName,
    },
    /// Somewhere else, with a status of 301, 302, 307 or 308.
    Redirect {
        /// An absolute URL or a path.
        to: String,
        /// The status.
        status: u16,
    },
}

/// A path of the source that is kept in the data folder: a link stands in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPath {
    /// Relative to the source: `db.sqlite3`, `media`.
    pub path: PathBuf,
    /// A folder (made where missing) or a file (its folder is made).
    pub folder: bool,
}

/// Caps for each instance, and what visitors may take. `None` is no cap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Processor time, in thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u32>,
    /// Bytes of a request's body; 10 MiB by default.
    pub body: Option<u64>,
    /// Bytes that may go out to visitors of the whole app in a calendar month (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<u64>,
    /// What happens beyond that.
    #[serde(default, skip_serializing_if = "TrafficOver::is_default")]
    pub traffic_over: TrafficOver,
}

/// What happens with an app whose visitors have taken what its author wants to pay for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficOver {
    /// It is said, and nothing else.
    #[default]
    Warn,
    /// Its answers go out slowly until the month ends.
    Slow,
    /// Visitors see a page in its place until the month ends.
    Pause,
}

impl TrafficOver {
    /// Each with the word that a manifest has for it.
    pub const ALL: [(&'static str, Self); 3] = [
        ("warn", Self::Warn),
        ("slow", Self::Slow),
        ("pause", Self::Pause),
    ];

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands over a reference"
    )]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Something the author should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// A sentence fragment in our voice.
    pub text: String,
    /// What to do about it, ideally a command.
    pub hint: Option<String>,
    /// Where it was seen.
    pub place: Option<Place>,
}
