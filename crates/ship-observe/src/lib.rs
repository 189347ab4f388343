//! Takes events in, answers questions.
//!
//! So far that is what programs print: the [`log_store`]. A keeper holds a
//! [`Writer`](log_store::Writer) and feeds it through one [`LineCutter`](log_store::LineCutter) per
//! pipe; whoever asks uses [`query`](log_store::query) or a [`Follower`](log_store::Follower).
//!
//! It starts no threads, keeps nothing in memory between calls, knows no process but by name, and
//! prints nothing. `log_store.rs` tells the story; `log_store/frame.rs` is the format.

#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod log_store;

mod error;

pub use error::Error;
