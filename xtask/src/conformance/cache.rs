//! The npm package `http-cache-tests` through a door: its server behind, its client in front.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::door;
use super::running::{Running, free_port};
use crate::Result;
use crate::workspace;

const PACKAGE: &str = "http-cache-tests@0.4.5";

/// Tests that must pass: `docs/concepts/conformance.md` has the others, with reasons.
#[derive(Debug, Clone, Copy)]
struct Goal {
    required: u32,
    optimal: u32,
}

/// What a manifest says, in percent of an answer's age, and what has to pass with it. By default
/// nothing is guessed, which the suite would have a cache do.
const MANIFESTS: [(Option<u32>, Goal); 2] = [
    (
        None,
        Goal {
            required: 150,
            optimal: 69,
        },
    ),
    (
        Some(10),
        Goal {
            required: 150,
            optimal: 75,
        },
    ),
];

/// Counts results by kind and names what failed; runs beside the package's own modules.
const COUNT: &str = include_str!("count.mjs");

pub(crate) fn run() -> Result<ExitCode> {
    let folder = workspace::target().join("conformance");
    let package = fetch(&folder)?;
    let mut code = ExitCode::SUCCESS;
    for (share, goal) in MANIFESTS {
        match share {
            None => println!("── nothing in ship.toml"),
            Some(share) => println!("── `cache = \"{share}%\"` in ship.toml"),
        }
        if !passes(&folder, &package, share, goal)? {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn passes(folder: &Path, package: &Path, share: Option<u32>, goal: Goal) -> Result<bool> {
    let (behind, front) = (free_port()?, free_port()?);
    let _server = Running::start(
        node(package, "server/server.mjs")
            .env("npm_config_protocol", "http")
            .env("npm_config_port", behind.to_string())
            .env("npm_config_pidfile", folder.join("server.pid")),
        behind,
    )?;
    let _door = door::start(&door::Wish {
        share,
        ..door::Wish::new(front, behind)
    })?;
    let results = node(package, "cli.mjs")
        .env("npm_config_base", format!("http://127.0.0.1:{front}"))
        .env("npm_package_config_id", "")
        .stderr(Stdio::inherit())
        .output()?;
    count(folder, package, &results.stdout, goal)
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

/// The counter prints the figures and, last, how many tests of both kinds passed.
fn count(folder: &Path, package: &Path, results: &[u8], goal: Goal) -> Result<bool> {
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
    let passed = passed.split_once(' ').ok_or("a count of one kind")?;
    let enough =
        passed.0.parse::<u32>()? >= goal.required && passed.1.parse::<u32>()? >= goal.optimal;
    if !enough {
        let Goal { required, optimal } = goal;
        println!("fewer than {required} required tests passed, or than {optimal} optimal ones");
    }
    Ok(enough)
}
