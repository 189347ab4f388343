//! Builds of small projects with the real uv and real Pythons.
//!
//! uv comes from `SHIP_UV` or the PATH, else it is fetched as the product fetches it. The package
//! index must be reachable; every test has a store of its own.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests lay out projects, look at what came of them, and say why they skip"
)]

mod assets;
mod bench;
mod environment;
mod fetch;
mod front_end;
mod layer;
mod other_locks;
mod proof;
mod python;
mod remedy;
mod site;
mod work;
mod wrong_input;
