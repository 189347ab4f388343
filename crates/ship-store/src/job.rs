//! When jobs ran, and how they ended.

use std::collections::BTreeMap;

use rusqlite::params;
use ship_base::clock::Moment;
use ship_base::name::{AppName, ProcessName};

use crate::{Error, Result, Store};

/// The last run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// When it ended.
    pub last: Moment,
    /// `ended with exit code 0`.
    pub outcome: String,
}

impl Store {
    /// Records how a job ended.
    pub fn job_ran(
        &self,
        app: &AppName,
        process: &ProcessName,
        at: Moment,
        outcome: &str,
    ) -> Result<()> {
        self.database().execute(
            "INSERT INTO job (app, process, last, outcome) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (app, process) DO UPDATE SET last = ?3, outcome = ?4",
            params![app.as_str(), process.as_str(), at.as_millis(), outcome],
        )?;
        Ok(())
    }

    /// The last run of each job of an app.
    pub fn jobs(&self, app: &AppName) -> Result<BTreeMap<ProcessName, JobRecord>> {
        let database = self.database();
        let mut query =
            database.prepare("SELECT process, last, outcome FROM job WHERE app = ?1")?;
        let rows = query.query_map([app.as_str()], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
        })?;
        rows.map(|row| {
            let (name, last, outcome) = row?;
            let process = name.parse().map_err(|_| Error::Senseless {
                what: "process",
                value: name,
            })?;
            Ok((
                process,
                JobRecord {
                    last: Moment::from_millis(last),
                    outcome,
                },
            ))
        })
        .collect()
    }
}
