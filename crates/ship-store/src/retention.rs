//! What goes when it is no longer needed: old releases, and the environments nobody uses.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::params;
use ship_base::clock::Moment;
use ship_base::file::{self, WithPath as _};
use ship_base::hash::ContentHash;
use ship_base::lock::Lock;
use ship_base::name::{AppName, ReleaseId};

use crate::environment::{self, LOCKS, MAKING};
use crate::{Result, Store, crash};

/// An environment that was asked for within this time stays: a build that has not yet committed
/// its release may use it.
const RESPITE: Duration = Duration::from_hours(1);

/// How much longer it stays where it is marked as something that builds use and no release names:
/// two weeks.
const LONGER: u32 = 14 * 24;

/// What an environment is called, before its name, while it is removed.
const LEAVING: &str = ".leaving-";

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
        let _alone = self
            .collecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let releases = self.collect_releases(app, in_use, keep)?;
        self.collect_work(app, in_use)?;
        let environments = self.collect_environments(respite)?;
        let byte_code = self.collect_byte_code(respite)?;
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
            crash::point();
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
        let mut removed = 0;
        for entry in file::entries_if_there(&self.folders.environments())? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(LEAVING) {
                file::remove_folder(&entry.path())?;
            } else if name != LOCKS {
                removed += usize::from(self.collect_environment(&name, respite)?);
            }
        }
        Ok(removed)
    }

    /// Removes one environment, or what a build that died has left of one, if nobody needs it.
    fn collect_environment(&self, name: &str, respite: Duration) -> Result<bool> {
        let address = name.strip_prefix(MAKING).unwrap_or(name);
        let lock = environment::locks(&self.folders)?.join(address);
        let Some(_alone) = Lock::try_now(&lock)? else {
            return Ok(false);
        };
        let is_kept_longer = environment::is_kept_longer(&self.folders.environments().join(name));
        let respite = respite.saturating_mul(if is_kept_longer { LONGER } else { 1 });
        // Asked under the lock: a release that is about to be recorded holds it until it is.
        let asked_for = unused_for(&lock).is_some_and(|unused| unused < respite);
        if asked_for || self.used_environments()?.contains(name) {
            return Ok(false);
        }
        // Under another name first: a half removed environment must not be found.
        let path = self.folders.environments().join(name);
        let leaving = path.with_file_name(format!("{LEAVING}{name}"));
        file::rename_synced(&path, &leaving)?;
        crash::point();
        file::remove_folder(&leaving)?;
        Ok(true)
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

    /// Removes byte code that no environment shares any more: its files have one name only. Not
    /// while an environment is made: it may be about to share it.
    fn collect_byte_code(&self, respite: Duration) -> Result<usize> {
        let Some(_alone) = Lock::try_now(&environment::building_path(&self.folders)?)? else {
            return Ok(0);
        };
        let mut removed = 0;
        for entry in file::entries_if_there(&self.folders.byte_code())? {
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
}

fn unused_for(lock: &Path) -> Option<Duration> {
    let changed = lock.metadata().ok()?.modified().ok()?;
    Some(Moment::from(changed).elapsed())
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

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "a test says when a file was changed"
    )]
    use std::time::SystemTime;

    use ship_base::paths::Folders;

    use super::*;
    use crate::environment::{Begin, begin, keep_longer};

    #[test]
    fn what_builds_use_stays_longer_than_what_nobody_names_and_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::under(folder.path().to_owned());
        folders.create().unwrap();
        let store = Store::open(&folders).unwrap();
        let made = |name: &str, kept: bool| {
            let address = ContentHash::of(name.as_bytes());
            let Begin::Make(making) = begin(&folders, &address).unwrap() else {
                panic!("nobody has made it")
            };
            if kept {
                keep_longer(making.folder()).unwrap();
            }
            (address, making.publish().unwrap())
        };
        let (plain, packages) = (made("plain", false), made("packages", true));
        let asked_for = |(address, _): &(ContentHash, _), ago: Duration| {
            let lock = environment::locks(&folders).unwrap().join(address.short());
            let lock = std::fs::File::options().write(true).open(lock).unwrap();
            lock.set_modified(SystemTime::now() - ago).unwrap();
        };
        for (days, left) in [(1, true), (15, false)] {
            let ago = Duration::from_hours(24 * days);
            asked_for(&plain, ago);
            asked_for(&packages, ago);
            store.collect_environments(RESPITE).unwrap();
            assert!(!plain.1.exists());
            assert_eq!(packages.1.exists(), left);
        }
    }
}
