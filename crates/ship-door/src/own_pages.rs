//! Pages of an app's author, in place of ours.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use ship_base::file;
use ship_base::hint;
use tracing::warn;

use crate::stack::Failure;
use crate::table;

/// The pages of a site, as they were when the table came.
#[derive(Debug, Default)]
pub(crate) struct OwnPages {
    not_found: Option<Bytes>,
    unavailable: Option<Bytes>,
    maintenance: Option<Bytes>,
}

impl OwnPages {
    pub(crate) fn read(pages: &table::Pages) -> Self {
        let read = |path: &Option<PathBuf>| path.as_deref().and_then(read);
        Self {
            not_found: read(&pages.not_found),
            unavailable: read(&pages.unavailable),
            maintenance: read(&pages.maintenance),
        }
    }

    /// The page for a failure; none where ours is shown. A developer is told what happened.
    pub(crate) fn of(&self, failure: &Failure, developer: bool) -> Option<Bytes> {
        let page = match failure {
            Failure::NoRoute | Failure::NoFile => &self.not_found,
            Failure::Maintenance => &self.maintenance,
            Failure::NoInstance | Failure::Unreachable(_) | Failure::Broken | Failure::NoAnswer
                if !developer =>
            {
                &self.unavailable
            }
            _ => &None,
        };
        page.clone()
    }
}

fn read(path: &Path) -> Option<Bytes> {
    match file::read(path) {
        Ok(bytes) => Some(bytes.into()),
        Err(error) => {
            warn!(error = %hint::chain(&error), "a page of the app's author cannot be shown");
            None
        }
    }
}
