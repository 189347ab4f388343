//! Keepers as processes, with real programs: `sh` and `python3`.
//!
//! `role.rs` is the keeper's program. Every test has folders of its own and ends what it started.
#![expect(
    clippy::disallowed_methods,
    reason = "tests look at files and the environment as a user would"
)]

mod adopt;
mod crash;
mod fork_server;
mod killed;
mod logs;
mod ready;
mod stage;
mod stop;
mod trees;
