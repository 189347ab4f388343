//! A build from beginning to end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ship_base::clock::Moment;
use ship_base::count;
use ship_base::file;
use ship_base::hash::{ContentHash, Hasher};
use ship_base::name::AppName;
use ship_base::paths::Folders;
use ship_base::secret::Secret;
use ship_project::plan::{Dependencies, Plan};

use crate::builder::Builder;
use crate::cancel::Cancel;
use crate::error::Error;
use crate::event::{Event, Phase};
use crate::facts::Facts;
use crate::layer::{self, Layer};
use crate::lock::{self, Lock};
use crate::python::{self, Interpreter};
use crate::remedy::{self, Again, Failed, Remedy};
use crate::runtime::Runtime;
use crate::shop::Shop;
use crate::source::{Choice, Snapshot};
use crate::trial::Trial;
use crate::{assets, byte_code, correct, environment, front_end, hints, packed, proof, site};

/// What is to be built, and with what.
#[derive(Debug)]
pub struct Request<'a> {
    /// The folders of this installation.
    pub folders: &'a Folders,
    /// The app it is for.
    pub app: &'a AppName,
    /// The author's folder; it is read and never written.
    pub project: &'a Path,
    /// An empty folder on the file system of the store; it becomes the release.
    pub into: &'a Path,
    /// What was read from the project.
    pub plan: Plan,
    /// What the app will see: manifest, `.env`, `ship env`. The proof, `collectstatic` and build
    /// commands get it; uv does not.
    pub settings: &'a BTreeMap<String, Secret<String>>,
    /// The caller's own variables for tools: PATH, HOME, `UV_*`, `PIP_*`, proxies, certificates,
    /// `PYENV_ROOT`. uv gets these and nothing else.
    pub tools: &'a BTreeMap<String, Secret<String>>,
    /// As whom programs of the build run; `None` on a laptop, where all is one user's.
    pub builder: Option<&'a Builder>,
    /// The previous release, whose lock, interpreter and byte code are taken over where they fit.
    pub previous: Option<&'a Path>,
    /// In which ways this build differs from an ordinary one: see [`Again`].
    pub remedies: &'a [Remedy],
    /// Stops the build from another thread.
    pub cancel: &'a Cancel,
}

impl Request<'_> {
    /// The folder that becomes the source: the project, or the workspace it is a member of.
    pub(crate) fn source(&self) -> PathBuf {
        match &self.plan.above {
            Some(above) => {
                let source = self.project.join(above);
                source.canonicalize().unwrap_or(source)
            }
            None => self.project.to_owned(),
        }
    }
}

/// What came of a build.
#[derive(Debug, Clone)]
pub struct Built {
    /// The plan, corrected by the proof.
    pub plan: Plan,
    /// The address of the release: equal for equal source, plan and environment.
    pub content: ContentHash,
    /// The environment, `None` for a static site.
    pub environment: Option<ContentHash>,
    /// What was added to it.
    pub layer: Option<ContentHash>,
    /// The version of its Python: `3.12.4`.
    pub python: Option<String>,
    /// Whether versions were chosen now that the project leaves open; [`PINS`] lists them.
    pub chose_versions: bool,
    /// What may be tried where this release does not start; for the first one of an app.
    pub again: Option<Again>,
}

/// The file of a release that lists its packages from an index with their exact versions, in the
/// form of a requirements file.
pub const PINS: &str = "pins.txt";

/// Builds a release into [`Request::into`]. What fails or is cancelled leaves nothing behind
/// outside of that folder but whole environments, which the next build finds.
pub fn build(request: &Request<'_>, events: &mut dyn FnMut(Event)) -> Result<Built, Error> {
    Build::new(request, events).run()
}

/// One build while it runs.
struct Build<'a> {
    shop: Shop<'a>,
    plan: Plan,
    previous: Option<Facts>,
    source: PathBuf,
    /// When the newest of the versions that the project names was published.
    newest_pin: Option<Moment>,
    /// The minor versions of the Pythons that the project allows.
    pythons: Vec<(u32, u32)>,
}

/// A lock and the Python it is for.
struct Locked {
    python: Interpreter,
    lock: Lock,
    inputs: ContentHash,
    is_new: bool,
}

/// Python and everything that goes with it.
struct Environment {
    python: Interpreter,
    lock: Lock,
    lock_inputs: ContentHash,
    lock_is_new: bool,
    address: ContentHash,
    folder: PathBuf,
    layer: Option<Layer>,
}

impl<'a> Build<'a> {
    fn new(request: &'a Request<'a>, events: &'a mut dyn FnMut(Event)) -> Self {
        Self {
            shop: Shop::new(request, events),
            plan: request.plan.clone(),
            // A previous release that cannot be read saves nothing, and spoils nothing.
            previous: request
                .previous
                .and_then(|release| Facts::read(release).ok()),
            source: request.into.join("source"),
            newest_pin: None,
            pythons: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Built, Error> {
        let snapshot = self.snapshot()?;
        correct::generators(&mut self.plan, &mut self.shop);
        let plan = self.plan.clone();
        let mut untreated = None;
        loop {
            let error = match self.attempt(&snapshot) {
                Ok((facts, environment)) => {
                    return self.write(&snapshot, facts, environment.as_ref());
                }
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => error,
            };
            let failed = Failed {
                dependencies: plan.dependencies.as_ref().map(|sourced| &sourced.value),
                pythons: &self.pythons,
                snapshot: &snapshot,
                newest_pin: self.newest_pin,
                error: &error,
            };
            let Some(remedy) = remedy::of(&self.shop, &failed) else {
                let is_of_remedy = self.shop.day().is_some() || matches!(error, Error::Tool { .. });
                // What was wrong without it is what the author can do something about.
                return Err(untreated.filter(|_| is_of_remedy).unwrap_or(error));
            };
            self.shop.report().corrected(remedy.sentence(&error));
            if self.shop.day().is_none() {
                untreated = Some(error);
            }
            self.shop.take(remedy);
            self.plan = plan.clone();
        }
    }

    fn attempt(&mut self, snapshot: &Snapshot) -> Result<(Facts, Option<Environment>), Error> {
        let environment = match self.plan.python.clone() {
            Some(_) => Some(self.environment(snapshot)?),
            None => None,
        };
        let inputs = self.inputs(snapshot, environment.as_ref())?;
        if let Some(facts) = self.unchanged(inputs) {
            self.repeat(&facts, environment.as_ref())?;
            return Ok((facts, environment));
        }
        self.finish(snapshot, environment, inputs)
    }

    fn snapshot(&mut self) -> Result<Snapshot, Error> {
        let project = self.shop.request().source();
        let named = dependency_files(&project, self.plan.dependencies.as_ref().map(|d| &d.value));
        let choice = Choice {
            without: self
                .plan
                .data
                .iter()
                .map(|data| data.value.path.as_path())
                .collect(),
            with: named.iter().map(PathBuf::as_path).collect(),
        };
        let (source, cancel) = (&self.source, self.shop.cancel());
        self.shop.phase(Phase::Source, |_| {
            let snapshot = Snapshot::take(&project, source, &choice, cancel)?;
            let detail = count::plural(snapshot.len(), "file");
            Ok((snapshot, detail))
        })
    }

    fn environment(&mut self, snapshot: &Snapshot) -> Result<Environment, Error> {
        let pythons = self.pythons()?;
        let Locked {
            python,
            lock,
            inputs,
            is_new,
        } = self.lock(snapshot, &pythons)?;
        self.tell_of_end(&python);
        let (source, address) = (
            &self.source,
            environment::address(&self.shop, &lock, &python),
        );
        let folder = self.shop.phase(Phase::Environment, |shop| {
            environment::make(shop, &lock, source, &python)
        })?;
        let mut environment = Environment {
            python,
            lock,
            lock_inputs: inputs,
            lock_is_new: is_new,
            address,
            folder,
            layer: None,
        };
        self.add_layer(snapshot, &mut environment)?;
        Ok(environment)
    }

    /// Once, with the first release that runs on it.
    fn tell_of_end(&mut self, python: &Interpreter) {
        let before = self.previous.as_ref();
        let before = before.and_then(|facts| facts.python.as_ref());
        let is_new = before.is_none_or(|(path, _)| *path != python.path);
        let wanted = self.plan.python.clone().filter(|_| is_new);
        // The plan may have said so already.
        let is_told = |text: &str| self.plan.notes.iter().any(|note| note.text == text);
        let note = wanted.and_then(|wanted| python::ended(&wanted, python));
        if let Some(note) = note.filter(|note| !is_told(&note.text)) {
            self.shop.report().note(note);
        }
    }

    fn pythons(&mut self) -> Result<Vec<Interpreter>, Error> {
        let wanted = self.plan.python.clone().unwrap_or_else(correct::any_python);
        let kept = self
            .previous
            .as_ref()
            .and_then(|facts| facts.python.clone());
        let pythons = self.shop.phase(Phase::Python, |shop| {
            let kept = kept.as_ref().map(|(path, _)| path.as_path());
            let mut pythons = python::choose(shop, &wanted, kept)?;
            if let Some(newest) = shop.newest_python() {
                pythons.retain(|python| python.about.version.minor() <= newest);
            }
            if let Some(day) = shop.day() {
                python::of_the_day(&mut pythons, day);
            }
            let detail = pythons.first().map(Interpreter::label).unwrap_or_default();
            Ok((pythons, detail))
        })?;
        let minors = pythons.iter().map(|python| python.about.version.minor());
        self.pythons = minors.collect();
        Ok(pythons)
    }

    /// The lock of the previous release where everything it was made from is the same.
    fn lock(&mut self, snapshot: &Snapshot, pythons: &[Interpreter]) -> Result<Locked, Error> {
        let dependencies = self.plan.dependencies.clone().map(|sourced| sourced.value);
        let dependencies = dependencies.as_ref();
        let source = self.source.clone();
        let before = self
            .shop
            .request()
            .previous
            .map(|release| release.join("lock"));
        let before = before.and_then(|path| file::read_text(&path).ok());
        let inputs = |python| lock::inputs(dependencies, &source, snapshot, python);
        let same = |facts: &Facts| facts.lock_inputs == Some(inputs(&pythons[0]));
        let is_ordinary = self.shop.requirements().next().is_none();
        if let (true, Some(text)) = (
            is_ordinary && self.previous.as_ref().is_some_and(same),
            &before,
        ) {
            return Ok(Locked {
                python: pythons[0].clone(),
                lock: Lock::of(dependencies, &source, text.clone())?,
                inputs: inputs(&pythons[0]),
                is_new: false,
            });
        }
        let (python, lock) = self.shop.phase(Phase::Lock, |shop| {
            let make = |shop: &mut Shop<'_>, python: &Interpreter| {
                lock::make(shop, dependencies, &source, python, before.as_deref())
            };
            let (python, lock) = correct::python_with_wheels(shop, pythons, make)?;
            let detail = count::plural(lock.versions.len(), "package");
            Ok(((python, lock), detail))
        })?;
        self.newest_pin = lock.newest_pin(dependencies, &source);
        let has_own = is_locked(dependencies);
        Ok(Locked {
            inputs: inputs(&python),
            is_new: !has_own && before.as_deref() != Some(lock.text.as_str()),
            python,
            lock,
        })
    }

    /// Adds what the environment lacks. Where Granian cannot be installed beside the project's
    /// packages, a server that needs less is tried.
    fn add_layer(
        &mut self,
        snapshot: &Snapshot,
        environment: &mut Environment,
    ) -> Result<(), Error> {
        correct::added_server(&mut self.plan, &environment.python, &mut self.shop.report());
        let mut made = self.make_layer(snapshot, environment);
        if matches!(
            &made,
            Err(Error::Tool {
                task: layer::ADD_SERVER,
                output,
                ..
            }) if !hints::index_is_away(output)
        ) && correct::plainer_server(&mut self.plan, &mut self.shop.report())
        {
            made = self.make_layer(snapshot, environment);
        }
        environment.layer = made?;
        Ok(())
    }

    fn make_layer(
        &mut self,
        snapshot: &Snapshot,
        environment: &Environment,
    ) -> Result<Option<Layer>, Error> {
        let tools = correct::tools_to_add(&self.plan, &environment.lock, &self.shop);
        let wanted = layer::Wanted {
            environment: &environment.folder,
            address: environment.address,
            lock: &environment.lock,
            python: &environment.python,
            source: &self.source,
            snapshot,
            server: correct::server_to_add(&self.plan, &environment.lock),
            start_hook: correct::needs_start_hook(&self.plan),
            tools: &tools,
        };
        layer::make(&mut self.shop, &wanted)
    }

    /// The address of all that decides what the proof and the assets come to.
    fn inputs(
        &self,
        snapshot: &Snapshot,
        environment: Option<&Environment>,
    ) -> Result<ContentHash, Error> {
        let mut hasher = Hasher::new();
        hasher
            .field("build 1")
            .field(snapshot.content(&[]).to_string());
        hasher.field(plan_text(&self.shop.request().plan)?);
        for (name, value) in self.shop.request().settings {
            hasher.field(name).field(value.reveal());
        }
        identify(environment, &mut hasher);
        Ok(hasher.finish())
    }

    /// The facts of the previous release, when this build would come to the same.
    /// Build commands may fetch or count something: they are always run.
    fn unchanged(&self, inputs: ContentHash) -> Option<Facts> {
        let has_commands = assets::commands(&self.plan).next().is_some();
        self.previous
            .clone()
            .filter(|facts| facts.inputs == inputs && !has_commands)
    }

    /// Takes the outcome of the previous release over: the same source in the same environment
    /// with the same settings was proven, and its assets were made.
    fn repeat(&mut self, facts: &Facts, environment: Option<&Environment>) -> Result<(), Error> {
        let request = self.shop.request();
        let previous = request.previous.unwrap_or(request.into);
        self.plan = read_plan(previous)?;
        if previous.join("assets").is_dir() {
            let (from, to) = (previous.join("assets"), request.into.join("assets"));
            assets::link_tree(&from, &to)?;
        }
        if let Some(built) = &facts.front_end {
            built.repeat(previous, &self.source)?;
        }
        if let Some(environment) = environment {
            self.compile(environment)?;
        }
        Ok(())
    }

    fn finish(
        &mut self,
        snapshot: &Snapshot,
        environment: Option<Environment>,
        inputs: ContentHash,
    ) -> Result<(Facts, Option<Environment>), Error> {
        let mut environment = environment;
        let runtime = self.runtime(environment.as_ref(), &self.source)?;
        assets::run_commands(&mut self.shop, &self.plan, &runtime, &self.source)?;
        site::build(&mut self.shop, &self.plan, &runtime, &self.source)?;
        let mut facts = Facts::new(inputs);
        facts.front_end = self.front_end(snapshot, &runtime)?;
        if let Some(environment) = &mut environment {
            self.compile(environment)?;
            let (trial, seen) = self.prove(snapshot, environment)?;
            facts.static_root =
                correct::plan(&mut self.plan, &seen, &trial, &mut self.shop.report());
            // The proof may have chosen another server; a layer that is there costs nothing.
            self.add_layer(snapshot, environment)?;
            let made = facts.front_end.as_ref().map(|built| built.inputs);
            facts.static_inputs = self.collect(snapshot, environment, &seen, &trial, made)?;
        }
        facts.content = self.content(snapshot, environment.as_ref(), facts.front_end.as_ref())?;
        packed::pack(&mut self.shop, &self.plan)?;
        Ok((facts, environment))
    }

    fn front_end(
        &mut self,
        snapshot: &Snapshot,
        runtime: &Runtime,
    ) -> Result<Option<front_end::Built>, Error> {
        let before = self.previous.as_ref();
        let bench = front_end::Bench {
            plan: &self.plan,
            snapshot,
            runtime,
            source: &self.source,
            before: before.and_then(|facts| facts.front_end.as_ref()),
        };
        front_end::build(&mut self.shop, &bench)
    }

    /// Collects static files, or takes those of the previous release over where nothing that
    /// decides about them has changed. Gives the address of that.
    fn collect(
        &mut self,
        snapshot: &Snapshot,
        environment: &Environment,
        seen: &proof::Seen,
        trial: &Trial,
        front_end: Option<ContentHash>,
    ) -> Result<Option<ContentHash>, Error> {
        let layer = environment.layer.as_ref().map(|layer| layer.address);
        let addresses = [Some(environment.address), layer, front_end];
        let inputs = assets::inputs(&self.plan, seen, trial, snapshot, &addresses);
        let before = self.previous.as_ref().and_then(|facts| facts.static_inputs);
        match self.shop.request().previous {
            Some(previous) if inputs.is_some() && inputs == before => {
                assets::take_over(&mut self.shop, previous)?;
            }
            _ => assets::collect(&mut self.shop, &self.plan, trial)?,
        }
        Ok(inputs)
    }

    fn compile(&mut self, environment: &Environment) -> Result<(), Error> {
        let program = environment.folder.join("bin/python");
        let previous = self
            .shop
            .request()
            .previous
            .map(|release| release.join("source"));
        let python = &environment.python;
        byte_code::compile_source(
            &mut self.shop,
            &program,
            &self.source,
            previous.as_deref(),
            python,
        )
    }

    /// Proves it; with a server that needs less where the one that was added does not start beside
    /// the project's packages.
    fn prove(
        &mut self,
        snapshot: &Snapshot,
        environment: &mut Environment,
    ) -> Result<(Trial, proof::Seen), Error> {
        let trial = self.trial(environment)?;
        let error = match proof::prove(&mut self.shop, &self.plan, &trial) {
            Ok(seen) => return Ok((trial, seen)),
            Err(error) => error,
        };
        let is_of_server = matches!(&error, Error::Proof(failure) if failure.is_of_server());
        if !is_of_server || !correct::plainer_server(&mut self.plan, &mut self.shop.report()) {
            return Err(error);
        }
        drop(trial);
        self.add_layer(snapshot, environment)?;
        let trial = self.trial(environment)?;
        let seen = proof::prove(&mut self.shop, &self.plan, &trial)?;
        Ok((trial, seen))
    }

    fn trial(&mut self, environment: &Environment) -> Result<Trial, Error> {
        let request = self.shop.request();
        Trial::prepare(request, &self.plan, &self.source, |work| {
            self.runtime(Some(environment), work)
        })
    }

    fn runtime(&self, environment: Option<&Environment>, work: &Path) -> Result<Runtime, Error> {
        let folder = environment.map(|environment| environment.folder.as_path());
        let layer = environment.and_then(|environment| environment.layer.as_ref());
        Runtime::from_parts(
            folder,
            layer.map(|layer| layer.folder.as_path()),
            work,
            &self.plan,
        )
    }

    fn content(
        &self,
        snapshot: &Snapshot,
        environment: Option<&Environment>,
        front_end: Option<&front_end::Built>,
    ) -> Result<ContentHash, Error> {
        let data: Vec<PathBuf> = self
            .plan
            .data
            .iter()
            .map(|data| data.value.path.clone())
            .collect();
        let mut hasher = Hasher::new();
        hasher
            .field("release 1")
            .field(snapshot.content(&data).to_string());
        hasher.field(plan_text(&self.plan)?);
        // What is built may depend on settings and on the day, which the source does not tell.
        assets::address_of(&self.shop.request().into.join(site::SITE), &mut hasher)?;
        if let Some(built) = front_end {
            hasher.field(built.inputs.to_string());
        }
        identify(environment, &mut hasher);
        Ok(hasher.finish())
    }

    fn again(&self, snapshot: &Snapshot) -> Option<Again> {
        let request = self.shop.request();
        let is_first = request.previous.is_none() && self.plan.python.is_some();
        let dependencies = request.plan.dependencies.as_ref();
        is_first.then(|| Again {
            tried: self.shop.tried().to_vec(),
            pythons: self.pythons.clone(),
            chooses_versions: remedy::chooses_versions(dependencies.map(|named| &named.value)),
            day: remedy::day_of(&self.shop, snapshot, self.newest_pin),
        })
    }

    /// Writes everything of the release that is not source or assets.
    fn write(
        self,
        snapshot: &Snapshot,
        facts: Facts,
        environment: Option<&Environment>,
    ) -> Result<Built, Error> {
        let request = self.shop.request();
        for data in &self.plan.data {
            remove(&self.source.join(&data.value.path))?;
        }
        write_plan(request.into, &self.plan)?;
        let mut facts = Facts {
            uv: self.shop.uv_version(),
            ..facts
        };
        let mut chose_versions = false;
        if let Some(environment) = environment {
            let lock = &environment.lock;
            file::write_whole(&request.into.join("lock"), lock.text.as_bytes())?;
            file::write_whole(&request.into.join(PINS), lock.pins().as_bytes())?;
            chose_versions = environment.lock_is_new && leaves_versions_open(&self.plan);
            facts.lock_inputs = Some(environment.lock_inputs);
            facts.environment = Some(environment.address);
            facts.layer = environment.layer.as_ref().map(|layer| layer.address);
            facts = facts.with_python(&environment.python);
            link(request.into, "env", environment.address)?;
            if let Some(layer) = &environment.layer {
                link(request.into, "layer", layer.address)?;
            }
        }
        facts.write(request.into)?;
        self.shop.cancel().check()?;
        Ok(Built {
            content: facts.content,
            environment: facts.environment,
            layer: facts.layer,
            python: facts.python.map(|(_, version)| version),
            again: self.again(snapshot),
            plan: self.plan,
            chose_versions,
        })
    }
}

/// Whether the project names packages without an exact version each.
fn leaves_versions_open(plan: &Plan) -> bool {
    match plan
        .dependencies
        .as_ref()
        .map(|dependencies| &dependencies.value)
    {
        locked if is_locked(locked) => false,
        Some(Dependencies::Requirements { pinned, .. }) => !pinned,
        Some(Dependencies::Unnamed { add }) => !add.is_empty(),
        _ => true,
    }
}

/// Whether the project brings its own lock, or needs none.
fn is_locked(dependencies: Option<&Dependencies>) -> bool {
    matches!(
        dependencies,
        None | Some(
            Dependencies::UvLock { .. } | Dependencies::Locked { .. } | Dependencies::Pylock { .. }
        )
    )
}

/// Files that the lock is made from: part of the source even where an ignore file names them.
pub(crate) fn dependency_files(
    project: &Path,
    dependencies: Option<&Dependencies>,
) -> Vec<PathBuf> {
    let folder = |file: &Path| {
        file.parent()
            .unwrap_or(Path::new(""))
            .join("pyproject.toml")
    };
    match dependencies {
        Some(Dependencies::UvLock { lock, .. }) => vec![lock.clone(), folder(lock)],
        Some(Dependencies::Locked { tool, lock, .. }) => {
            vec![lock.clone(), lock.with_file_name(tool.manifest())]
        }
        Some(Dependencies::Pylock { lock, .. }) => vec![lock.clone()],
        Some(
            Dependencies::Pyproject { file }
            | Dependencies::Setup { file }
            | Dependencies::Listed { file, .. },
        ) => vec![file.clone()],
        Some(Dependencies::Requirements { files, .. }) => lock::with_includes(project, files),
        Some(Dependencies::Unnamed { .. }) | None => Vec::new(),
    }
}

/// A release stands at `apps/<app>/releases/<n>`, environments at `store/env/<address>`.
fn link(release: &Path, name: &str, address: ContentHash) -> Result<(), Error> {
    let target = Path::new("../../../../store/env").join(address.short());
    Ok(file::symlink(&target, &release.join(name))?)
}

fn remove(path: &Path) -> Result<(), Error> {
    if path.is_dir() && !path.is_symlink() {
        return Ok(file::remove_folder(path)?);
    }
    Ok(file::remove(path)?)
}

fn read_plan(release: &Path) -> Result<Plan, Error> {
    let path = release.join("plan.json");
    serde_json::from_str(&file::read_text(&path)?).map_err(|source| Error::Unreadable {
        what: format!("`{}`", path.display()),
        source: source.into(),
    })
}

pub(crate) fn write_plan(release: &Path, plan: &Plan) -> Result<(), Error> {
    Ok(file::write_whole(
        &release.join("plan.json"),
        &plan_text(plan)?,
    )?)
}

pub(crate) fn plan_text(plan: &Plan) -> Result<Vec<u8>, Error> {
    serde_json::to_vec_pretty(plan).map_err(|source| Error::Unreadable {
        what: "a path of the plan, which is not UTF-8".to_owned(),
        source: source.into(),
    })
}

fn identify(environment: Option<&Environment>, hasher: &mut Hasher) {
    if let Some(environment) = environment {
        hasher.field(environment.address.to_string());
        let layer = environment
            .layer
            .as_ref()
            .map(|layer| layer.address.to_string());
        hasher.field(layer.unwrap_or_default());
    }
}
