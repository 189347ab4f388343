//! What suites of others say of the front door and of the API. They are fetched, and need what they are written in.

mod api;
mod bridge;
mod cache;
mod door;
mod grpc;
mod hostile;
mod lint;
mod python;
mod running;
mod tls;
mod websockets;

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
    /// The package `grpcio` on both sides: calls through the door are those without it
    Grpc(grpc::Arguments),
    /// Slow visitors (slowhttptest) and floods of HTTP/2, with honest visitors beside them
    Hostile(hostile::Arguments),
    /// httplint: answers that the door makes or changes
    Lint,
    /// sslyze: the door's TLS against Mozilla's recommendation
    Tls,
    /// The package `websockets` on both sides: sessions through the door are those without it
    Websockets(websockets::Arguments),
}

pub(crate) fn run(suite: &Suite) -> Result<ExitCode> {
    match suite {
        Suite::Api(arguments) => api::run(arguments),
        Suite::Cache => cache::run(),
        Suite::Grpc(arguments) => grpc::run(arguments),
        Suite::Hostile(arguments) => hostile::run(arguments),
        Suite::Lint => lint::run(),
        Suite::Tls => tls::run(),
        Suite::Websockets(arguments) => websockets::run(arguments),
    }
}
