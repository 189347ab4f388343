//! Releases on disk and the records of apps.
//!
//! - [`Store`] is one installation: the database `ship.db` and the folders beside it;
//! - [`Draft`] is a release while it is built; [`Store::commit`] makes it whole at once;
//! - [`environment`] hands out environments by their content address, each made once.
//!
//! A release is a folder that is never changed after [`Store::commit`]; which one is current is a
//! row in the database. Any crash leaves the old state or the new.
//!
//! It builds nothing, starts nothing and knows no plan. `release.rs` tells the story of a release,
//! `retention.rs` that of its end.

mod app;
mod audit;
mod crash;
mod database;
mod deploy;
pub mod environment;
mod error;
mod job;
mod key;
#[cfg(test)]
mod law;
mod release;
mod retention;
mod setting;

pub use app::{AppRecord, Maintenance};
pub use audit::{AuditGone, AuditLine, AuditLog, AuditRecord};
pub use deploy::DeployRecord;
pub use error::Error;
pub use job::JobRecord;
pub use key::KeyRecord;
pub use release::{Draft, ReleaseMeta, ReleaseRecord};
pub use retention::Collected;

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use ship_base::paths::Folders;

/// Result of every function here.
pub type Result<T> = std::result::Result<T, Error>;

/// One installation's records and releases. Blocking; every call is a transaction of its own.
pub struct Store {
    folders: Folders,
    connection: Mutex<Connection>,
    /// Held by the one who collects.
    collecting: Mutex<()>,
}

impl Store {
    /// Opens the store, creating it where it is not there, bringing an older database up to date,
    /// and removing what builds that died have left. To be opened by one process at a time.
    pub fn open(folders: &Folders) -> Result<Self> {
        let connection = database::open(&folders.database())?;
        let store = Self {
            folders: folders.clone(),
            connection: Mutex::new(connection),
            collecting: Mutex::new(()),
        };
        // What cannot be removed today takes room and does no harm: the next start tries again.
        let _ = store.remove_leftovers();
        Ok(store)
    }

    /// The folders of this installation.
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The one writer. A holder that panicked has rolled its transaction back.
    fn database(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
