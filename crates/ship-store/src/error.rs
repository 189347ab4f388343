//! What can go wrong in the store.

use std::path::PathBuf;

use ship_base::fault::FaultKind;
use ship_base::file::FileError;
use ship_base::hint::Hints;
use ship_base::name::{AppName, ReleaseId};

/// A failure of the store. Nothing is half done after it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database.
    #[error("cannot use the database")]
    Database(#[from] rusqlite::Error),
    /// The database was written by a newer Shipsmith.
    #[error("`{}` has format {found}, this `ship` knows {known} and older", path.display())]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that this build reads.
        known: u32,
    },
    /// A value in the database that no version of Shipsmith writes.
    #[error("the database holds a {what} that makes no sense: {value}")]
    Senseless {
        /// What it should be.
        what: &'static str,
        /// What it is.
        value: String,
    },
    /// No such app.
    #[error("there is no app `{0}`")]
    NoApp(AppName),
    /// No such release.
    #[error("`{app}` has no release `{release}`")]
    NoRelease {
        /// The app.
        app: AppName,
        /// The release.
        release: ReleaseId,
    },
    /// Somebody has removed the folder of a release.
    #[error("the folder of release `{release}` of `{app}` is gone: {}", path.display())]
    ReleaseGone {
        /// The app.
        app: AppName,
        /// The release.
        release: ReleaseId,
        /// Where it was.
        path: PathBuf,
    },
    /// A release was to be kept whose environment is not there.
    #[error("the environment of the release is gone: {}", .0.display())]
    EnvironmentGone(PathBuf),
}

impl Error {
    /// Whose move it is.
    pub fn fault(&self) -> FaultKind {
        match self {
            Self::File(_)
            | Self::Database(_)
            | Self::TooNew { .. }
            | Self::ReleaseGone { .. }
            | Self::EnvironmentGone(_) => FaultKind::Outside,
            Self::NoApp(_) | Self::NoRelease { .. } => FaultKind::User,
            Self::Senseless { .. } => FaultKind::Bug,
        }
    }
}

impl Hints for Error {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Database(rusqlite::Error::SqliteFailure(error, _))
                if error.code == rusqlite::ErrorCode::DiskFull =>
            {
                vec!["the disk is full: free some space, then try again".to_owned()]
            }
            Self::NoApp(_) => vec!["`ship up` in its folder makes it".to_owned()],
            Self::NoRelease { app, .. } => {
                vec![format!(
                    "`ship releases --app {app}` lists those that are kept"
                )]
            }
            Self::ReleaseGone { .. } | Self::EnvironmentGone(_) => {
                vec!["`ship up` builds it anew".to_owned()]
            }
            Self::TooNew { .. } => vec!["use the newer `ship` that wrote it".to_owned()],
            _ => Vec::new(),
        }
    }
}
