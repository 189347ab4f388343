//! Reads a project: manifest, detection, the [`plan::Plan`].
//!
//! It does not start processes, use the network or write; it works the same on any system.

pub mod command;
pub mod plan;
pub mod web_server;
