//! Python and its packages: chosen, locked, laid out.

use std::path::{Path, PathBuf};

use ship_base::count;
use ship_base::file;
use ship_base::hash::{ContentHash, Hasher};
use ship_project::plan::Dependencies;

use super::Build;
use super::release::is_locked;
use crate::error::Error;
use crate::event::Phase;
use crate::facts::Facts;
use crate::layer::{self, Layer};
use crate::lock::{self, Lock};
use crate::python::{self, Interpreter};
use crate::shop::Shop;
use crate::source::Snapshot;
use crate::{correct, environment, hints};

/// A lock and the Python it is for.
struct Locked {
    python: Interpreter,
    lock: Lock,
    inputs: ContentHash,
    is_new: bool,
}

/// Python and everything that goes with it.
pub(super) struct Environment {
    pub(super) python: Interpreter,
    pub(super) lock: Lock,
    pub(super) lock_inputs: ContentHash,
    pub(super) lock_is_new: bool,
    pub(super) address: ContentHash,
    pub(super) folder: PathBuf,
    pub(super) layer: Option<Layer>,
}

impl Build<'_> {
    pub(super) fn environment(&mut self, snapshot: &Snapshot) -> Result<Environment, Error> {
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
    pub(super) fn add_layer(
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

pub(super) fn identify(environment: Option<&Environment>, hasher: &mut Hasher) {
    if let Some(environment) = environment {
        hasher.field(environment.address.to_string());
        let layer = environment
            .layer
            .as_ref()
            .map(|layer| layer.address.to_string());
        hasher.field(layer.unwrap_or_default());
    }
}
