//! One program for all targets: libFuzzer gives its bytes to the one that `SHIP_FUZZ` names.
//!
//! The targets stand beside what they try, in the `fuzz.rs` of each crate.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

type Target = (&'static str, fn(&[u8]));

fn all() -> impl Iterator<Item = Target> {
    [
        ship::fuzz::TARGETS,
        ship_api::fuzz::TARGETS,
        ship_base::fuzz::TARGETS,
        ship_door::fuzz::TARGETS,
        ship_observe::fuzz::TARGETS,
        ship_project::fuzz::TARGETS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The command line is libFuzzer's.
fn chosen() -> fn(&[u8]) {
    static CHOSEN: OnceLock<fn(&[u8])> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let name = std::env::var("SHIP_FUZZ").unwrap_or_default();
        let found = all().find(|target| target.0 == name);
        found.map_or_else(
            || panic!("SHIP_FUZZ is the name of no target: `{name}`"),
            |target| target.1,
        )
    })
}

fuzz_target!(|bytes: &[u8]| chosen()(bytes));
