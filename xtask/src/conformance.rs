//! What suites of others say of the front door. They are fetched, and need what they are written in.

mod cache;

use std::process::ExitCode;

use clap::Subcommand;

use crate::Result;

/// The suites.
#[derive(Debug, Subcommand)]
pub(crate) enum Suite {
    /// `http-cache-tests`: the door as a shared cache. Needs node and npm
    Cache,
}

pub(crate) fn run(suite: &Suite) -> Result<ExitCode> {
    match suite {
        Suite::Cache => cache::run(),
    }
}
