//! The API against its own description: schemathesis asks a server what the description allows and
//! what it forbids, and compares each answer.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use ship_base::file;
use ship_test::Project;

use super::bridge::Bridge;
use crate::bench::{Installation, uv_of};
use crate::{Result, step, workspace};

/// From PyPI, run in an environment of its own.
const PACKAGE: &str = "schemathesis==4.32.5";

/// What a whole run may take; a part that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(20);

/// The app that the suite meets.
const APP: &str = "own-server";

/// What the suite must not send, beside it.
const HOOKS: &str = include_str!("hooks.py");

/// What `cargo xtask conformance api` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Ask this binary instead of building one
    #[arg(long, value_name = "PATH")]
    ship: Option<PathBuf>,
    /// A sixth of what is left to chance
    #[arg(long)]
    quick: bool,
    /// The seed of what is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Only the operation of this name, such as `scale`
    #[arg(long, value_name = "OPERATION")]
    only: Option<String>,
}

/// The parts, each a run of the suite: which operations, and whether they are about the app that is
/// there or about any. What lists everything comes first: the others make apps, keys and lines of the
/// audit log by the thousand.
const PARTS: [(&str, bool, &[&str]); 4] = [
    ("lists", false, &["--include-operation-id-regex", LISTS]),
    (
        "any app",
        false,
        &["--exclude-operation-id-regex", NO_LISTS],
    ),
    (
        "an app that runs",
        true,
        &[
            "--include-path-regex",
            "/v1/apps/\\{app\\}",
            "--exclude-operation-id",
            "destroy",
        ],
    ),
    ("its end", true, &["--include-operation-id", "destroy"]),
];

/// What answers with everything that there is.
const LISTS: &str = "^(apps|audit|description|keys|status)$";
/// The others, but for what would end the server.
const NO_LISTS: &str = "^(apps|audit|description|keys|status|stopServer)$";

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let ship = match &arguments.ship {
        Some(ship) => std::path::absolute(ship)?,
        None => built()?,
    };
    let uv = uv_of(&ship)?;
    let installation = Installation::new(&ship, &[])?;
    installation.up(Project::fixture(APP).folder());
    let bridge = Bridge::to(&installation.folders().api_socket())?;
    let folder = tempfile::tempdir()?;
    let description = installation.home.ship(&["api"]).success().stdout;
    file::write_whole(&folder.path().join("openapi.json"), description.as_bytes())?;
    file::write_whole(&folder.path().join("hooks.py"), HOOKS.as_bytes())?;

    let mut passed = true;
    for (about, of_the_app, chosen) in PARTS {
        println!("\n── {about}");
        let settings = settings(arguments, of_the_app);
        file::write_whole(
            &folder.path().join("schemathesis.toml"),
            settings.as_bytes(),
        )?;
        let mut suite = suite(&uv, folder.path(), &bridge.url(), arguments);
        match &arguments.only {
            Some(only) => suite.args(["--include-operation-id", only]),
            None => suite.args(chosen),
        };
        passed &= ended_well(suite)?;
        // A server that fell and was started again would answer as well.
        bridge.check()?;
    }
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn built() -> Result<PathBuf> {
    if let step::Outcome::Failed(why) = step::cargo(&["build", "--quiet", "--package", "ship"])? {
        return Err(why.join("\n").into());
    }
    Ok(workspace::target().join("debug/ship"))
}

fn suite(uv: &Path, folder: &Path, url: &str, arguments: &Arguments) -> Command {
    let mut suite = Command::new(uv);
    suite
        .current_dir(folder)
        .args(["tool", "run", "--quiet", "--from", PACKAGE])
        .args(["schemathesis", "run", "openapi.json", "--url", url])
        .args(["--seed", &arguments.seed.to_string()])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", ".")
        .stdin(Stdio::null());
    suite
}

/// Of the app's routes, those whose streams do not end by themselves are asked for what does.
fn settings(arguments: &Arguments, of_the_app: bool) -> String {
    let examples = if arguments.quick { 5 } else { 30 };
    let app = if of_the_app {
        format!("parameters = {{ \"path.app\" = \"{APP}\" }}\n")
    } else {
        String::new()
    };
    // 422: the request is well-formed, and cannot be done as things are.
    format!(
        "{app}color = false\nrequest-timeout = 20.0\ncontinue-on-failure = true\n\
         suppress-health-check = [\"all\"]\nwarnings = false\n\
         [phases]\nstateful.enabled = false\n\
         [generation]\nmax-examples = {examples}\n\
         [checks.positive_data_acceptance]\nexpected-statuses = [\"2xx\", 403, 404, 422]\n"
    )
}

/// Waits for its end; what hangs is ended.
fn ended_well(mut suite: Command) -> Result<bool> {
    let mut child = suite
        .spawn()
        .map_err(|error| format!("cannot start uv: {error}"))?;
    let mut ended = None;
    ship_test::wait_until("the suite ends", PATIENCE, || {
        ended = child.try_wait().ok().flatten();
        ended.is_some()
    });
    Ok(ended.is_some_and(|status| status.success()))
}
