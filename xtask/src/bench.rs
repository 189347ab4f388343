//! Measuring: what stands in `docs/` as a figure comes from here, and anybody can take it again.
//!
//! Absolute times of a shared machine mean little; a peer measured in the same run says more, so
//! figures come with a ratio where there is a peer.

use std::process::ExitCode;

use crate::Result;
use crate::step::{self, Outcome};

mod deploy;
mod environment;
mod figure;
mod installation;
mod memory;
mod redeploy;
mod steadiness;

/// What can be measured.
#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// Environments, redeploys, failed requests, memory at rest
    Deploy(deploy::Arguments),
}

/// Builds the release binary and measures.
pub(crate) fn run(bench: &Bench) -> Result<ExitCode> {
    let build = ["build", "--release", "--package", "ship", "--locked"];
    if let Outcome::Failed(why) = step::cargo(&build)? {
        return Err(why.join("\n").into());
    }
    match bench {
        Bench::Deploy(arguments) => deploy::run(arguments),
    }
}
