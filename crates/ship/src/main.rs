//! The program; everything is in the library, which the reference pages are made from as well.

use std::process::ExitCode;

/// The front door's threads keep what a request takes; all else is the C library's.
#[global_allocator]
static MEMORY: ship_sandbox::Pieces = ship_sandbox::Pieces;

fn main() -> ExitCode {
    ship::run(ship::World::of_this_process())
}
