//! `cargo xtask test`: everything that has to hold before a change is merged, in one command.
//!
//! Quick steps come first. A failing step does not keep the others from being tried: one run tells
//! all that is wrong.

use std::process::{Command, ExitCode};

use crate::step::{self, Done, Outcome, Step, agreement, cargo};
use crate::{
    Result, conformance, dependencies, example, fixtures, generate, guides, layers, machine,
    promises, workspace,
};

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these steps, such as `format` or `tests`
    #[arg(value_name = "STEP", value_parser = clap::builder::PossibleValuesParser::new(names()))]
    only: Vec<String>,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        about: "the code stands as rustfmt has it",
        run: || cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "pages",
        about: "layers, dependencies, promises, fixtures and the commands of guides are as pages say",
        run: pages,
    },
    Step {
        name: "licences",
        about: "licences, advisories and duplicate versions are as deny.toml allows",
        run: licences,
    },
    Step {
        name: "spelling",
        about: "no typing error that the list knows",
        run: spelling,
    },
    Step {
        name: "clippy",
        about: "no warning, in tests neither",
        run: clippy,
    },
    Step {
        name: "generated",
        about: "reference pages are what the code says",
        run: || Ok(generated()),
    },
    Step {
        name: "tests",
        about: "every promise that has a test",
        run: tests,
    },
    Step {
        name: "doc-tests",
        about: "the examples in comments",
        run: || cargo(&["test", "--workspace", "--doc", "--locked", "--quiet"]),
    },
    Step {
        name: "docs",
        about: "the documentation of the code has no broken link",
        run: docs,
    },
    Step {
        name: "suites",
        about: "what quick suites of others say of the door",
        run: || Ok(conformance::quick()),
    },
    Step {
        name: "example",
        about: "the example's own tests",
        run: example::test,
    },
];

fn names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Prepares the machine, does the steps, and lists how they went.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let skipped = machine::prepare()?;
    let done: Vec<Done> = STEPS
        .iter()
        .filter(|step| arguments.wants(step))
        .map(Step::perform)
        .collect();

    println!();
    for done in &done {
        println!("{}", done.line());
    }
    for line in skipped.iter().chain(&machine::limits()) {
        println!("– skipped: {line}");
    }
    Ok(if done.iter().any(Done::failed) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl Arguments {
    fn wants(&self, step: &Step) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == step.name)
    }
}

fn pages() -> Result<Outcome> {
    let checks = [
        layers::check()?,
        dependencies::check()?,
        promises::check()?,
        fixtures::check()?,
        guides::check()?,
    ];
    Ok(agreement(checks.concat()))
}

fn licences() -> Result<Outcome> {
    if !machine::has_cargo("deny") {
        return Ok(missing("cargo-deny", "cargo install cargo-deny"));
    }
    cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"])
}

fn spelling() -> Result<Outcome> {
    match machine::find("typos") {
        Some(typos) => step::command(&mut Command::new(typos)),
        None => Ok(missing("typos", "cargo install typos-cli")),
    }
}

fn generated() -> Outcome {
    match generate::run(&workspace::root(), true) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(vec![why]),
    }
}

fn clippy() -> Result<Outcome> {
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--keep-going",
        "--locked",
        "--quiet",
        "--",
        "--deny",
        "warnings",
    ])
}

/// By nextest where it is installed: a process per test, and it tells which one is slow.
fn tests() -> Result<Outcome> {
    if machine::has_cargo("nextest") {
        cargo(&[
            "nextest",
            "run",
            "--workspace",
            "--locked",
            "--profile",
            "ci",
        ])
    } else {
        println!("(`cargo-nextest` is not here: cargo's own runner does it)");
        cargo(&[
            "test",
            "--workspace",
            "--all-targets",
            "--no-fail-fast",
            "--locked",
            "--quiet",
        ])
    }
}

fn docs() -> Result<Outcome> {
    let arguments = [
        "doc",
        "--workspace",
        "--no-deps",
        "--keep-going",
        "--locked",
        "--quiet",
    ];
    step::command(
        Command::new(env!("CARGO"))
            .args(arguments)
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

fn missing(program: &str, install: &str) -> Outcome {
    Outcome::Skipped(format!("`{program}` is not here; `{install}` brings it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_steps_have_one_name() {
        let mut sorted = names();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), STEPS.len());
    }

    #[test]
    fn without_a_word_every_step_is_done() {
        let all = Arguments { only: Vec::new() };
        assert!(STEPS.iter().all(|step| all.wants(step)));
        let one = Arguments {
            only: vec!["format".to_owned()],
        };
        assert_eq!(STEPS.iter().filter(|step| one.wants(step)).count(), 1);
    }
}
