//! From a lock to an environment: a project with some two hundred packages, beside plain `uv sync`.
//!
//! The packages are named in `packages.txt` and resolved when this runs. Each side has a cache of
//! its own, so that cold means cold for both; both use the same uv and the same Python.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ship_base::file;
use ship_test::Project;

use super::figure::{Figure, Value};
use super::installation::Installation;
use crate::{Result, machine};

const PACKAGES: &str = include_str!("packages.txt");

/// What the changed lock has besides.
const ONE_MORE: &str = "roman-numerals-py";

const APP: &str = "def app(environ, start_response):\n    \
                   start_response('200 OK', [('Content-Type', 'text/plain')])\n    \
                   return [b'hello']\n";

/// Cold, warm, with one package more, and unchanged.
pub(crate) fn measure() -> Result<Vec<Figure>> {
    let bench = Setting::new()?;
    eprintln!("environment: ours, nothing cached");
    let cache = bench.caches.path().join("ours");
    let first = bench.installation(&cache)?;
    let cold = first.deploy(bench.project.folder())?;
    bench
        .project
        .write("main.py", &format!("{APP}\n# changed\n"));
    let unchanged = first.deploy(bench.project.folder())?;
    drop(first);

    eprintln!("environment: ours, packages cached");
    let second = bench.installation(&cache)?;
    let warm = second.deploy(bench.project.folder())?;

    eprintln!("environment: uv alone");
    let peer = bench.peer()?;

    eprintln!("environment: one package more");
    bench.lock(Some(ONE_MORE))?;
    let more = second.deploy(bench.project.folder())?;

    let environment =
        |deploy: &super::installation::Deploy| deploy.step("lock") + deploy.step("environment");
    let without_code = |deploy| environment(deploy).saturating_sub(deploy.step("byte code"));
    Ok(vec![
        Figure::new(
            "packages in the lock",
            Value::Count(packages(cold.detail("lock"))),
        ),
        Figure::new("environment, cold", without_code(&cold)).beside("uv sync", peer.cold),
        Figure::new("environment, warm cache", without_code(&warm)).beside("uv sync", peer.warm),
        Figure::new("byte code of all packages", warm.step("byte code"))
            .beside("uv sync --compile-bytecode", peer.byte_code),
        Figure::new(
            "environment and byte code, one package more",
            environment(&more),
        )
        .beside(
            "uv sync --compile-bytecode, anew",
            peer.warm + peer.byte_code,
        ),
        Figure::new("environment, unchanged lock", environment(&unchanged))
            .beside("uv sync", peer.unchanged),
    ])
}

/// The number that a step's detail begins with.
fn packages(detail: &str) -> u64 {
    let number = detail.split(' ').next().unwrap_or_default();
    number.parse().unwrap_or_default()
}

/// The project, its lock, the caches, and the programs that both sides use.
struct Setting {
    project: Project,
    caches: tempfile::TempDir,
    uv: PathBuf,
    python: PathBuf,
    version: String,
}

/// What uv takes by itself.
struct Peer {
    cold: Duration,
    warm: Duration,
    unchanged: Duration,
    /// How much longer it takes with `--compile-bytecode`.
    byte_code: Duration,
}

impl Setting {
    fn new() -> Result<Self> {
        let (uv, python, version) = programs()?;
        let setting = Self {
            project: Project::named("many").file("main.py", APP),
            caches: tempfile::tempdir()?,
            uv,
            python,
            version,
        };
        setting.lock(None)?;
        Ok(setting)
    }

    /// Writes `pyproject.toml` and resolves it, with a cache that neither side uses.
    fn lock(&self, one_more: Option<&str>) -> Result<()> {
        let names: Vec<String> = PACKAGES
            .lines()
            .chain(one_more)
            .map(|name| format!("\"{name}\""))
            .collect();
        let pyproject = format!(
            "[project]\nname = \"many\"\nversion = \"1\"\nrequires-python = \"=={}.*\"\ndependencies = [{}]\n",
            self.version,
            names.join(", ")
        );
        self.project.write("pyproject.toml", &pyproject);
        let cache = self.caches.path().join("lock");
        self.uv(self.project.folder(), &cache, &["lock"]).map(drop)
    }

    /// An installation with this cache whose control runs already.
    fn installation(&self, cache: &Path) -> Result<Installation> {
        let installation =
            Installation::new(&[("UV_CACHE_DIR", text(cache)?), ("SHIP_UV", text(&self.uv)?)])?;
        installation.up(Project::fixture("own-server").folder());
        Ok(installation)
    }

    /// The same lock by `uv sync` alone.
    fn peer(&self) -> Result<Peer> {
        let folder = self.caches.path().join("peer");
        file::create_folder(&folder)?;
        for name in ["pyproject.toml", "uv.lock"] {
            file::copy(&self.project.folder().join(name), &folder.join(name))?;
        }
        let cache = self.caches.path().join("theirs");
        let python = text(&self.python)?;
        let sync = [
            "sync",
            "--frozen",
            "--no-install-project",
            "--python",
            python,
        ];
        let compiled = [&sync[..], &["--compile-bytecode"]].concat();
        let cold = self.uv(&folder, &cache, &sync)?;
        let unchanged = self.uv(&folder, &cache, &sync)?;
        file::remove_folder(&folder.join(".venv"))?;
        let warm = self.uv(&folder, &cache, &sync)?;
        file::remove_folder(&folder.join(".venv"))?;
        let with_code = self.uv(&folder, &cache, &compiled)?;
        Ok(Peer {
            cold,
            warm,
            unchanged,
            byte_code: with_code.saturating_sub(warm),
        })
    }

    fn uv(&self, folder: &Path, cache: &Path, arguments: &[&str]) -> Result<Duration> {
        let began = Instant::now();
        let output = Command::new(&self.uv)
            .args(arguments)
            .current_dir(folder)
            .env("UV_CACHE_DIR", cache)
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(began.elapsed());
        }
        Err(String::from_utf8_lossy(&output.stderr).into())
    }
}

/// The uv and the Python that Shipsmith takes here: asked by bringing up a small project.
fn programs() -> Result<(PathBuf, PathBuf, String)> {
    let installation = Installation::new(&[])?;
    installation.up(Project::fixture("plain-wsgi").folder());
    let folders = installation.folders();
    let release = folders.release(&"plain-wsgi".parse()?, ship_base::name::ReleaseId::new(1));
    let facts = file::read(&release.join("build.json"))?;
    let facts: serde_json::Value = serde_json::from_slice(&facts)?;
    let python = facts["python"][0]
        .as_str()
        .ok_or("a build without Python")?;
    let version = facts["python"][1]
        .as_str()
        .ok_or("a Python without version")?;
    let version: Vec<&str> = version.split('.').take(2).collect();
    let uv = match machine::find("uv") {
        Some(uv) => uv,
        None => keep_fetched_uv(&folders.uv())?,
    };
    Ok((uv, python.into(), version.join(".")))
}

/// The uv that was fetched goes with its installation: a copy outlives it, beside the binary.
fn keep_fetched_uv(fetched: &Path) -> Result<PathBuf> {
    let found = find_below(fetched, "uv")?.ok_or("no uv was fetched")?;
    let kept = crate::workspace::target().join("xtask/uv");
    file::create_folder(&crate::workspace::target().join("xtask"))?;
    file::copy(&found, &kept)?;
    file::set_mode(&kept, 0o755)?;
    Ok(kept)
}

fn find_below(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    for entry in file::entries(folder)? {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = find_below(&path, name)? {
                return Ok(Some(found));
            }
        } else if entry.file_name() == name {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn text(path: &Path) -> Result<&str> {
    Ok(path.to_str().ok_or("a path that is no text")?)
}
