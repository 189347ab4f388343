//! The control process: it puts everything together on one machine.
//!
//! - [`Config`] says where its folders are and which program its roles run as;
//! - [`run`] takes the server lock, finds what still lives, and serves the API until told to stop.
//!
//! It is not in the path of any request: visitors talk to the door, the door to the instances,
//! and each instance is kept by its keeper. When this process dies, all of them go on.
//!
//! The story of a deploy is in `deploy.rs`, that of the swap in `roll.rs`; `life.rs` tells this
//! process's own from start to end, `resume.rs` how it comes back to what it finds.

mod adopt;
mod api;
mod app;
mod attach;
mod audit;
mod body;
mod build;
mod caller;
mod candidate;
mod certificate;
mod change;
mod deploy;
mod domain;
mod door;
mod door_process;
mod door_talk;
mod drawn;
mod enter;
mod environment;
mod error;
mod events;
mod fleet;
mod guard;
mod hold;
mod instance;
mod job;
mod keys;
mod lease;
mod left_doors;
mod life;
mod logs;
mod maintain;
mod not_ready;
mod owner;
mod patience;
mod plan_view;
mod port;
mod promote;
mod purge;
mod received;
mod refused;
mod release_command;
mod resume;
mod roll;
mod room;
mod scale;
#[cfg(test)]
mod scene;
mod server;
mod settings;
mod socket;
mod socket_store;
mod spec;
mod stop;
mod stream;
mod table;
mod task;
mod traffic;
mod usage;
mod users;
mod work;

pub use error::Error;
pub use life::run;
pub use plan_view::plan_view;
pub use port::holder as port_holder;
pub use room::Room;
pub use server::{Config, Public};
pub use ship_door::table::{Acme, Authority, Dns, DnsProvider, Eab};
pub use socket_store::SocketStore;
