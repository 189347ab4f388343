//! The npm package `http-cache-tests` through a door: its server behind, its client in front.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::door;
use super::running::{Running, free_port};
use crate::Result;
use crate::workspace;

const PACKAGE: &str = "http-cache-tests@0.4.5";

/// Required tests that must pass: `docs/concepts/conformance.md` has the others, with reasons.
const REQUIRED: u32 = 150;

/// Counts results by kind and names what failed; runs beside the package's own modules.
const COUNT: &str = include_str!("count.mjs");

pub(crate) fn run() -> Result<ExitCode> {
    let folder = workspace::target().join("conformance");
    let package = fetch(&folder)?;
    let (behind, front) = (free_port()?, free_port()?);
    let _server = Running::start(
        node(&package, "server/server.mjs")
            .env("npm_config_protocol", "http")
            .env("npm_config_port", behind.to_string())
            .env("npm_config_pidfile", folder.join("server.pid")),
        behind,
    )?;
    let _door = door::start(&door::Wish::new(front, behind))?;
    let results = node(&package, "cli.mjs")
        .env("npm_config_base", format!("http://127.0.0.1:{front}"))
        .env("npm_package_config_id", "")
        .stderr(Stdio::inherit())
        .output()?;
    count(&folder, &package, &results.stdout)
}

fn fetch(folder: &Path) -> Result<PathBuf> {
    let package = folder.join("node_modules/http-cache-tests");
    if !package.is_dir() {
        ship_base::file::create_folder(folder)?;
        let fetched = Command::new("npm")
            .current_dir(folder)
            .args([
                "install",
                "--prefix",
                ".",
                "--no-audit",
                "--no-fund",
                PACKAGE,
            ])
            .status()
            .map_err(|error| format!("cannot run npm: {error}; install node and npm"))?;
        if !fetched.success() {
            return Err(format!("npm did not install `{PACKAGE}`").into());
        }
    }
    Ok(package)
}

fn node(package: &Path, script: &str) -> Command {
    let mut node = Command::new("node");
    node.current_dir(package).args(["--no-warnings", script]);
    node
}

/// The counter prints the figures and, last, how many required tests passed.
fn count(folder: &Path, package: &Path, results: &[u8]) -> Result<ExitCode> {
    let (script, given) = (folder.join("count.mjs"), folder.join("results.json"));
    ship_base::file::write_whole(&script, COUNT.as_bytes())?;
    ship_base::file::write_whole(&given, results)?;
    let counted = node(package, &script.display().to_string())
        .args([package, &given])
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&counted.stdout);
    let (story, passed) = text
        .trim_end()
        .rsplit_once('\n')
        .ok_or("nothing was counted")?;
    println!("{story}");
    Ok(if passed.parse::<u32>()? >= REQUIRED {
        ExitCode::SUCCESS
    } else {
        println!("fewer than {REQUIRED} required tests passed");
        ExitCode::FAILURE
    })
}
