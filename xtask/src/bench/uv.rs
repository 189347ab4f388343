//! uv by itself: the peer of our environments, and what resolves the lock for both.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ship_base::file;
use ship_base::name::ReleaseId;
use ship_test::Project;

use super::installation::Installation;
use crate::{Result, machine, workspace};

/// The uv and the Python that Shipsmith takes here.
pub(super) struct Uv {
    pub(super) program: PathBuf,
    python: PathBuf,
    /// `3.12`
    pub(super) python_minor: String,
}

impl Uv {
    /// Asked by bringing up a small project.
    pub(super) fn of(ship: &Path) -> Result<Self> {
        let installation = Installation::new(ship, &[])?;
        installation.up(Project::fixture("plain-wsgi").folder());
        let folders = installation.folders();
        let release = folders.release(&"plain-wsgi".parse()?, ReleaseId::new(1));
        let facts = file::read(&release.join("build.json"))?;
        let facts: serde_json::Value = serde_json::from_slice(&facts)?;
        let fact = |index: usize| {
            facts["python"][index]
                .as_str()
                .ok_or("a build without Python")
        };
        let minor: Vec<&str> = fact(1)?.split('.').take(2).collect();
        let program = match machine::find("uv") {
            Some(uv) => uv,
            None => keep(&folders.uv())?,
        };
        Ok(Self {
            program,
            python: fact(0)?.into(),
            python_minor: minor.join("."),
        })
    }

    /// Runs it to its end with this Python and this cache; how long it took.
    pub(super) fn run(&self, folder: &Path, cache: &Path, arguments: &[&str]) -> Result<Duration> {
        let began = Instant::now();
        let output = Command::new(&self.program)
            .args(arguments)
            .arg("--python")
            .arg(&self.python)
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

/// What uv alone takes for the same lock.
pub(super) struct Peer {
    pub(super) cold: Sync,
    pub(super) warm: Sync,
    pub(super) unchanged: Duration,
    /// How much longer it takes with `--compile-bytecode`.
    pub(super) byte_code: Duration,
}

/// One `uv sync`.
pub(super) struct Sync {
    /// Until it ends; a power cut may still undo it.
    pub(super) took: Duration,
    /// Until what it wrote is on disk, which ours always waits for.
    pub(super) on_disk: Duration,
}

const SYNC: [&str; 3] = ["sync", "--frozen", "--no-install-project"];
const COMPILE: [&str; 4] = [
    "sync",
    "--frozen",
    "--no-install-project",
    "--compile-bytecode",
];

impl Peer {
    /// In a copy of `project`, with a cache in `caches` that is used by nobody else.
    pub(super) fn measure(uv: &Uv, project: &Path, caches: &Path) -> Result<Self> {
        let folder = caches.join("peer");
        file::create_folder(&folder)?;
        for name in ["pyproject.toml", "uv.lock"] {
            file::copy(&project.join(name), &folder.join(name))?;
        }
        let cache = caches.join("theirs");
        let cold = Sync::measure(uv, &folder, &cache)?;
        let unchanged = uv.run(&folder, &cache, &SYNC)?;
        anew(&folder)?;
        let warm = Sync::measure(uv, &folder, &cache)?;
        anew(&folder)?;
        let compiled = uv.run(&folder, &cache, &COMPILE)?;
        Ok(Self {
            byte_code: compiled.saturating_sub(warm.took),
            cold,
            warm,
            unchanged,
        })
    }
}

impl Sync {
    fn measure(uv: &Uv, folder: &Path, cache: &Path) -> Result<Self> {
        // What others have not written yet is not its fault.
        file::sync_file_system(folder)?;
        let took = uv.run(folder, cache, &SYNC)?;
        let began = Instant::now();
        file::sync_file_system(folder)?;
        Ok(Self {
            took,
            on_disk: took + began.elapsed(),
        })
    }
}

fn anew(folder: &Path) -> Result<()> {
    Ok(file::remove_folder(&folder.join(".venv"))?)
}

/// A fetched uv goes with its installation: a copy of it stays beside the binary.
fn keep(fetched: &Path) -> Result<PathBuf> {
    let found = find_below(fetched, "uv")?.ok_or("no uv was fetched")?;
    let folder = workspace::target().join("xtask");
    let kept = folder.join("uv");
    file::create_folder(&folder)?;
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
