//! The command `ship`: the only crate that reads the environment, and the only one that prints.
//!
//! - [`World`]: what this process was given: arguments, variables, folder;
//! - [`run`]: a role of the installation (keeper, door, server), or a command of a person;
//! - `cli::Cli`: the commands, each a file in `commands/`; `ui::Ui`: the only printer.
//!
//! It decides nothing about deploys: it asks the server, which it starts where none answers.
//! `commands/up.rs` and `session.rs` tell the story of `ship up`.

mod access;
mod authorized_keys;
mod cli;
mod commands;
mod config;
mod control;
mod destination;
mod error;
pub mod exit;
mod follow;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod log_view;
mod plan_rows;
mod problem_view;
mod pushed;
mod remotes;
mod role;
mod secret_input;
mod seen;
mod sending;
mod session;
mod signals;
mod story;
mod table;
mod target;
mod text;
mod ui;
pub mod variables;
mod watch;
mod when;
mod world;

use std::process::ExitCode;

pub use cli::command;
pub use world::World;

use role::Role;

/// Does what the arguments ask for.
///
/// Roles come first and without the parser of commands: a keeper is meant to stay below 1 MB.
pub fn run(world: World) -> ExitCode {
    match Role::of(world.arguments()) {
        Some(Role::Keeper) => role::keeper(),
        Some(Role::Door) => role::door(&world, false),
        Some(Role::NextDoor) => role::door(&world, true),
        Some(Role::Server) => role::server(&world),
        None => cli::run(world),
    }
}
