//! A place to build in: a store, a project, and what is needed to build it once more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use ship_base::hint::Hints as _;
use ship_base::name::{AppName, ProcessName};
use ship_base::paths::Folders;
use ship_base::secret::Secret;
use ship_build::event::{Event, Phase};
use ship_build::{Built, Cancel, Error, Request};
use ship_project::plan::{
    AssetStep, Browsers, Dependencies, Framework, Https, Interface, Limits, ObjectRef, Pages, Plan,
    Process, Protocol, PythonRequest, Role, Served, Sourced, Start,
};
use ship_project::web_server::WebServer;

pub(crate) type Variables = BTreeMap<String, Secret<String>>;

/// A store and a project.
pub(crate) struct Bench {
    home: tempfile::TempDir,
    pub(crate) folders: Folders,
    pub(crate) plan: Plan,
    pub(crate) settings: Variables,
    pub(crate) tools: Variables,
    pub(crate) cancel: Cancel,
    pub(crate) events: Vec<Event>,
    releases: u32,
}

impl Bench {
    /// A project with these files and a plan that serves nothing yet.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::under(home.path().join("ship"));
        folders.create().unwrap();
        share(&folders);
        let bench = Self {
            home,
            folders,
            plan: plan(),
            settings: Variables::new(),
            tools: tools(),
            cancel: Cancel::new(),
            events: Vec::new(),
            releases: 0,
        };
        fs::create_dir_all(bench.project()).unwrap();
        for (path, text) in files {
            bench.write(path, text);
        }
        bench
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.project().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Serves `module:attribute` with a server that is not among the packages.
    pub(crate) fn serve(mut self, object: &str, interface: Interface) -> Self {
        self.plan.processes = vec![web(object, interface, WebServer::Granian, true)];
        self
    }

    /// Serves it with a server that the packages have.
    pub(crate) fn serve_with(mut self, object: &str, of: Interface, server: WebServer) -> Self {
        self.plan.processes = vec![web(object, of, server, false)];
        self
    }

    pub(crate) fn requirements(mut self, lines: &str) -> Self {
        self.write("requirements.txt", lines);
        self.plan.dependencies = Some(Sourced::by_default(
            Dependencies::Requirements {
                files: vec!["requirements.txt".into()],
                packages: lines.lines().count(),
                pinned: false,
            },
            "",
        ));
        self
    }

    pub(crate) fn python(mut self, request: &str) -> Self {
        self.plan.python = Some(python(request));
        self
    }

    pub(crate) fn django(mut self, settings: &str) -> Self {
        "django".clone_into(&mut self.plan.framework.value.key);
        self.plan.assets = vec![Sourced::by_default(
            AssetStep::CollectStatic {
                project: ".".into(),
                settings: settings.to_owned(),
            },
            "",
        )];
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings
            .insert(name.to_owned(), value.to_owned().into());
    }

    /// Environments made once for all tests, for those that look at something else.
    pub(crate) fn with_common_environments(self) -> Self {
        let common = common("env");
        fs::remove_dir(self.folders.environments()).unwrap();
        std::os::unix::fs::symlink(common, self.folders.environments()).unwrap();
        self
    }

    /// Byte code of its own, for tests that look at how it is made.
    pub(crate) fn without_sharing(self) -> Self {
        fs::remove_file(self.folders.byte_code()).unwrap();
        fs::create_dir(self.folders.byte_code()).unwrap();
        self
    }

    /// Runs uv in the project, as its author would.
    pub(crate) fn uv(&self, arguments: &[&str]) {
        let mut command = std::process::Command::new(uv());
        let status = command.args(arguments).current_dir(self.project()).status();
        assert!(status.unwrap().success());
    }

    /// A uv that fails whatever it is asked: builds that need none do not notice.
    pub(crate) fn break_uv(&mut self) {
        self.tools
            .insert("SHIP_UV".to_owned(), "/bin/false".to_owned().into());
    }

    /// Where the next release is built.
    pub(crate) fn next_release(&self) -> PathBuf {
        let app = self.app();
        self.folders
            .releases(&app)
            .join((self.releases + 1).to_string())
    }

    pub(crate) fn release(&self, number: u32) -> PathBuf {
        self.folders.releases(&self.app()).join(number.to_string())
    }

    pub(crate) fn app(&self) -> AppName {
        self.plan.name.value.clone()
    }

    /// Builds the next release.
    pub(crate) fn build(&mut self) -> Result<Built, Error> {
        let into = self.next_release();
        fs::create_dir_all(&into).unwrap();
        let previous = (1..=self.releases)
            .rev()
            .map(|n| self.release(n))
            .find(|p| p.is_dir());
        self.releases += 1;
        let (project, app) = (self.project(), self.app());
        let mut events = Vec::new();
        let request = Request {
            folders: &self.folders,
            app: &app,
            project: &project,
            into: &into,
            plan: self.plan.clone(),
            settings: &self.settings,
            tools: &self.tools,
            builder: None,
            previous: previous.as_deref(),
            remedies: &[],
            cancel: &self.cancel,
        };
        let built = ship_build::build(&request, &mut |event| events.push(event));
        self.events = events;
        if built.is_err() {
            // What the store does with a draft that fails.
            ship_base::file::remove_folder(&into).unwrap();
        }
        built
    }

    /// Builds, and shows the failure as people see it.
    pub(crate) fn failure(&mut self) -> String {
        let error = self.build().expect_err("it must fail");
        let home = self.home.path().display().to_string();
        shown(&error).replace(&home, "[home]")
    }

    pub(crate) fn corrections(&self) -> Vec<&str> {
        let texts = self.events.iter().filter_map(|event| match event {
            Event::Corrected(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub(crate) fn notes(&self) -> Vec<&str> {
        let texts = self.events.iter().filter_map(|event| match event {
            Event::Note(note) => Some(note.text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub(crate) fn did(&self, phase: Phase) -> bool {
        self.events.contains(&Event::Begin(phase))
    }

    /// Runs Python in a working copy of release `number`, as a start would.
    pub(crate) fn python_in(&self, number: u32, plan: &Plan, script: &str) -> String {
        let (release, work) = (
            self.release(number),
            self.folders.app(&self.app()).join("work"),
        );
        let _ = fs::remove_dir_all(&work);
        let data = self.folders.app_data(&self.app());
        ship_build::prepare_work(&release, &work, &data, plan, Some(&self.project()), None)
            .unwrap();
        let runtime = ship_build::Runtime::of(&release, &work, plan).unwrap();
        let join = |paths: &[PathBuf]| std::env::join_paths(paths).unwrap();
        let mut path = runtime.path.clone();
        path.extend(["/usr/bin".into(), "/bin".into()]);
        let output = std::process::Command::new("sh")
            .args(["-c", script])
            .env_clear()
            .env("PATH", join(&path))
            .env("PYTHONPATH", join(&runtime.python_path))
            .current_dir(&runtime.start_folder)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).trim_end().to_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

fn shown(error: &Error) -> String {
    let causes = ship_base::hint::causes(error);
    let mut lines = vec![format!("error: {error}")];
    lines.extend(causes.iter().map(|cause| format!("cause: {cause}")));
    lines.extend(error.output().iter().map(|line| format!("  | {line}")));
    lines.extend(error.hints().iter().map(|hint| format!("hint: {hint}")));
    lines.join("\n") + "\n"
}

fn python(request: &str) -> Sourced<PythonRequest> {
    let request = PythonRequest {
        request: request.to_owned(),
        requires: None,
    };
    Sourced::by_default(request, "")
}

fn plan() -> Plan {
    Plan {
        version: ship_project::plan::VERSION,
        name: Sourced::by_default("shop".parse().unwrap(), ""),
        domains: Vec::new(),
        framework: Sourced::by_default(
            Framework {
                key: "wsgi".to_owned(),
                label: "WSGI".to_owned(),
                version: None,
            },
            "",
        ),
        python: Some(python("")),
        dependencies: Some(Sourced::by_default(
            Dependencies::Unnamed { add: Vec::new() },
            "",
        )),
        import_paths: vec![".".into()],
        folder: ".".into(),
        processes: Vec::new(),
        release: None,
        assets: Vec::new(),
        routes: Vec::new(),
        data: Vec::new(),
        env: BTreeMap::new(),
        required_env: Vec::new(),
        asked_env: Vec::new(),
        drawn_env: Vec::new(),
        above: None,
        refused_hosts: Vec::new(),
        limits: Limits::default(),
        https: Https::default(),
        canonical: None,
        browsers: Browsers::default(),
        pages: Pages::default(),
        notes: Vec::new(),
    }
}

fn web(object: &str, interface: Interface, server: WebServer, added: bool) -> Process {
    Process {
        name: ProcessName::new("web").unwrap(),
        role: Role::Web {
            health: "/".to_owned(),
            ready_within: Duration::from_mins(1),
            protocol: Protocol::Http1,
        },
        start: Sourced::by_default(
            Start::Object(Served {
                object: object_ref(object),
                others: Vec::new(),
                interface: Some(interface),
                server,
                added,
                arguments: Vec::new(),
                one_worker: false,
            }),
            "",
        ),
        instances: 1,
        grace: Duration::from_secs(30),
        proposed: None,
    }
}

/// `main:app`, `main:create_app()`
pub(crate) fn object_ref(text: &str) -> ObjectRef {
    let (module, attribute) = text.split_once(':').unwrap();
    ObjectRef {
        module: module.to_owned(),
        attribute: attribute.trim_end_matches("()").to_owned(),
        factory: attribute.ends_with("()"),
    }
}

pub(crate) fn served(plan: &Plan) -> &Served {
    match &plan.web().unwrap().start.value {
        Start::Object(served) => served,
        Start::Command(_) => panic!("it is an object"),
    }
}

/// Byte code is made once for all tests, and Pythons are asked once: what is shared is addressed by
/// content, so tests cannot tell.
fn share(folders: &Folders) {
    fs::remove_dir(folders.byte_code()).unwrap();
    std::os::unix::fs::symlink(common("pyc"), folders.byte_code()).unwrap();
    let known = common("").join("known.json");
    if !known.is_file() {
        ship_build::python::discover(&machine(), folders);
        let found = fs::read(folders.pythons().join("known.json")).unwrap();
        ship_base::file::write_whole(&known, &found).unwrap();
    }
    fs::copy(&known, folders.pythons().join("known.json")).unwrap();
}

/// A folder that all tests share, in all their runs.
fn common(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("common")
        .join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The caller's variables, and the uv of this machine or a fetched one.
pub(crate) fn tools() -> Variables {
    let mut tools = machine();
    tools.insert("SHIP_UV".to_owned(), uv().display().to_string().into());
    tools
}

/// The caller's variables alone.
pub(crate) fn machine() -> Variables {
    const PASSED: [&str; 6] = [
        "PATH",
        "HOME",
        "SHIP_UV",
        "PYENV_ROOT",
        "SSL_CERT_FILE",
        "TMPDIR",
    ];
    let passes = |name: &str| {
        let lower = name.to_lowercase();
        PASSED.contains(&name)
            || name.starts_with("UV_")
            || name == "PIP_INDEX_URL"
            || lower.ends_with("_proxy")
    };
    std::env::vars()
        .filter(|(name, _)| passes(name))
        .map(|(name, value)| (name, value.into()))
        .collect()
}

fn uv() -> &'static Path {
    static UV: OnceLock<PathBuf> = OnceLock::new();
    UV.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("uv");
        fs::create_dir_all(&home).unwrap();
        let folders = Folders::under(home.clone());
        let _alone = ship_base::lock::Lock::wait(&home.join("lock")).unwrap();
        let found =
            ship_build::uv::find_or_fetch(&machine(), &folders, &Cancel::new(), &mut |_| {});
        found.unwrap().path
    })
}
