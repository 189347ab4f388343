//! Reads a project: manifest, detection, the [`plan::Plan`].
//!
//! It does not start processes, use the network or write; it works the same on any system.

pub mod command;
pub mod cron;
mod describe;
pub mod error;
mod excerpt;
pub mod manifest;
pub mod plan;
mod start;
pub mod web_server;

use std::path::Path;

use ship_base::secret::Secret;

pub use crate::describe::Row;
pub use crate::error::Error;
pub use crate::excerpt::Excerpt;
use crate::plan::{Place, Plan};

/// What a project says: the plan, and the settings of its `.env`.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What will be built, run and routed.
    pub plan: Plan,
    /// The settings of `.env`, in order; not part of the plan because they are secret.
    pub dotenv: Vec<DotenvEntry>,
}

/// One setting of `.env`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DotenvEntry {
    /// Its name.
    pub name: String,
    /// Its value, as python-dotenv reads it but without interpolation.
    pub value: Secret<String>,
    /// Where it stands.
    pub place: Place,
}

/// Reads the project. Blocking; no network, no processes, nothing is executed or written.
pub fn read(project: &Path) -> Result<Reading, Error> {
    Err(Error::NotAFolder {
        path: project.to_owned(),
    })
}
