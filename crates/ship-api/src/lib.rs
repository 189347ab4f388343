//! What is said between the command and the server: HTTP over a unix socket, JSON bodies, streams
//! of one JSON object a line (`application/x-ndjson`).
//!
//! - [`route::Route`]: everything that can be asked for, read by the server, written by the client;
//! - [`request`], [`reply`], [`event`]: the bodies;
//! - [`source::Source`]: a project on its way to a server;
//! - [`problem::Problem`]: a failure, with the same words on both sides of the wire;
//! - [`client::Client`]: one method per route;
//! - [`description`]: the same for programs of others, as OpenAPI has it.
//!
//! It does not serve (that is `ship-server`), does not start a server that is not there, and never
//! prints. [`route`] tells the story.

pub mod access;
pub mod client;
pub mod description;
pub mod event;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod problem;
mod query;
pub mod reply;
pub mod request;
pub mod route;
pub mod source;
pub mod version;
mod way;

pub use query::QueryError;
pub use way::Dial;
