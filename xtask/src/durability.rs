//! `cargo xtask durability`: what a power cut, a failing disk and a full one may do to us, all of it.
//!
//! The tests are those of `crates/ship/tests/server`: `durability.rs` looks at the calls around every
//! name that is put in place, `faults.rs` lets calls fail. The whole check does a few of the latter;
//! here it is every call of every change.

use std::process::ExitCode;

use crate::step::{self, Outcome};
use crate::{Result, machine};

const TESTS: &[&str] = &[
    "test",
    "--package",
    "ship",
    "--test",
    "server",
    "--locked",
    "--",
    "--include-ignored",
    "--nocapture",
    "--test-threads=1",
    "durability::",
    "faults::",
];

/// Runs them, the long ones as well.
pub(crate) fn run() -> Result<ExitCode> {
    // The tests themselves pass where it is missing: here that would be a check of nothing.
    if machine::find("strace").is_none() {
        return Err("`strace` is not here: `apt-get install strace` brings it".into());
    }
    match step::cargo(TESTS)? {
        Outcome::Passed => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::FAILURE),
    }
}
