//! What suites of others say of the front door and of the API. They are fetched, and need what they are written in.

mod api;
mod bridge;
mod cache;
mod door;
mod hostile;
mod running;

use std::process::ExitCode;

use clap::Subcommand;

use crate::Result;

/// The suites.
#[derive(Debug, Subcommand)]
pub(crate) enum Suite {
    /// `schemathesis`: the API against its own description. Needs PyPI
    Api(api::Arguments),
    /// `http-cache-tests`: the door as a shared cache. Needs node and npm
    Cache,
    /// Slow visitors (slowhttptest) and floods of HTTP/2, with honest visitors beside them
    Hostile(hostile::Arguments),
}

pub(crate) fn run(suite: &Suite) -> Result<ExitCode> {
    match suite {
        Suite::Api(arguments) => api::run(arguments),
        Suite::Cache => cache::run(),
        Suite::Hostile(arguments) => hostile::run(arguments),
    }
}
