//! The front door: listeners, routing, forwarding, static files, compression, swap and drain.
//!
//! - [`run`] is the role `ship door`: a process that serves what its [`Table`](table::Table) says,
//!   with no need of anybody else once it has a table and listening sockets;
//! - [`DoorClient`](client::DoorClient) is how its parent talks to it: swap the table, hand over
//!   sockets, drain, stop;
//! - [`table`] is the contract between the two, on the wire and on disk.
//!
//! It does not know what a project, a release or a keeper is, starts no process, decides nothing
//! about health (whoever sends the table does), and prints nothing.
//!
//! `door.rs` tells the story of the process, `stack.rs` the story of a request.

pub mod client;
pub mod limit;
pub mod table;
pub mod traffic;

mod accept_encoding;
mod access_log;
mod acme;
mod allow;
mod app_connection;
mod app_streams;
mod basic_auth;
mod body;
mod cache;
mod compress;
mod compressed;
mod conditional;
mod control;
mod core;
mod crowd;
mod dns;
mod door;
mod encoder;
mod entity_tag;
mod error;
mod error_page;
mod extended_connect;
mod farewell;
mod file_body;
mod forward;
mod framing;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod hashed_name;
mod head;
mod host;
mod http1;
mod http2;
mod http3;
mod instance;
mod listener;
mod media_type;
mod outlet;
mod own_pages;
mod pace;
mod path;
mod patience;
mod pool;
mod protocol;
mod range;
mod rate;
mod room;
mod route;
mod rules;
mod safety;
mod signal;
mod slices;
mod small_files;
mod stack;
mod static_files;
mod strict;
mod tls;
mod tracked;
mod tunnel;
mod visit;
mod websocket;
mod wire;
mod wrong_port;

pub use door::{Config, run, run_with};
pub use error::{BookError, Error, TableError};
pub use listener::{bind, bind_datagrams};
pub use tls::local_ca;
