//! The project's own chores: `cargo xtask test` is what runs before anything is merged.
//!
//! - `test.rs` tells the story of a whole check; each of its steps is a `step::Step`;
//! - `layers.rs`, `dependencies.rs`, `promises.rs`, `fixtures.rs` and `guides.rs` compare pages of
//!   the documentation with the tree: what they find wrong is a list of lines;
//! - `bench.rs` measures, one file per figure's subject;
//! - `compat.rs` brings up projects that strangers wrote;
//! - `conformance.rs` runs suites of others against the front door and the API;
//! - `dist.rs` builds the portable binary;
//! - `durability.rs` lets every call that changes a disk fail;
//! - `e2e.rs` does to a fresh server what people do with theirs;
//! - `fuzz.rs` gives our readers to libFuzzer;
//! - `soak.rs` switches, upgrades and kills under the eyes of every kind of visitor;
//! - `machine.rs` knows what is installed here.
//!
//! Nothing here is part of the product.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "chores talk to the person who started them"
)]

mod bench;
mod compat;
mod conformance;
mod dependencies;
mod dist;
mod durability;
mod e2e;
mod example;
mod fixtures;
mod fuzz;
mod generate;
mod guides;
mod layers;
mod machine;
mod page;
mod promises;
mod soak;
mod step;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// What can fail here: told to whoever started it, and that is all.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The project's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Chore {
    /// Everything that has to hold before a change is merged
    Test(test::Arguments),
    /// Write the pages in `docs/reference` from what the code says
    Generate {
        /// Only tell which of them are stale
        #[arg(long)]
        check: bool,
    },
    /// Measure, side by side with others
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Bring up projects that strangers wrote, and write how each went into `docs/compatibility.md`
    Compat(compat::Arguments),
    /// Run a suite of others against the front door or the API
    #[command(subcommand)]
    Conformance(conformance::Suite),
    /// Build the binary that runs on Debian 11, Ubuntu 20.04 and whatever is newer
    Dist(dist::Arguments),
    /// Let every call that changes a disk fail, and look whether the old state or the new is there
    Durability,
    /// Do to a fresh server what people do with theirs, from an empty machine to an empty machine
    E2e(e2e::Arguments),
    /// Give our readers to libFuzzer
    Fuzz(fuzz::Arguments),
    /// Switch, upgrade and kill again and again, and look what visitors of every kind see
    Soak(soak::Arguments),
    /// Compare which crate uses which with the table in `docs/architecture.md`
    Layers,
    /// Compare the third-party crates with `docs/dependencies.md`
    Dependencies,
    /// Compare `docs/promises.md` with the tests it names
    Promises,
    /// Compare the folders in `fixtures/apps` with their page
    Fixtures,
    /// Compare the commands that pages show with what the command line takes
    Guides,
}

fn main() -> ExitCode {
    let outcome = match Chore::parse() {
        Chore::Test(arguments) => test::run(&arguments),
        Chore::Generate { check } => generated(check),
        Chore::Bench(bench) => bench::run(&bench),
        Chore::Compat(arguments) => compat::run(&arguments),
        Chore::Conformance(suite) => conformance::run(&suite),
        Chore::Dist(arguments) => dist::run(&arguments),
        Chore::Durability => durability::run(),
        Chore::E2e(arguments) => e2e::run(&arguments),
        Chore::Fuzz(arguments) => fuzz::run(&arguments),
        Chore::Soak(arguments) => soak::run(&arguments),
        Chore::Layers => agrees(layers::check()),
        Chore::Dependencies => agrees(dependencies::check()),
        Chore::Promises => agrees(promises::check()),
        Chore::Fixtures => agrees(fixtures::check()),
        Chore::Guides => agrees(guides::check()),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", ship_base::hint::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn generated(check: bool) -> Result<ExitCode> {
    generate::run(&workspace::root(), check)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what a comparison found wrong, if anything.
fn agrees(wrong: Result<Vec<String>>) -> Result<ExitCode> {
    let wrong = wrong?;
    for line in &wrong {
        eprintln!("✗ {line}");
    }
    Ok(if wrong.is_empty() {
        println!("✓ page and tree agree");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
