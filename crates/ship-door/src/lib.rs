//! The front door: listeners, routing, forwarding, static files, swap and drain.

pub mod table;
