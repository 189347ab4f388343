//! How `web` is started: by the author's command, or an object behind a server of our choice.

use std::collections::BTreeSet;
use std::path::Path;

use crate::assemble::Sources;
use crate::command::CommandLine;
use crate::detect::astray::Astray;
use crate::detect::development::{Replaceable, recognise, trimmed};
use crate::detect::known::ONE_WORKER;
use crate::detect::program::Program;
use crate::detect::{Candidate, Found, named};
use crate::error::{Error, Result};
use crate::excerpt::Excerpt;
use crate::files::procfile::Entry;
use crate::manifest::{self, Located};
use crate::packages::Packages;
use crate::plan::{Authored, Interface, Note, ObjectRef, OwnPort, Place, Served, Sourced, Start};
use crate::project::Project;
use crate::python::index::plain;
use crate::start::{gunicorn_config, is_python, started, without_runner};
use crate::web::port::Port;
use crate::web_server::{ROWS, WebServer};

mod port;

/// How `web` is started, and what its author runs right before.
pub(crate) struct Web {
    pub(crate) start: Sourced<Start>,
    /// From `python manage.py migrate && python manage.py runserver`, whose server is replaced.
    pub(crate) before: Option<Sourced<CommandLine>>,
    /// What the replaced line sets: `SHOP_MODE=live flask run`.
    pub(crate) env: Vec<(String, Sourced<String>)>,
    pub(crate) notes: Vec<Note>,
}

impl From<Sourced<Start>> for Web {
    fn from(start: Sourced<Start>) -> Self {
        Self {
            start,
            before: None,
            env: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// The start of `web`, if the project has one: manifest, then Procfile, then detection.
pub(crate) fn process(
    sources: &Sources,
    found: Option<&Found>,
    packages: &Packages,
    folder: &Path,
) -> Result<Option<Web>> {
    let choice = Choice {
        sources,
        packages,
        folder,
    };
    choice.made(found)
}

/// Whether the Procfile's `web` starts the program that detection found, and leaves the port to it.
pub(crate) fn is_known(sources: &Sources, found: &Found) -> bool {
    let web = sources.entries().find(|entry| entry.name == "web");
    web.is_some_and(|entry| {
        let line = trimmed(&entry.command).map(|(line, _)| line);
        let line = line.as_ref().unwrap_or(&entry.command);
        let development = recognise(&sources.project, line).filter(|it| it.remedy.is_none());
        let stands_in = development.is_some_and(|it| stands_in(&it, entry, found).is_some());
        known(&entry.command, found).is_some() || stands_in
    })
}

/// The program that runs in place of a development server of the Procfile's: detection's, for the
/// same file, which a server that is told where to listen runs.
fn stands_in<'a>(
    development: &Replaceable,
    entry: &Entry,
    found: &'a Found,
) -> Option<&'a Program> {
    let program = found.program.as_ref().filter(|program| program.is_web)?;
    let told = program.own_port.is_none_or(|port| port == OwnPort::Given);
    let file = program.place.file.with_extension("");
    let same = development
        .names
        .as_ref()
        .is_none_or(|names| plain(Path::new(names)).with_extension("") == file);
    (told && same && program.command != entry.command).then_some(program)
}

/// The author's line for a program that detection knows: `python server.py` with a port of its own
/// choice.
fn known<'a>(command: &CommandLine, found: &'a Found) -> Option<&'a Program> {
    let program = found.program.as_ref().filter(|program| program.is_web)?;
    let asks = program.own_port.is_some_and(|port| port != OwnPort::Given);
    let plain = |command: &CommandLine| {
        let (first, rest) = without_runner(command.words()?).split_first()?;
        let rest = rest.iter().filter(|word| *word != "-u");
        let rest = rest.map(|word| word.trim_start_matches("./").to_owned());
        is_python(first).then(|| rest.collect::<Vec<_>>())
    };
    let same = plain(command)? == plain(&program.command)?;
    (asks && same && found.folder.iter().next().is_none()).then_some(program)
}

struct Choice<'a> {
    sources: &'a Sources,
    packages: &'a Packages,
    folder: &'a Path,
}

impl Choice<'_> {
    /// What runs, by whom it is said.
    fn made(&self, found: Option<&Found>) -> Result<Option<Web>> {
        let web = &self.sources.manifest.web;
        if let Some(command) = &web.command {
            let written = self.as_written(&command.value, &command.place);
            return Ok(Some(self.doubted(written, &command.place, found)));
        }
        if let Some(app) = &web.app {
            let declared = self.declared(app)?.into();
            return Ok(Some(self.doubted(declared, &app.place, found)));
        }
        let entry = self.sources.entries().find(|entry| entry.name == "web");
        let Some(entry) = entry else {
            return match found {
                Some(found) => Ok(self.detected(found)?.map(Web::from)),
                None => Ok(None),
            };
        };
        let line = trimmed(&entry.command).map(|(line, _)| line);
        let line = line.as_ref().unwrap_or(&entry.command);
        let development = recognise(self.project(), line).filter(|it| it.remedy.is_none());
        if let Some(development) = development
            && let Some(start) = self.in_its_place(&development, found, entry)?
        {
            let before = development
                .before
                .and_then(|line| CommandLine::parse(&line).ok());
            let before = before.map(|line| Sourced::from(line, entry.place.clone()));
            let env = development.env.into_iter();
            let env = env.map(|(name, value)| (name, Sourced::from(value, entry.place.clone())));
            return Ok(Some(Web {
                start,
                before,
                env: env.collect(),
                notes: Vec::new(),
            }));
        }
        if let Some(program) = found.and_then(|found| known(&entry.command, found)) {
            let start = Choice::run(program, &program.command);
            let start = Sourced::because(start, program.reason.clone(), vec![entry.place.clone()]);
            return Ok(Some(start.into()));
        }
        let written = self.as_written(&entry.command, &entry.place);
        Ok(Some(self.doubted(written, &entry.place, found)))
    }

    /// What runs in place of a development server of the Procfile's, an object or a program.
    fn in_its_place(
        &self,
        development: &Replaceable,
        found: Option<&Found>,
        entry: &Entry,
    ) -> Result<Option<Sourced<Start>>> {
        let object = self.in_place_of(development, found, &entry.place)?;
        let program = || {
            let program = found.and_then(|found| stands_in(development, entry, found))?;
            let start = self.start_of(program);
            let what = match start.server() {
                Some(server) => format!("{} in its place", server.label()),
                None => program.reason.clone(),
            };
            let reason = format!("{}: {what}", development.reason);
            Some(Sourced::because(start, reason, vec![entry.place.clone()]))
        };
        Ok(object.or_else(program))
    }

    /// A server that an author's command starts and no file names: the build adds it where it stands
    /// alone.
    fn unnamed(&self, start: &Sourced<Start>) -> Option<Note> {
        let Start::Command(authored) = &start.value else {
            return None;
        };
        self.packages.dependencies.as_ref()?;
        let words = authored.command.last_words()?;
        let server = authored.server.or_else(|| started(&words))?;
        let package = server.package();
        if self.packages.names_more || self.packages.has(package) {
            return None;
        }
        let (done, decides) = match authored.server {
            Some(_) => ("it is added for `web`", "decides about its version"),
            None => ("`web` starts it", "installs it"),
        };
        Some(Note {
            text: format!("`{package}` is not among the packages: {done}"),
            hint: Some(format!(
                "`uv add {package}`, or a line in `requirements.txt`, {decides}"
            )),
            place: start.places.first().cloned(),
        })
    }

    fn project(&self) -> &Project {
        &self.sources.project
    }

    /// The author's own command without what is for development; a development server is told.
    fn as_written(&self, command: &CommandLine, place: &Place) -> Web {
        let (command, reason) = match trimmed(command) {
            Some((line, flag)) => (line, format!("without `{flag}`, which is for development")),
            None => (command.clone(), String::new()),
        };
        let development = recognise(self.project(), &command);
        let mut notes = Vec::from_iter(development.map(|found| found.note(place)));
        let (command, reason) = match port::of_its_own(self.project(), &command, place) {
            Some(Port::Given(line, why)) => {
                let reasons = [reason, why];
                let said = reasons.into_iter().filter(|reason| !reason.is_empty());
                (line, said.collect::<Vec<_>>().join("; "))
            }
            Some(Port::Told(note)) => {
                notes.push(note);
                (command, reason)
            }
            None => (command, reason),
        };
        let start = self.authored(&command);
        let start = Sourced::because(start, reason, vec![place.clone()]);
        notes.extend(self.unnamed(&start));
        Web {
            notes,
            ..start.into()
        }
    }

    /// With a note where the author's own words name a module that is nowhere.
    fn doubted(&self, mut web: Web, place: &Place, found: Option<&Found>) -> Web {
        let text = match &web.start.value {
            Start::Object(served) => Some(served.object.module.clone()),
            Start::Command(authored) => authored.object().map(str::to_owned),
        };
        let by = format!("`{}`", place.file.display());
        let astray = text.and_then(|text| Astray::of(self.project(), &by, &text, place));
        if let Some(astray) = astray {
            let objects = found.and_then(|found| found.objects.first());
            let instead = objects.map(|candidate| &candidate.object);
            web.notes.push(astray.note(instead, false));
        }
        web
    }

    /// The author's own command.
    fn authored(&self, command: &CommandLine) -> Start {
        let mut authored = Authored::understand(command.clone());
        authored.needs_port = self.needs_port(&authored);
        Start::Command(authored)
    }

    /// Linux refuses SO_REUSEPORT on unix sockets since 6.12 (`sk_is_inet` in net/core/sock.c), and
    /// Gunicorn gives up there.
    fn needs_port(&self, authored: &Authored) -> bool {
        let words = authored.command.words().unwrap_or_default();
        let file = self.folder.join(gunicorn_config(words));
        let module = self.project().index.get(&file);
        authored.server == Some(WebServer::Gunicorn)
            && module.is_some_and(|module| module.top.binding("reuse_port").is_some())
    }

    /// A program of detection's.
    fn start_of(&self, program: &Program) -> Start {
        match program.own_port {
            Some(_) => Self::run(program, &program.command),
            None => self.authored(&program.command),
        }
    }

    /// A program that is its own server.
    fn run(program: &Program, command: &CommandLine) -> Start {
        Start::Command(Authored {
            command: command.clone(),
            server: None,
            needs_port: false,
            own_port: program.own_port,
        })
    }

    /// `[web] app = "module:object"`
    fn declared(&self, app: &Located<String>) -> Result<Sourced<Start>> {
        let Some(candidate) = named(self.project(), &app.value, &app.place)? else {
            // The manifest's reader has checked its form.
            return Err(self.wrong(&app.place, "`app` names no object".to_owned(), None));
        };
        self.served(&[candidate])
    }

    fn detected(&self, found: &Found) -> Result<Option<Sourced<Start>>> {
        if let Some(program) = found.program.as_ref().filter(|program| program.is_web) {
            let start = self.start_of(program);
            let places = vec![program.place.clone()];
            return Ok(Some(Sourced::because(
                start,
                program.reason.clone(),
                places,
            )));
        }
        if found.objects.is_empty() {
            return Ok(None);
        }
        self.served(&found.objects).map(Some)
    }

    /// What runs in place of a development server. Detection's object, unless the command names
    /// another one; `None` when there is no object at all.
    fn in_place_of(
        &self,
        development: &Replaceable,
        found: Option<&Found>,
        place: &Place,
    ) -> Result<Option<Sourced<Start>>> {
        let named = match &development.names {
            Some(text) => named(self.project(), text, place)?,
            None => None,
        };
        let detected = found
            .map(|found| found.objects.as_slice())
            .unwrap_or_default();
        let objects: Vec<Candidate> = named.into_iter().chain(detected.iter().cloned()).collect();
        if objects.is_empty() {
            return Ok(None);
        }
        let start = self.served(&objects)?;
        let server = start.value.server().map_or("a server", WebServer::label);
        let reason = format!("{}: {server} in its place", development.reason);
        Ok(Some(Sourced::because(
            start.value,
            reason,
            vec![place.clone()],
        )))
    }

    /// The first object behind a server that fits it.
    fn served(&self, objects: &[Candidate]) -> Result<Sourced<Start>> {
        let web = &self.sources.manifest.web;
        let first = &objects[0];
        let interface = web.interface.as_ref().map(|i| i.value).or(first.interface);
        if let Some(start) = self.with_worker_class(first, interface) {
            return Ok(start);
        }
        let (server, added) = self.server(interface, first)?;
        let sessions = self.in_one_process();
        let served = Served {
            object: first.object.clone(),
            others: others(objects),
            interface,
            server,
            added,
            arguments: Vec::new(),
            one_worker: sessions.is_some(),
        };
        let reason = if added {
            self.why_added(interface, server)
        } else {
            first.reason.clone()
        };
        let reason = match sessions {
            Some(label) => format!("{reason}; one worker: {label} keeps its sessions in memory"),
            None => reason,
        };
        let start = self.configured(&served).unwrap_or(Start::Object(served));
        Ok(Sourced::because(start, reason, vec![first.place.clone()]))
    }

    /// What the code uses that keeps its sessions in the memory of one process.
    fn in_one_process(&self) -> Option<&'static str> {
        let names = ONE_WORKER.map(|(name, _)| name);
        let modules = self.project().index.own_modules_with(&names);
        let imports: BTreeSet<&str> = modules
            .flat_map(|module| &module.top.imports)
            .filter(|import| import.level == 0)
            .filter_map(|import| import.module.split('.').next())
            .collect();
        let known = ONE_WORKER.iter().find(|(name, _)| imports.contains(name));
        known.map(|(_, label)| *label)
    }

    /// The server that the manifest names, else the one among the packages, else Granian, added.
    fn server(
        &self,
        interface: Option<Interface>,
        object: &Candidate,
    ) -> Result<(WebServer, bool)> {
        if let Some(server) = &self.sources.manifest.web.server {
            return self.chosen(server, interface);
        }
        let runs = |server: &WebServer| server.runs_factories() || !object.object.factory;
        let names = || self.packages.names();
        let locked = match interface {
            Some(interface) => WebServer::among(names(), interface),
            None => WebServer::among(names(), Interface::Wsgi)
                .or_else(|| WebServer::among(names(), Interface::Asgi)),
        };
        Ok(match locked.filter(runs) {
            Some(server) => (server, false),
            None => (WebServer::Granian, true),
        })
    }

    fn chosen(
        &self,
        server: &Located<WebServer>,
        interface: Option<Interface>,
    ) -> Result<(WebServer, bool)> {
        let wanted = server.value;
        if let Some(interface) = interface.filter(|interface| !wanted.supports(*interface)) {
            let interface = interface.to_string().to_uppercase();
            let message = format!(
                "{} does not serve {interface}, as the object needs",
                wanted.label()
            );
            return Err(self.wrong(&server.place, message, None));
        }
        let locked = self.packages.has(wanted.package());
        if !locked && wanted != WebServer::Granian {
            let message = format!("`{}` is not among the project's packages", wanted.package());
            let hint = format!(
                "add it: `uv add {}`, or a line in `requirements.txt`",
                wanted.package()
            );
            return Err(self.wrong(&server.place, message, Some(hint)));
        }
        Ok((wanted, !locked))
    }

    fn why_added(&self, interface: Option<Interface>, server: WebServer) -> String {
        let other = ROWS.iter().find(|row| self.packages.has(row.package));
        match (other, interface) {
            (Some(row), Some(interface)) if !row.interfaces.contains(&interface) => {
                let interface = interface.to_string().to_uppercase();
                format!(
                    "{} does not serve {interface}: {} added",
                    row.label,
                    server.label()
                )
            }
            _ => format!("no server locked: {} added", server.label()),
        }
    }

    /// `gunicorn.conf.py` is read by Gunicorn itself; flags of ours would overrule its workers.
    fn configured(&self, served: &Served) -> Option<Start> {
        if served.server != WebServer::Gunicorn {
            return None;
        }
        let file = self.folder.join("gunicorn.conf.py");
        let module = self.project().index.get(&file)?;
        let decides = ["workers", "threads", "worker_class", "reuse_port"]
            .iter()
            .any(|name| module.top.binding(name).is_some());
        let interface = served.interface.unwrap_or(Interface::Wsgi);
        let mut argv = vec![served.server.program().to_owned()];
        argv.extend(served.server.object_words(&served.object, interface));
        decides.then(|| self.authored(&CommandLine::Argv(argv)))
    }

    /// A `worker_class` in `gunicorn.conf.py` that serves ASGI: Gunicorn is the server that its author
    /// set up, whatever else is locked.
    fn with_worker_class(
        &self,
        object: &Candidate,
        interface: Option<Interface>,
    ) -> Option<Sourced<Start>> {
        let is_free = self.sources.manifest.web.server.is_none();
        let locked = self.packages.has(WebServer::Gunicorn.package());
        if !is_free || !locked || interface != Some(Interface::Asgi) {
            return None;
        }
        let file = self.folder.join("gunicorn.conf.py");
        let module = self.project().index.get(&file)?;
        let binding = module.top.binding("worker_class")?;
        let class = binding.value.text()?.to_lowercase();
        if !class.contains("uvicorn") && class != "asgi" {
            return None;
        }
        let words = WebServer::Gunicorn.object_words(&object.object, Interface::Asgi);
        let argv = std::iter::once(WebServer::Gunicorn.program().to_owned()).chain(words);
        let start = self.authored(&CommandLine::Argv(argv.collect()));
        let reason = "`worker_class` of gunicorn.conf.py".to_owned();
        let places = vec![module.place(binding.line)];
        Some(Sourced::because(start, reason, places))
    }

    fn wrong(&self, place: &Place, message: String, hint: Option<String>) -> Error {
        let text = self
            .project()
            .tree
            .text(manifest::FILE)
            .ok()
            .flatten()
            .unwrap_or_default();
        Error::Manifest {
            excerpt: Box::new(Excerpt::of_line(&place.file, &text, place.line)),
            message,
            hint,
        }
    }
}

/// The objects after the first, each once.
fn others(objects: &[Candidate]) -> Vec<ObjectRef> {
    let mut others: Vec<ObjectRef> = Vec::new();
    for candidate in objects {
        if candidate.object != objects[0].object && !others.contains(&candidate.object) {
            others.push(candidate.object.clone());
        }
    }
    others
}
