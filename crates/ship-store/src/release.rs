//! A release from draft to current.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use ship_base::clock::Moment;
use ship_base::file::{self, WithPath as _};
use ship_base::hash::ContentHash;
use ship_base::lock::Lock;
use ship_base::name::{AppName, ReleaseId};

use crate::{Error, Result, Store, crash, environment};

/// A release while it is built. Dropping it removes what was built.
#[derive(Debug)]
pub struct Draft {
    app: AppName,
    folder: PathBuf,
    kept: bool,
}

impl Draft {
    /// Where it is built: on the same file system as the store.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept && !crash::struck() {
            // What is left in spite of that is removed at the next start.
            let _ = file::remove_folder(&self.folder);
        }
    }
}

/// What is recorded of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseMeta {
    /// The address of everything in it.
    pub content: ContentHash,
    /// The environment it runs in.
    pub environment: Option<ContentHash>,
    /// What was added to that environment.
    pub layer: Option<ContentHash>,
    /// `Django 5.2.8 · Python 3.12.4`
    pub summary: String,
    /// Who built it.
    pub by: String,
}

/// A whole release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRecord {
    /// Its name within the app.
    pub id: ReleaseId,
    /// The address of everything in it.
    pub content: ContentHash,
    /// The environment it runs in.
    pub environment: Option<ContentHash>,
    /// What was added to that environment.
    pub layer: Option<ContentHash>,
    /// `Django 5.2.8 · Python 3.12.4`
    pub summary: String,
    /// Who built it.
    pub by: String,
    /// When it became whole.
    pub built: Moment,
}

const COLUMNS: &str = "number, content, environment, layer, summary, by, built";

impl Store {
    /// Begins a release; its number is given by [`Store::commit`], so that builds that come to
    /// nothing use none up. The app must be known.
    pub fn begin(&self, app: &AppName) -> Result<Draft> {
        if self.app(app)?.is_none() {
            return Err(Error::NoApp(app.clone()));
        }
        let folder = file::temporary_beside(&self.folders.releases(app).join("draft"));
        file::create_folder(&folder)?;
        Ok(Draft {
            app: app.clone(),
            folder,
            kept: false,
        })
    }

    /// A number that no release of this app had before.
    fn next_number(&self, app: &AppName) -> Result<ReleaseId> {
        let sql = "UPDATE app SET next_release = next_release + 1 WHERE name = ?1
                   RETURNING next_release - 1";
        let number = self
            .database()
            .query_row(sql, [app.as_str()], |row| row.get(0))
            .optional()?;
        number
            .map(ReleaseId::new)
            .ok_or_else(|| Error::NoApp(app.clone()))
    }

    /// Makes a draft a release: read-only, synced, renamed, recorded. A crash before the record
    /// leaves a folder that the next start removes. Fails when an environment it names is not there.
    pub fn commit(&self, mut draft: Draft, meta: ReleaseMeta) -> Result<ReleaseRecord> {
        let _held = self.hold_environments(&meta)?;
        make_read_only(&draft.folder)?;
        crash::point();
        file::sync_tree(&draft.folder)?;
        let id = self.next_number(&draft.app)?;
        crash::point();
        let folder = self.folders.release(&draft.app, id);
        file::rename_synced(&draft.folder, &folder)?;
        draft.folder = folder;
        crash::point();
        let built = Moment::now();
        let recorded = self.record(&draft.app, id, &meta, built);
        // A commit that failed may have reached the disk all the same: the database itself says
        // whether the folder is a release, or is removed with the draft.
        draft.kept = !matches!(self.release(&draft.app, id), Ok(None));
        recorded?;
        crash::point();
        let ReleaseMeta {
            content,
            environment,
            layer,
            summary,
            by,
        } = meta;
        Ok(ReleaseRecord {
            id,
            content,
            environment,
            layer,
            summary,
            by,
            built,
        })
    }

    /// Keeps the environments of a release from being collected before its record names them.
    fn hold_environments(&self, meta: &ReleaseMeta) -> Result<Vec<Lock>> {
        let mut hashes: Vec<_> = meta.environment.iter().chain(&meta.layer).collect();
        // In one order everywhere, and once: two locks must not wait for each other.
        hashes.sort_unstable();
        hashes.dedup();
        hashes
            .into_iter()
            .map(|hash| {
                let held = environment::hold(&self.folders, hash)?;
                held.ok_or_else(|| Error::EnvironmentGone(self.folders.environment(hash)))
            })
            .collect()
    }

    fn record(
        &self,
        app: &AppName,
        id: ReleaseId,
        meta: &ReleaseMeta,
        built: Moment,
    ) -> Result<()> {
        self.database().execute(
            "INSERT INTO release (app, number, content, environment, layer, summary, by, built)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                app.as_str(),
                id.number(),
                meta.content.to_string(),
                meta.environment.map(|hash| hash.to_string()),
                meta.layer.map(|hash| hash.to_string()),
                meta.summary,
                meta.by,
                built.as_millis(),
            ],
        )?;
        Ok(())
    }

    /// A release that is kept.
    pub fn release(&self, app: &AppName, release: ReleaseId) -> Result<Option<ReleaseRecord>> {
        let sql = format!("SELECT {COLUMNS} FROM release WHERE app = ?1 AND number = ?2");
        let values = params![app.as_str(), release.number()];
        let row = self.database().query_row(&sql, values, raw).optional()?;
        row.map(read).transpose()
    }

    /// The releases that are kept, newest first.
    pub fn releases(&self, app: &AppName) -> Result<Vec<ReleaseRecord>> {
        let database = self.database();
        let sql = format!("SELECT {COLUMNS} FROM release WHERE app = ?1 ORDER BY number DESC");
        let mut query = database.prepare(&sql)?;
        let rows = query
            .query_map([app.as_str()], raw)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        rows.into_iter().map(read).collect()
    }

    /// Makes `release` current, and what was current the previous one. Fails when it is not kept.
    pub fn switch(&self, app: &AppName, release: ReleaseId) -> Result<()> {
        let path = self.folders.release(app, release);
        let mut database = self.database();
        let transaction = database.transaction()?;
        if !exists(&transaction, app, release)? {
            return Err(Error::NoRelease {
                app: app.clone(),
                release,
            });
        }
        if !path.is_dir() {
            return Err(Error::ReleaseGone {
                app: app.clone(),
                release,
                path,
            });
        }
        transaction.execute(
            "UPDATE app SET previous = current, current = ?2
             WHERE name = ?1 AND current IS NOT ?2",
            params![app.as_str(), release.number()],
        )?;
        crash::point();
        transaction.commit()?;
        crash::point();
        Ok(())
    }

    /// Removes a release that never went live. The current and the previous one stay.
    pub fn discard(&self, app: &AppName, release: ReleaseId) -> Result<()> {
        let removed = self.database().execute(
            "DELETE FROM release WHERE app = ?1 AND number = ?2 AND NOT EXISTS (
                SELECT 1 FROM app WHERE name = ?1 AND (current = ?2 OR previous = ?2))",
            params![app.as_str(), release.number()],
        )?;
        crash::point();
        if removed > 0 {
            file::remove_folder(&self.folders.release(app, release))?;
            file::remove_folder(&self.folders.work(app, release))?;
        }
        Ok(())
    }

    /// Removes drafts of builds that died, releases without a record, and what forgotten apps left.
    pub(crate) fn remove_leftovers(&self) -> Result<()> {
        self.finish_forgetting()?;
        for app in self.apps()? {
            self.remove_drafts(&app.name)?;
        }
        Ok(())
    }

    fn remove_drafts(&self, app: &AppName) -> Result<()> {
        for entry in file::entries_if_there(&self.folders.releases(app))? {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.parse().ok());
            let is_kept = match number {
                Some(number) => self.release(app, ReleaseId::new(number))?.is_some(),
                None => false,
            };
            if !is_kept {
                file::remove_folder(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn exists(transaction: &Transaction<'_>, app: &AppName, release: ReleaseId) -> Result<bool> {
    let sql = "SELECT 1 FROM release WHERE app = ?1 AND number = ?2";
    let found = transaction
        .query_row(sql, params![app.as_str(), release.number()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

type Raw = (
    u32,
    String,
    Option<String>,
    Option<String>,
    String,
    String,
    i64,
);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
    ))
}

fn read(raw: Raw) -> Result<ReleaseRecord> {
    let (number, content, environment, layer, summary, by, built) = raw;
    Ok(ReleaseRecord {
        id: ReleaseId::new(number),
        content: hash(&content)?,
        environment: environment.as_deref().map(hash).transpose()?,
        layer: layer.as_deref().map(hash).transpose()?,
        summary,
        by,
        built: Moment::from_millis(built),
    })
}

fn hash(text: &str) -> Result<ContentHash> {
    text.parse().map_err(|_| Error::Senseless {
        what: "hash",
        value: text.to_owned(),
    })
}

/// Takes the write bits off `folder` and everything below, links left alone.
fn make_read_only(folder: &Path) -> Result<()> {
    for entry in file::entries(folder)? {
        let path = entry.path();
        let metadata = entry.metadata().with_path("look at", &path)?;
        if metadata.is_dir() {
            make_read_only(&path)?;
        } else if metadata.is_file() {
            file::set_mode(&path, metadata.permissions().mode() & 0o555)?;
        }
    }
    Ok(file::set_mode(folder, 0o555)?)
}
