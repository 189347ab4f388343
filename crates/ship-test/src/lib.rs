//! What whole-program tests are written with; a dev-dependency only.
//!
//! - [`Home`] is an installation of its own in a temporary folder; it runs the real binary and
//!   ends everything it started when it is dropped;
//! - [`Terminal`] is a command at a pseudo-terminal: what it draws, and what is typed;
//! - [`Project`] is a folder with a project, from a fixture or from the test's own lines;
//! - [`Authority`] is a certificate authority on this machine;
//! - [`NameServer`] is a DNS server on this machine, with a zone that can be changed;
//! - [`Strace`] hangs on to a process, shows what it does to files, and lets calls of it fail;
//! - [`fuzz`] gives parsers input that was changed in every way it knows;
//! - [`Visitors`] are of every kind, and write in a [`matrix::book::Book`] what they saw of what
//!   happens on a [`matrix::Stage`]; [`matrix`] has the table of what they may see;
//! - [`Load`] keeps asking a URL and counts every request that failed, exactly.
//!
//! It waits for conditions ([`wait_until`]) and never for time to pass.
#![expect(
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    reason = "tests read their own environment and files, and a panic is how a test fails"
)]

mod authority;
pub mod fuzz;
mod home;
pub mod http;
mod load;
pub mod matrix;
mod name_server;
mod project;
mod snapshot;
mod ssh;
mod strace;
mod terminal;
pub mod trace;
mod visitor;
mod wait;

pub use authority::{Authority, Names};
pub use home::{Home, Output, Running};
pub use load::{Load, Outcome};
pub use name_server::NameServer;
pub use project::Project;
pub use snapshot::filtered;
pub use ssh::Sshd;
pub use strace::Strace;
pub use terminal::Terminal;
pub use visitor::{Kind, Place, Visitors};
pub use wait::{eventually, wait_until};
