//! Who builds an app on a server: a user without rights, of whom nothing else is.
//!
//! A build runs what it is given: build scripts of packages, the project's own commands, its
//! settings. On a server all of that runs as the app's builder. Folders are lent to it for one run
//! at a time; before they are taken back, everything that the builder still runs is ended. So
//! control never works in a folder that somebody else can change under its hands, and what becomes
//! part of the store is root's and leads nowhere else.

use std::path::{Path, PathBuf};

use ship_base::file::{self, WithPath as _};
use ship_base::lend::{self, User};
use ship_sandbox::{Shim, acting_as, end_all};

use crate::error::Error;

/// The user that builds an app.
#[derive(Debug, Clone)]
pub struct Builder {
    /// Who it is. Its group is the app's, which opens the app's folder to it.
    pub user: User,
    /// The user that the app itself runs as.
    pub app: User,
    /// Its own folder: the caches of uv, npm and the like. Another app's builder cannot enter it.
    pub home: PathBuf,
    /// How its programs are started.
    pub shim: Shim,
}

impl Builder {
    /// Makes its folder, and ends what a build that died with control left running.
    pub fn prepare(&self) -> Result<(), Error> {
        end_all(self.user, &self.shim)?;
        file::create_private_folder(&self.home)?;
        file::give(&self.home, self.user.uid)?;
        let scratch = self.scratch();
        let afresh = || {
            file::remove_folder(&scratch)?;
            file::create_private_folder(&scratch)
        };
        Ok(acting_as(self.user, afresh).with_path("become the owner of", &self.home)??)
    }

    pub(crate) fn lend(&self, folders: &[PathBuf]) -> Result<(), Error> {
        for folder in folders {
            lend::lend(folder, self.user)?;
        }
        Ok(())
    }

    /// Gives the paths that had no place in the folders, each with its folder.
    pub(crate) fn take_back(
        &self,
        folders: &[PathBuf],
        out: &[&Path],
    ) -> Result<Vec<PathBuf>, Error> {
        end_all(self.user, &self.shim)?;
        let mut removed = Vec::new();
        for folder in folders {
            removed.extend(lend::take_back(folder, self.user, out)?);
        }
        Ok(removed)
    }

    /// What it leaves for temporary goes with the build.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.home.join("tmp")
    }
}
