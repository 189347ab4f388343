//! Keepers: readiness, restart, stop ladder, log capture, sockets.

pub mod event;
pub mod spec;
