//! Starts one program inside limits.
//!
//! [`spawn`] takes a [`Spec`] and a [`Shim`] and gives a running [`Program`]: leader of a session of
//! its own, tied to the life of its parent, with its own environment, limits and pipes, and under
//! caps on memory, processor and tasks where the system can hold them.
//!
//! [`end_all`] ends everything that a user without rights runs, however it was started;
//! [`acting_as`] does a piece of work with such a user's rights.
//!
//! Between the parent and the program stands the *shim*: the same binary once more, which arranges
//! everything from the inside and then becomes the program ([`shim::main`]). Nothing ever runs
//! between fork and exec in a copy of the parent, so a parent with threads is as safe as one
//! without. [`fork`] is for a process without threads alone. `unsafe` are its call, that of
//! [`keep_freed_memory`], the allocator [`Pieces`], and what takes or borrows descriptors from outside,
//! in [`descriptors`].
//!
//! It does not restart, watch or end programs, and reads none of their output: that is `ship-run`.
//! The story is in `spawn.rs`; what happens on the other side in `shim.rs`.

mod acting;
mod cgroup;
pub mod descriptors;
mod error;
mod fork;
mod heap;
mod order;
mod pieces;
pub mod shim;
mod spawn;
mod spec;
mod sweep;

pub use acting::acting_as;
pub use cgroup::{Cgroup, Held};
pub use error::Error;
pub use fork::{Fork, fork};
pub use heap::keep_freed_memory;
pub use pieces::{KeptPieces, Pieces, keep_pieces};
pub use spawn::{Program, end_all, spawn};
pub use spec::{Caps, Shim, Spec};
