//! What is known of an app beside its releases.

use std::collections::BTreeMap;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use ship_base::clock::Moment;
use ship_base::file;
use ship_base::name::{AppName, ProcessName, ReleaseId};

use crate::{Error, Result, Store, crash};

/// One app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRecord {
    /// Its name.
    pub name: AppName,
    /// The folder it was last brought up from.
    pub project: PathBuf,
    /// Whether it should run.
    pub running: bool,
    /// Whether it stays when the one who brought it up goes.
    pub detached: bool,
    /// What visitors reach.
    pub current: Option<ReleaseId>,
    /// What they reached before.
    pub previous: Option<ReleaseId>,
    /// How many instances of a process run, where `ship scale` said so.
    pub scale: BTreeMap<ProcessName, u32>,
    /// While visitors see a page in its place.
    pub maintenance: Option<Maintenance>,
    /// When it came to be.
    pub created: Moment,
}

/// Visitors see a page in the app's place; the app runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Since when.
    pub since: Moment,
    /// What the page says beside that it will be back.
    #[serde(default)]
    pub message: Option<String>,
    /// Networks and addresses whose visitors see the app all the same.
    #[serde(default)]
    pub allow: Vec<String>,
}

impl AppRecord {
    /// An app that never ran.
    pub fn new(name: AppName, project: PathBuf) -> Self {
        Self {
            name,
            project,
            running: false,
            detached: false,
            current: None,
            previous: None,
            scale: BTreeMap::new(),
            maintenance: None,
            created: Moment::now(),
        }
    }
}

const COLUMNS: &str =
    "name, project, running, detached, current, previous, scale, maintenance, created";

impl Store {
    /// The app of this name.
    pub fn app(&self, name: &AppName) -> Result<Option<AppRecord>> {
        let sql = format!("SELECT {COLUMNS} FROM app WHERE name = ?1");
        let row = self
            .database()
            .query_row(&sql, [name.as_str()], raw)
            .optional()?;
        row.map(read).transpose()
    }

    /// All apps, by name.
    pub fn apps(&self) -> Result<Vec<AppRecord>> {
        let database = self.database();
        let sql = format!("SELECT {COLUMNS} FROM app ORDER BY name");
        let rows = database
            .prepare(&sql)?
            .query_map([], raw)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        rows.into_iter().map(read).collect()
    }

    /// The apps that were last brought up from this folder.
    pub fn apps_of_project(&self, project: &Path) -> Result<Vec<AppRecord>> {
        let mut apps = self.apps()?;
        apps.retain(|app| app.project == project);
        Ok(apps)
    }

    /// Writes an app, new or changed. Which release is current is not written here:
    /// [`Store::switch`] does that.
    pub fn save_app(&self, app: &AppRecord) -> Result<()> {
        // What an app of this name has left must not become the new app's.
        self.finish_forgetting()?;
        let scale = serde_json::to_string(&app.scale).unwrap_or_else(|_| "{}".to_owned());
        let maintenance = app.maintenance.as_ref();
        let maintenance = maintenance.and_then(|it| serde_json::to_string(it).ok());
        self.database().execute(
            "INSERT INTO app (name, project, running, detached, scale, maintenance, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (name) DO UPDATE SET
                project = ?2, running = ?3, detached = ?4, scale = ?5, maintenance = ?6",
            params![
                app.name.as_str(),
                text_of(&app.project),
                app.running,
                app.detached,
                scale,
                maintenance,
                app.created.as_millis(),
            ],
        )?;
        let folder = self.folders.app(&app.name);
        // One that is there may have been opened to the user its programs run as.
        if !folder.is_dir() {
            file::create_private_folder(&folder)?;
        }
        Ok(file::create_folder(&self.folders.app_data(&app.name))?)
    }

    /// Forgets an app: its releases, settings, logs and data.
    pub fn forget_app(&self, name: &AppName) -> Result<()> {
        let mut database = self.database();
        let transaction = database.transaction()?;
        transaction.execute("DELETE FROM app WHERE name = ?1", [name.as_str()])?;
        transaction.execute(
            "INSERT OR IGNORE INTO forgotten VALUES (?1)",
            [name.as_str()],
        )?;
        transaction.commit()?;
        drop(database);
        crash::point();
        self.finish_forgetting()
    }

    /// Removes the folders of forgotten apps. Only of those: a folder that the database never
    /// heard of may be all that is left of an installation whose database is lost.
    pub(crate) fn finish_forgetting(&self) -> Result<()> {
        for name in self.forgotten()? {
            file::remove_folder(&self.folders.app(&name))?;
            crash::point();
            self.database()
                .execute("DELETE FROM forgotten WHERE app = ?1", [name.as_str()])?;
        }
        Ok(())
    }

    fn forgotten(&self) -> Result<Vec<AppName>> {
        let database = self.database();
        let mut query = database.prepare("SELECT app FROM forgotten")?;
        let names = query.query_map([], |row| row.get::<_, String>(0))?;
        names.map(|name| read_name(&name?)).collect()
    }
}

type Raw = (
    String,
    String,
    bool,
    bool,
    Option<u32>,
    Option<u32>,
    String,
    Option<String>,
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
        row.get(7)?,
        row.get(8)?,
    ))
}

fn read(raw: Raw) -> Result<AppRecord> {
    let (name, project, running, detached, current, previous, scale, maintenance, created) = raw;
    let maintenance = maintenance
        .map(|text| serde_json::from_str(&text).map_err(|_| senseless("maintenance", &text)))
        .transpose()?;
    Ok(AppRecord {
        name: read_name(&name)?,
        project: path_of(&project),
        running,
        detached,
        current: current.map(ReleaseId::new),
        previous: previous.map(ReleaseId::new),
        scale: serde_json::from_str(&scale).map_err(|_| senseless("scale", &scale))?,
        maintenance,
        created: Moment::from_millis(created),
    })
}

fn read_name(name: &str) -> Result<AppName> {
    name.parse().map_err(|_| senseless("name", name))
}

fn senseless(what: &'static str, value: &str) -> Error {
    Error::Senseless {
        what,
        value: value.to_owned(),
    }
}

/// A path as text: UTF-8 as it is; other bytes as `%XX`, and `%` with them.
fn text_of(path: &Path) -> String {
    match path.to_str() {
        Some(text) if !text.contains('%') => text.to_owned(),
        _ => path
            .as_os_str()
            .as_bytes()
            .iter()
            .map(|byte| match byte {
                b'%' | 0x80.. => format!("%{byte:02X}"),
                plain => char::from(*plain).to_string(),
            })
            .collect(),
    }
}

fn path_of(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escape = (byte == b'%').then(|| after.get(..2)).flatten();
        let escaped = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_path_reads_back(bytes in proptest::collection::vec(1u8.., 0..40)) {
            let path = PathBuf::from(std::ffi::OsString::from_vec(bytes));
            prop_assert_eq!(path_of(&text_of(&path)), path);
        }
    }
}
