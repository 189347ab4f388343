//! What can go wrong when logs are read. Writing has no errors: it counts what it had to drop.

use ship_base::fault::FaultKind;
use ship_base::file::FileError;
use ship_base::hint::Hints;

/// A log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or segment refused.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Error {
    /// Whose move it is: a disk's.
    pub fn fault(&self) -> FaultKind {
        FaultKind::Outside
    }
}

impl Hints for Error {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
        }
    }
}
