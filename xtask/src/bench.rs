//! Measuring: what stands in `docs/` as a figure comes from here, and anybody can take it again.
//!
//! Absolute times of a shared machine mean little; a peer measured in the same run says more, so
//! figures come with a ratio where there is a peer.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::step::{self, Outcome};
use crate::{Result, workspace};

mod deploy;
mod door;
mod environment;
mod figure;
mod installation;
mod memory;
mod plan;
mod redeploy;
mod server;
mod steadiness;
mod uv;

pub(crate) use installation::Installation;

/// The uv that Shipsmith takes here; fetched where none is on the machine.
pub(crate) fn uv_of(ship: &Path) -> Result<PathBuf> {
    Ok(uv::Uv::of(ship)?.program)
}

/// What can be measured.
#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// Environments, redeploys, failed requests, memory at rest
    Deploy(deploy::Arguments),
    /// What a request costs the front door, beside nginx, HAProxy, Caddy and Traefik
    Door(door::Arguments),
    /// A server with 27 idle apps, and what a person waits for there, beside Docker
    Server(server::Arguments),
    /// `ship plan` on a tree of 20,000 files
    Plan(plan::Arguments),
}

/// Measures.
pub(crate) fn run(bench: &Bench) -> Result<ExitCode> {
    match bench {
        Bench::Deploy(arguments) => deploy::run(arguments),
        Bench::Door(arguments) => door::run(arguments),
        Bench::Server(arguments) => server::run(arguments),
        Bench::Plan(arguments) => plan::run(arguments),
    }
}

/// The release binary, built now.
pub(crate) fn built() -> Result<PathBuf> {
    let build = ["build", "--release", "--package", "ship", "--locked"];
    if let Outcome::Failed(why) = step::cargo(&build)? {
        return Err(why.join("\n").into());
    }
    Ok(workspace::target().join("release/ship"))
}
