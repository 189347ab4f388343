//! Settings of apps in their layers. The database is the owner's alone (0600); values are not
//! encrypted there.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, Transaction, params};
use ship_base::hash::ContentHash;
use ship_base::name::AppName;
use ship_base::secret::Secret;

use crate::{Error, Result, Store};

/// What `ship env` sets.
const OWN: &str = "own";
/// What `.env` said at the last deploy.
const DOTENV: &str = "dotenv";

/// Settings by name.
type Settings = BTreeMap<String, Secret<String>>;

impl Store {
    /// What `ship env` has set.
    pub fn settings(&self, app: &AppName) -> Result<Settings> {
        self.layer(app, OWN)
    }

    /// Sets and unsets, all or nothing. The app must be known.
    pub fn change_settings(&self, app: &AppName, set: &Settings, unset: &[String]) -> Result<()> {
        let mut database = self.database();
        let transaction = database.transaction()?;
        expect_app(&transaction, app)?;
        for name in unset {
            transaction.execute(
                "DELETE FROM setting WHERE app = ?1 AND layer = ?2 AND name = ?3",
                params![app.as_str(), OWN, name],
            )?;
        }
        write(&transaction, app, OWN, set)?;
        Ok(transaction.commit()?)
    }

    /// What `.env` said at the last deploy that went live.
    pub fn dotenv(&self, app: &AppName) -> Result<Settings> {
        self.layer(app, DOTENV)
    }

    /// Replaces what `.env` said. The app must be known.
    pub fn set_dotenv(&self, app: &AppName, settings: &Settings) -> Result<()> {
        let mut database = self.database();
        let transaction = database.transaction()?;
        expect_app(&transaction, app)?;
        let these = params![app.as_str(), DOTENV];
        transaction.execute("DELETE FROM setting WHERE app = ?1 AND layer = ?2", these)?;
        write(&transaction, app, DOTENV, settings)?;
        Ok(transaction.commit()?)
    }

    /// The address of the settings that the running instances were started with.
    pub fn running_settings(&self, app: &AppName) -> Result<Option<ContentHash>> {
        let sql = "SELECT running_settings FROM app WHERE name = ?1";
        let found = self
            .database()
            .query_row(sql, [app.as_str()], |row| row.get(0))
            .optional()?;
        let text: Option<String> = found.flatten();
        text.map(|text| {
            let senseless = || Error::Senseless {
                what: "hash",
                value: text.clone(),
            };
            text.parse().map_err(|_| senseless())
        })
        .transpose()
    }

    /// Records the address of the settings that the running instances were started with.
    pub fn set_running_settings(&self, app: &AppName, settings: &ContentHash) -> Result<()> {
        let values = params![app.as_str(), settings.to_string()];
        self.database().execute(
            "UPDATE app SET running_settings = ?2 WHERE name = ?1",
            values,
        )?;
        Ok(())
    }

    fn layer(&self, app: &AppName, layer: &str) -> Result<Settings> {
        let database = self.database();
        let mut query =
            database.prepare("SELECT name, value FROM setting WHERE app = ?1 AND layer = ?2")?;
        let rows = query.query_map(params![app.as_str(), layer], |row| {
            Ok((row.get(0)?, Secret::new(row.get(1)?)))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn expect_app(transaction: &Transaction<'_>, app: &AppName) -> Result<()> {
    let known = transaction
        .query_row("SELECT 1 FROM app WHERE name = ?1", [app.as_str()], |_| {
            Ok(())
        })
        .optional()?;
    known.ok_or_else(|| Error::NoApp(app.clone()))
}

fn write(
    transaction: &Transaction<'_>,
    app: &AppName,
    layer: &str,
    settings: &Settings,
) -> Result<()> {
    for (name, value) in settings {
        transaction.execute(
            "INSERT INTO setting (app, layer, name, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (app, layer, name) DO UPDATE SET value = ?4",
            params![app.as_str(), layer, name, value.reveal()],
        )?;
    }
    Ok(())
}
