//! Keepers: each keeps one instance of a process alive.
//!
//! A keeper is a process of its own (the role `ship keep`, [`keep::main`]): it starts the program in
//! a session of its own, asks it for readiness, writes its output to the log, starts it again when
//! it ends, and ends it with everything it started when told to. It is small, has one thread, and
//! lives on when the control process ends.
//!
//! - [`spec::Spec`] is what a keeper is told, [`event::Report`] what it tells;
//! - [`ForkServer`] is the process that keepers are copied from;
//! - [`Keeper`] is the control process's handle on one; [`adopt_all`] finds those that live on
//!   after a restart, and clears what dead ones left;
//! - [`process`] reads processes from `/proc`: who descends from whom, and how much memory they hold.
//!
//! It decides nothing about releases, routes or schedules, and knows no manifest: `ship-server`
//! does. Limits and the start itself are `ship-sandbox`'s. The story of a keeper's life is in
//! `keep/life.rs`, that of the handle in `keeper.rs`, and what they say to each other in `event.rs`.

mod adopt;
mod announcement;
mod error;
pub mod event;
mod files;
mod follower;
mod fork_server;
pub mod keep;
mod keeper;
mod launch;
mod not_ready;
pub mod process;
mod remains;
mod signal;
pub mod spec;

pub use adopt::{Adopted, adopt_all};
pub use error::Error;
pub use fork_server::ForkServer;
pub use keep::shim_called;
pub use keeper::Keeper;
pub use not_ready::{NotReady, UNWELL, Why};
