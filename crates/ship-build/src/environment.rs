//! The environment of a release: a virtual environment by content address.
//!
//! Its address is the lock, without the project's own code, and the Python. It is made once under a
//! temporary name, relocatable, its files linked from uv's cache, byte code and all, and then never
//! changed. Releases with the same lock and Python share it; so do apps, but on a
//! server, where each app's builder makes its own.

use std::path::{Path, PathBuf};

use ship_base::count::plural;
use ship_base::file;
use ship_base::hash::{ContentHash, Hasher};
use ship_store::environment::{self, Begin};

use crate::byte_code;
use crate::error::Error;
use crate::event::Phase;
use crate::lock::Lock;
use crate::python::Interpreter;
use crate::shop::Shop;
use crate::tool::Finished;

/// Raised when environments are made in another way: old ones stay with their releases.
const RECIPE: &str = "environment 1";

/// The address of the environment for this lock and Python.
pub(crate) fn address(shop: &Shop<'_>, lock: &Lock, python: &Interpreter) -> ContentHash {
    let mut hasher = Hasher::new();
    hasher.field(RECIPE);
    if let Some(app) = shop.owner() {
        hasher.field("of").field(app.as_str());
    }
    python.identify(&mut hasher);
    lock.identify(&mut hasher);
    hasher.finish()
}

/// Finds or makes it; gives its folder and what to say of it.
pub(crate) fn make(
    shop: &mut Shop<'_>,
    lock: &Lock,
    source: &Path,
    python: &Interpreter,
) -> Result<(PathBuf, String), Error> {
    let packages = plural(lock.versions.len(), "package");
    let making = match environment::begin(shop.folders(), &address(shop, lock, python))? {
        Begin::Ready(path) => return Ok((path, format!("{packages}, as before"))),
        Begin::Make(making) => making,
    };
    let folder = making.folder();
    create(shop, folder, python)?;
    if !lock.versions.is_empty() {
        install(shop, folder, lock, source, python)?;
    }
    byte_code::compile_packages(
        shop,
        &folder.join("bin/python"),
        &site_packages(folder)?,
        python,
    )?;
    Ok((making.publish()?, packages))
}

fn create(shop: &mut Shop<'_>, folder: &Path, python: &Interpreter) -> Result<(), Error> {
    let run = shop
        .uv_tool(folder)?
        .writes_to(folder)
        .args([
            "venv",
            "--relocatable",
            "--allow-existing",
            "--no-project",
            "--quiet",
        ])
        .arg("--python")
        .arg(&python.path)
        .arg(folder);
    let finished = shop.run_with_links(Phase::Environment, run, &[&python.path])?;
    succeeded(finished, "make an environment")
}

fn install(
    shop: &mut Shop<'_>,
    folder: &Path,
    lock: &Lock,
    source: &Path,
    python: &Interpreter,
) -> Result<(), Error> {
    // Kept inside: the environment says what it is made of.
    let path = folder.join("pylock.toml");
    file::write_whole(&path, lock.shared(source).as_bytes())?;
    let run = shop
        .dated_uv_tool(source)?
        .writes_to(folder)
        .args(["pip", "sync", "--python"])
        .arg(folder.join("bin/python"))
        .arg(&path);
    let finished = shop.run_with_links(Phase::Environment, run, &[&python.path])?;
    succeeded(finished, "install the packages")
}

pub(crate) fn succeeded(finished: Finished, task: &'static str) -> Result<(), Error> {
    if finished.succeeded() {
        return Ok(());
    }
    Err(Error::Tool {
        phase: Phase::Environment,
        task,
        tool: "uv",
        ended: finished.ended,
        output: finished.told(),
    })
}

/// `lib/python3.12/site-packages`
fn site_packages(environment: &Path) -> Result<PathBuf, Error> {
    let lib = environment.join("lib");
    let versions = file::entries(&lib)?;
    let folder = versions
        .iter()
        .map(|entry| entry.path().join("site-packages"));
    Ok(folder.into_iter().find(|path| path.is_dir()).unwrap_or(lib))
}
