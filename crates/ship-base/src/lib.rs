//! Words that every other crate needs.
//!
//! - [`name`]: names of apps, processes, instances and releases, checked once at the edge;
//! - [`paths::Folders`]: every folder and socket that Shipsmith owns;
//! - [`mod@file`]: whole-file writes that survive a power cut, and I/O errors that name their path;
//! - [`lend`]: folders that others work in for a while, and how they are taken back;
//! - [`network`]: networks as people write them;
//! - [`lock`], [`secret`], [`hint`], [`clock`], [`count`], [`fault`].
//!
//! It does not know what a project, a release or a process is; it starts nothing and prints nothing.

pub mod base64;
pub mod clock;
pub mod count;
pub mod fault;
pub mod file;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod hash;
pub mod hint;
pub mod lend;
pub mod lock;
pub mod name;
pub mod network;
pub mod paths;
mod schema;
pub mod secret;
pub mod socket_holders;
