//! Deploy keys: what each may. The keys themselves stand where sshd looks for them.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension as _, Row, params};
use ship_base::clock::Moment;
use ship_base::name::{AppName, KeyName};

use crate::{Error, Result, Store};

/// A key and what it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// What it is called.
    pub name: KeyName,
    /// The apps that it is for.
    pub apps: BTreeSet<AppName>,
    /// What it may do with them, in the words of the API.
    pub may: BTreeSet<String>,
    /// `SHA256:…`
    pub fingerprint: String,
    /// When it was added.
    pub added: Moment,
}

impl Store {
    /// Adds a key; false where one of its name is there.
    pub fn add_key(&self, key: &KeyRecord) -> Result<bool> {
        let apps: Vec<&str> = key.apps.iter().map(AppName::as_str).collect();
        let may: Vec<&str> = key.may.iter().map(String::as_str).collect();
        let added = self.database().execute(
            "INSERT INTO key (name, apps, may, fingerprint, added) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO NOTHING",
            params![
                key.name.as_str(),
                apps.join(" "),
                may.join(" "),
                key.fingerprint,
                key.added.as_millis()
            ],
        )?;
        Ok(added > 0)
    }

    /// Forgets a key; false where there is none of this name.
    pub fn remove_key(&self, name: &KeyName) -> Result<bool> {
        let removed = self
            .database()
            .execute("DELETE FROM key WHERE name = ?1", [name.as_str()])?;
        Ok(removed > 0)
    }

    /// The key of this name.
    pub fn key(&self, name: &KeyName) -> Result<Option<KeyRecord>> {
        let sql = "SELECT name, apps, may, fingerprint, added FROM key WHERE name = ?1";
        let database = self.database();
        let found = database
            .query_row(sql, [name.as_str()], columns)
            .optional()?;
        found.map(record).transpose()
    }

    /// Every key, sorted by name.
    pub fn keys(&self) -> Result<Vec<KeyRecord>> {
        let database = self.database();
        let mut query = database
            .prepare("SELECT name, apps, may, fingerprint, added FROM key ORDER BY name")?;
        let rows = query.query_map([], columns)?;
        rows.map(|row| record(row?)).collect()
    }
}

type Columns = (String, String, String, String, i64);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
    ))
}

fn record((name, apps, may, fingerprint, added): Columns) -> Result<KeyRecord> {
    let senseless = |what, value: &str| Error::Senseless {
        what,
        value: value.to_owned(),
    };
    let apps = apps.split_whitespace().map(|app| {
        let parsed = app.parse();
        parsed.map_err(|_| senseless("app", app))
    });
    Ok(KeyRecord {
        apps: apps.collect::<Result<_>>()?,
        may: may.split_whitespace().map(str::to_owned).collect(),
        name: name.parse().map_err(|_| senseless("key", &name))?,
        fingerprint,
        added: Moment::from_millis(added),
    })
}
