//! What goes when it is no longer needed: old releases, and the environments nobody uses.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::params;
use ship_base::clock::Moment;
use ship_base::file::{self, WithPath as _};
use ship_base::hash::ContentHash;
use ship_base::lock::Lock;
use ship_base::name::{AppName, ReleaseId};

use crate::{Result, Store};

/// An environment that was asked for within this time stays: a build that has not yet committed
/// its release may use it.
const RESPITE: Duration = Duration::from_hours(1);

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Releases.
    pub releases: Vec<ReleaseId>,
    /// How many environments and layers.
    pub environments: usize,
    /// How many packages' byte code.
    pub byte_code: usize,
}

impl Store {
    /// Removes all but the newest `keep` releases of `app`, then environments that no release of
    /// any app names. The current and the previous release and those in `in_use` stay.
    pub fn collect(&self, app: &AppName, in_use: &[ReleaseId], keep: usize) -> Result<Collected> {
        self.collect_after(app, in_use, keep, RESPITE)
    }

    pub(crate) fn collect_after(
        &self,
        app: &AppName,
        in_use: &[ReleaseId],
        keep: usize,
        respite: Duration,
    ) -> Result<Collected> {
        let releases = self.collect_releases(app, in_use, keep)?;
        self.collect_work(app, in_use)?;
        let environments = self.collect_environments(respite)?;
        let byte_code = collect_byte_code(&self.folders.byte_code(), respite)?;
        Ok(Collected {
            releases,
            environments,
            byte_code,
        })
    }

    fn collect_releases(
        &self,
        app: &AppName,
        in_use: &[ReleaseId],
        keep: usize,
    ) -> Result<Vec<ReleaseId>> {
        let Some(record) = self.app(app)? else {
            return Ok(Vec::new());
        };
        let needed = |release: &ReleaseId| {
            in_use.contains(release)
                || record.current == Some(*release)
                || record.previous == Some(*release)
        };
        let all = self.releases(app)?.into_iter().map(|release| release.id);
        let old: Vec<_> = all.skip(keep).filter(|release| !needed(release)).collect();
        for release in &old {
            // The record first: a folder without one is removed at the next start.
            self.database().execute(
                "DELETE FROM release WHERE app = ?1 AND number = ?2",
                params![app.as_str(), release.number()],
            )?;
            file::remove_folder(&self.folders.release(app, *release))?;
        }
        Ok(old)
    }

    fn collect_work(&self, app: &AppName, in_use: &[ReleaseId]) -> Result<()> {
        for entry in file::entries_if_there(&self.folders.app(app).join("work"))? {
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            if !number.is_some_and(|number| in_use.contains(&ReleaseId::new(number))) {
                file::remove_folder(&entry.path())?;
            }
        }
        Ok(())
    }

    fn collect_environments(&self, respite: Duration) -> Result<usize> {
        let used = self.used_environments()?;
        let mut removed = 0;
        for entry in file::entries_if_there(&self.folders.environments())? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let short = name.strip_prefix(".make-").unwrap_or(&name);
            if short.starts_with('.') || (used.contains(short) && short == name) {
                continue;
            }
            let lock = self.folders.environments().join(".locks").join(short);
            if unused_for(&lock).is_some_and(|unused| unused < respite) {
                continue;
            }
            let Some(_alone) = Lock::try_now(&lock)? else {
                continue;
            };
            // Under another name first: a half removed environment must not be found.
            let leaving = file::temporary_beside(&entry.path());
            file::rename_synced(&entry.path(), &leaving)?;
            file::remove_folder(&leaving)?;
            removed += 1;
        }
        Ok(removed)
    }

    fn used_environments(&self) -> Result<BTreeSet<String>> {
        let database = self.database();
        let mut query = database.prepare(
            "SELECT environment FROM release WHERE environment IS NOT NULL
             UNION SELECT layer FROM release WHERE layer IS NOT NULL",
        )?;
        let rows = query.query_map([], |row| row.get::<_, String>(0))?;
        let hashes = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(hashes
            .iter()
            .filter_map(|hash| Some(hash.parse::<ContentHash>().ok()?.short()))
            .collect())
    }
}

fn unused_for(lock: &Path) -> Option<Duration> {
    let changed = lock.metadata().ok()?.modified().ok()?;
    Some(Moment::from(changed).elapsed())
}

/// Removes byte code that no environment shares any more: its files have one name only.
fn collect_byte_code(folder: &Path, respite: Duration) -> Result<usize> {
    let mut removed = 0;
    for entry in file::entries_if_there(folder)? {
        let path = entry.path();
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let changed = Moment::from(changed.with_path("look at", &path)?);
        if changed.elapsed() >= respite && !is_shared(&path)? {
            file::remove_folder(&path)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Whether any file below `path` has a second name.
fn is_shared(path: &Path) -> Result<bool> {
    let metadata = path.symlink_metadata().with_path("look at", path)?;
    if !metadata.is_dir() {
        return Ok(metadata.nlink() > 1);
    }
    for entry in file::entries(path)? {
        if is_shared(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}
