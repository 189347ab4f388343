//! The program; everything is in the library, which the reference pages are made from as well.

use std::process::ExitCode;

fn main() -> ExitCode {
    ship::run(ship::World::of_this_process())
}
