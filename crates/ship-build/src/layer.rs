//! The layer of a release: what its environment lacks.
//!
//! Three things are installed here and not into the shared environment: a web server that the project
//! does not lock, what a build takes beside it (a site's generator and its theme), and packages that
//! are folders of the project itself. A program that listens where it is not asked to, or refuses its
//! own names, also gets a module that helps (`start_hook.rs`). The layer stands on
//! `PYTHONPATH` and its `bin` on `PATH`; it holds nothing that the environment has.
//!
//! Folders of the project are installed as editable: what counts here is their metadata (entry
//! points, versions, programs), their code is that of the working copy. So a layer is made again
//! only when metadata changes. Packages with compiled parts are built whole, and made again
//! whenever a file of theirs changes.

mod start_hook;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ship_base::file;
use ship_base::hash::{ContentHash, Hasher};
use ship_project::plan::Note;
use ship_project::web_server::WebServer;
use ship_store::environment::{self, Begin, Making};
use toml::{Table, Value};

use crate::byte_code;
use crate::environment::succeeded;
use crate::error::Error;
use crate::event::Phase;
use crate::lock::{Local, Lock};
use crate::python::Interpreter;
use crate::shop::Shop;
use crate::source::Snapshot;

/// Raised when layers are made in another way.
const RECIPE: &str = "layer 2";

/// What a layer knows of itself, in its folder.
const ABOUT: &str = "layer.json";

/// Build backends that only copy Python files: their editable installations are a line with a path.
const COPYING: &[&str] = &[
    "flit_core",
    "hatchling",
    "pdm.backend",
    "poetry.core",
    "poetry_core",
    "setuptools",
    "uv_build",
];

/// A layer that is there.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) address: ContentHash,
    pub(crate) folder: PathBuf,
}

/// What a layer knows of itself.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct About {
    /// Folders of the source that hold the code of its packages, relative to the source.
    pub(crate) paths: Vec<PathBuf>,
}

/// What a layer is made for.
pub(crate) struct Wanted<'a> {
    pub(crate) environment: &'a Path,
    pub(crate) address: ContentHash,
    pub(crate) lock: &'a Lock,
    pub(crate) python: &'a Interpreter,
    pub(crate) source: &'a Path,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) server: Option<WebServer>,
    /// Its web process asks for a port of its own choice, or refuses its own names.
    pub(crate) start_hook: bool,
    /// Requirements of the build that the environment does not meet: `hugo`.
    pub(crate) tools: &'a [String],
}

/// The task that fails when a server cannot be added.
pub(crate) const ADD_SERVER: &str = "add a web server";
const ADD_TOOLS: &str = "add what the build of the site takes";

/// Granian from the first version that listens on unix sockets to the last whose flags we know.
fn requirement(server: WebServer) -> String {
    match server {
        WebServer::Granian => "granian>=2.5,<3".to_owned(),
        other => other.package().to_owned(),
    }
}

/// What a layer knows of itself, read from its folder.
pub(crate) fn about(folder: &Path) -> Result<About, Error> {
    let text = file::read_text(&folder.join(ABOUT))?;
    serde_json::from_str(&text).map_err(|source| Error::Unreadable {
        what: format!("`{}`", folder.join(ABOUT).display()),
        source: source.into(),
    })
}

/// Finds or makes the layer; `None` when the environment lacks nothing.
pub(crate) fn make(shop: &mut Shop<'_>, wanted: &Wanted<'_>) -> Result<Option<Layer>, Error> {
    let adds = wanted.server.is_some() || !wanted.tools.is_empty() || wanted.start_hook;
    if !adds && wanted.lock.locals.is_empty() {
        return Ok(None);
    }
    let address = wanted.address_of_layer();
    let folder = match environment::begin(shop.folders(), &address)? {
        Begin::Ready(folder) => folder,
        Begin::Make(making) => shop.phase(Phase::Environment, |shop| {
            let detail = wanted.describe();
            Ok((wanted.fill(shop, making)?, detail))
        })?,
    };
    Ok(Some(Layer { address, folder }))
}

impl Wanted<'_> {
    fn address_of_layer(&self) -> ContentHash {
        let mut hasher = Hasher::new();
        hasher.field(RECIPE).field(self.address.to_string());
        if let Some(server) = self.server {
            hasher.field(requirement(server));
        }
        if self.start_hook {
            hasher.field(start_hook::SCRIPT);
        }
        for tool in self.tools {
            hasher.field("tool").field(tool);
        }
        for local in &self.lock.locals {
            let whole = !copies_only(&self.source.join(&local.path));
            hasher.field(&local.name).field([u8::from(whole)]);
            self.snapshot.hash_of(&mut hasher, |path| {
                path.starts_with(&local.path) && (whole || is_metadata(&local.path, path))
            });
        }
        hasher.finish()
    }

    fn describe(&self) -> String {
        let server = self.server.map(|server| server.label().to_owned());
        let names = self.lock.locals.iter().map(|local| local.name.clone());
        let hook = self.start_hook.then(|| "start hook".to_owned());
        let tools = self.tools.iter().cloned();
        server
            .into_iter()
            .chain(hook)
            .chain(tools)
            .chain(names)
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn fill(&self, shop: &mut Shop<'_>, making: Making) -> Result<PathBuf, Error> {
        let folder = making.folder();
        if self.server.is_some() || !self.tools.is_empty() {
            self.add(shop, folder)?;
        }
        for local in &self.lock.locals {
            self.add_local(shop, local, folder)?;
        }
        if self.start_hook {
            start_hook::add(folder)?;
        }
        let about = About {
            paths: code_folders(folder, self.source)?,
        };
        let text = serde_json::to_vec_pretty(&about).expect("paths here are UTF-8: TOML is");
        file::write_whole(&folder.join(ABOUT), &text)?;
        free_programs(&folder.join("bin"))?;
        let program = self.environment.join("bin/python");
        byte_code::compile_packages(shop, &program, folder, self.python)?;
        Ok(making.publish()?)
    }

    /// Resolves server and tools with the environment's versions given, and installs what is missing.
    fn add(&self, shop: &mut Shop<'_>, folder: &Path) -> Result<(), Error> {
        let task = if self.tools.is_empty() {
            ADD_SERVER
        } else {
            ADD_TOOLS
        };
        let server = self.server.map(requirement);
        let requirements: Vec<String> = server
            .into_iter()
            .chain(self.tools.iter().cloned())
            .collect();
        let constraints = folder.join("constraints.txt");
        let lock = folder.join("pylock.toml");
        file::write_whole(&constraints, self.constraints().as_bytes())?;
        let run = shop
            .uv_tool(folder)?
            .writes_to(folder)
            .args(["pip", "compile", "-", "--no-header", "--quiet"])
            .args(["--format", "pylock.toml", "--output-file", "pylock.toml"])
            .args(["--constraints", "constraints.txt", "--python"])
            .arg(&self.python.path)
            .stdin(requirements.join("\n").into_bytes());
        succeeded(shop.run(Phase::Environment, run)?, task)?;
        file::remove(&constraints)?;
        let text = without(&file::read_text(&lock)?, self.lock);
        file::write_whole(&lock, text.as_bytes())?;
        let run = self
            .install(shop, folder)?
            .args(["--no-deps", "--requirements", "pylock.toml"]);
        succeeded(shop.run(Phase::Environment, run)?, task)
    }

    fn constraints(&self) -> String {
        let mut text = String::new();
        for (name, version) in self.lock.versions.iter().filter(|(_, v)| !v.is_empty()) {
            let _ = writeln!(text, "{name}=={version}");
        }
        text
    }

    /// The project itself is on `PYTHONPATH` anyway: that its metadata cannot be built (a flat
    /// application with a `[build-system]`, say) is worth a note and no failure.
    fn add_local(&self, shop: &mut Shop<'_>, local: &Local, folder: &Path) -> Result<(), Error> {
        let path = self.source.join(&local.path);
        if !path.starts_with(self.source) || local.path.starts_with("..") {
            let (name, path) = (local.name.clone(), local.path.clone());
            return Err(Error::PackageOutside { name, path });
        }
        // Some backends write what they find out beside the code.
        let install = self.install(shop, folder)?.writes_to(self.source);
        let install = install.arg("--no-deps");
        let run = if copies_only(&path) {
            // setuptools would otherwise hook into the import system with absolute paths.
            let install = if backend(&path) == "setuptools" {
                install.args(["--config-setting", "editable_mode=compat"])
            } else {
                install
            };
            install.arg("--editable").arg(&path)
        } else {
            install.arg(&path)
        };
        let finished = shop.run(Phase::Environment, run)?;
        if !finished.succeeded() && local.path.as_os_str().is_empty() {
            shop.report().note(Note {
                text: format!("`{}` cannot be built as a package; its code runs from its folder", local.name),
                hint: Some("leave `[build-system]` out of pyproject.toml where nothing installs the project".to_owned()),
                place: None,
            });
            return Ok(());
        }
        succeeded(finished, "install a package of the project")
    }

    fn install(&self, shop: &mut Shop<'_>, folder: &Path) -> Result<crate::tool::Tool, Error> {
        let run = shop
            .uv_tool(folder)?
            .writes_to(folder)
            // A snapshot has no history to take a version from.
            .env("SETUPTOOLS_SCM_PRETEND_VERSION", "0")
            .args(["pip", "install", "--python"])
            .arg(self.environment.join("bin/python"))
            .arg("--target")
            .arg(folder);
        Ok(run)
    }
}

/// A lock without what the environment has already.
fn without(text: &str, base: &Lock) -> String {
    let mut table: Table = text.parse().unwrap_or_default();
    if let Some(packages) = table.get_mut("packages").and_then(Value::as_array_mut) {
        packages.retain(|package| {
            let name = package
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            !base.versions.contains_key(name)
        });
    }
    table.to_string()
}

fn is_metadata(package: &Path, path: &Path) -> bool {
    const NAMES: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];
    NAMES.iter().any(|name| package.join(name) == path)
}

/// `hatchling.build` as `hatchling`.
fn backend(package: &Path) -> String {
    let text = file::read_text(&package.join("pyproject.toml")).unwrap_or_default();
    let table: Table = text.parse().unwrap_or_default();
    let named = table
        .get("build-system")
        .and_then(|system| system.get("build-backend"));
    // No backend named is setuptools (PEP 517).
    let named = named.and_then(Value::as_str).unwrap_or("setuptools");
    COPYING
        .iter()
        .find(|known| named == **known || named.starts_with(&format!("{known}.")))
        .map_or_else(|| named.to_owned(), |&known| known.to_owned())
}

/// Whether a package is nothing but Python files; a `setup.py` may compile.
fn copies_only(package: &Path) -> bool {
    let script = file::read_text(&package.join("setup.py")).unwrap_or_default();
    COPYING.contains(&backend(package).as_str()) && !script.contains("ext_modules")
}

/// The folders that editable installations name, relative to the source.
fn code_folders(layer: &Path, source: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut folders = Vec::new();
    for entry in file::entries(layer)? {
        if entry
            .path()
            .extension()
            .is_some_and(|ending| ending == "pth")
        {
            let text = file::read_text(&entry.path())?;
            let inside = text
                .lines()
                .filter_map(|line| Path::new(line.trim()).strip_prefix(source).ok());
            folders.extend(inside.map(Path::to_owned));
        }
    }
    Ok(folders)
}

/// Makes programs start the `python` that comes first on the PATH, the release's own: uv names the
/// Python of the environment in a way that holds inside of the environment only.
fn free_programs(bin: &Path) -> Result<(), Error> {
    for entry in file::entries_if_there(bin)? {
        let path = entry.path();
        let Ok(text) = file::read_text(&path) else {
            continue;
        };
        if let Some(freed) = freed(&text) {
            file::write_whole_with_mode(&path, freed.as_bytes(), 0o755)?;
        }
    }
    Ok(())
}

fn freed(script: &str) -> Option<String> {
    let (first, rest) = script.split_once('\n')?;
    if first == "#!/bin/sh" && rest.starts_with("'''exec' ") {
        let (_, rest) = rest.split_once('\n')?;
        return Some(format!("#!/bin/sh\n'''exec' python \"$0\" \"$@\"\n{rest}"));
    }
    let is_python = first.starts_with("#!") && first.contains("python");
    is_python.then(|| format!("#!/usr/bin/env python\n{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_start_the_first_python_on_the_path() {
        let relocatable = "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'/e/bin/python' \"$0\" \"$@\"\n' '''\nimport x\n";
        assert_eq!(
            freed(relocatable).unwrap(),
            "#!/bin/sh\n'''exec' python \"$0\" \"$@\"\n' '''\nimport x\n"
        );
        assert_eq!(
            freed("#!/e/bin/python\nx\n").unwrap(),
            "#!/usr/bin/env python\nx\n"
        );
        assert_eq!(freed("#!/bin/sh\necho\n"), None);
    }

    #[test]
    fn packages_with_compiled_parts_are_told_from_python_only() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            file::write_whole(&folder.path().join(name), text.as_bytes()).unwrap();
        };
        write(
            "pyproject.toml",
            "[build-system]\nbuild-backend = \"hatchling.build\"",
        );
        assert!(copies_only(folder.path()));
        write(
            "pyproject.toml",
            "[build-system]\nbuild-backend = \"maturin\"",
        );
        assert!(!copies_only(folder.path()));
        write("pyproject.toml", "");
        assert!(copies_only(folder.path()));
        write("setup.py", "setup(ext_modules=[])");
        assert!(!copies_only(folder.path()));
    }
}
