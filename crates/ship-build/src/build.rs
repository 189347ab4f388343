//! A build from beginning to end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ship_base::clock::Moment;
use ship_base::count;
use ship_base::hash::{ContentHash, Hasher};
use ship_base::name::AppName;
use ship_base::paths::Folders;
use ship_base::secret::Secret;
use ship_project::plan::Plan;

use crate::builder::Builder;
use crate::cancel::Cancel;
use crate::error::Error;
use crate::event::{Event, Phase};
use crate::facts::Facts;
use crate::remedy::{self, Again, Failed, Remedy};
use crate::runtime::Runtime;
use crate::shop::Shop;
use crate::source::{Choice, Snapshot};
use crate::trial::Trial;
use crate::{assets, byte_code, correct, front_end, packed, proof, site};

mod packages;
mod release;

use packages::{Environment, identify};
use release::read_plan;

pub(crate) use packages::dependency_files;
pub(crate) use release::{plan_text, write_plan};

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
}
