//! What suites of others say of the front door and of the API. They are fetched, and need what they are written in.

mod api;
mod bridge;
mod cache;
mod door;
mod grpc;
mod hostile;
mod http1;
mod lint;
mod origin;
mod python;
mod running;
mod tls;
mod websockets;

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

use crate::Result;
use crate::step::{self, Outcome};

/// The suites.
#[derive(Debug, Subcommand)]
pub(crate) enum Suite {
    /// Every one of them, one after the other
    All,
    /// `schemathesis`: the API against its own description. Needs PyPI
    Api(api::Arguments),
    /// `http-cache-tests`: the door as a shared cache. Needs node and npm
    Cache,
    /// The package `grpcio` on both sides: calls through the door are those without it
    Grpc(grpc::Arguments),
    /// Slow visitors (slowhttptest) and floods of HTTP/2, with honest visitors beside them
    Hostile(hostile::Arguments),
    /// Requests that frame themselves well or badly: the door, nginx and Caddy. Needs PyPI
    Http1,
    /// httplint: answers that the door makes or changes
    Lint,
    /// sslyze: the door's TLS against Mozilla's recommendation
    Tls,
    /// The package `websockets` on both sides: sessions through the door are those without it
    Websockets(websockets::Arguments),
}

pub(crate) fn run(suite: &Suite) -> Result<ExitCode> {
    match suite {
        Suite::All => Ok(all()),
        Suite::Api(arguments) => api::run(arguments),
        Suite::Cache => cache::run(),
        Suite::Grpc(arguments) => grpc::run(arguments),
        Suite::Hostile(arguments) => hostile::run(arguments),
        Suite::Http1 => http1::run(),
        Suite::Lint => lint::run(),
        Suite::Tls => tls::run(),
        Suite::Websockets(arguments) => websockets::run(arguments),
    }
}

/// All suites.
const ALL: [&str; 8] = [
    "api",
    "cache",
    "grpc",
    "hostile",
    "http1",
    "lint",
    "tls",
    "websockets",
];

/// A suite as it is called without a further word.
#[derive(Debug, Parser)]
struct Called {
    #[command(subcommand)]
    suite: Suite,
}

/// How a suite went, and how long it took.
fn perform(called: &[&str]) -> (bool, String) {
    let name = called[0];
    println!("\n── {name}");
    let began = Instant::now();
    let words = ["conformance"].iter().chain(called);
    let done = match Called::try_parse_from(words) {
        Ok(called) => run(&called.suite),
        Err(error) => Err(error.into()),
    };
    let seconds = began.elapsed().as_secs();
    match done {
        Ok(code) if code == ExitCode::SUCCESS => (true, format!("✓ {name:<12} {seconds:>5} s")),
        Ok(_) => (false, format!("✗ {name:<12} {seconds:>5} s")),
        Err(error) => (false, format!("✗ {name:<12} {seconds:>5} s  {error}")),
    }
}

fn all() -> ExitCode {
    let done = ALL.map(|name| perform(&[name]));
    println!();
    for (_, line) in &done {
        println!("{line}");
    }
    if done.iter().all(|(well, _)| *well) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The suites that take a moment and nothing but packages of PyPI; skipped where those cannot be had.
pub(crate) fn quick() -> Outcome {
    let tools = [lint::tools, websockets::tools, grpc::tools];
    if let Some(why) = tools.iter().find_map(|tools| tools().err()) {
        return Outcome::Skipped(why.to_string());
    }
    // A part of what they play by themselves.
    let done = [
        &["lint"][..],
        &["websockets", "--sessions", "100"],
        &["grpc", "--calls", "100"],
    ];
    let done = done.map(perform);
    println!();
    for (_, line) in &done {
        println!("{line}");
    }
    let wrong = done.into_iter().filter(|(well, _)| !well);
    let wrong: Vec<String> = wrong.map(|(_, line)| line).collect();
    step::agreement(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn all_suites_are_all_that_can_be_called_and_need_no_further_word() {
        let command = Called::command();
        let names = command.get_subcommands().map(clap::Command::get_name);
        let mut names: Vec<&str> = names.filter(|name| *name != "all").collect();
        names.sort_unstable();
        assert_eq!(names, ALL);
        for name in ALL {
            assert!(
                Called::try_parse_from(["conformance", name]).is_ok(),
                "{name}"
            );
        }
    }
}
