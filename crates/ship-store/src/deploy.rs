//! Who changed what, when, and how it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::params;
use ship_base::clock::Moment;
use ship_base::name::{AppName, ReleaseId};

use crate::{Error, Result, Store};

/// One deploy, rollback, restart or scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployRecord {
    /// Of which app.
    pub app: AppName,
    /// To which release, if it came that far.
    pub release: Option<ReleaseId>,
    /// By whom.
    pub by: String,
    /// `up`, `rollback`, `restart`, `scale`.
    pub verb: String,
    /// When it began.
    pub at: Moment,
    /// How long it took.
    pub took: Duration,
    /// `live`, or why it failed.
    pub outcome: String,
}

/// How many records of an app are kept.
const KEPT: u32 = 1000;

impl Store {
    /// Records a deploy; the last thousand of an app are kept.
    pub fn deployed(&self, deploy: &DeployRecord) -> Result<()> {
        let database = self.database();
        database.execute(
            "INSERT INTO deploy (app, release, by, verb, at, took, outcome)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                deploy.app.as_str(),
                deploy.release.map(ReleaseId::number),
                deploy.by,
                deploy.verb,
                deploy.at.as_millis(),
                i64::try_from(deploy.took.as_millis()).unwrap_or(i64::MAX),
                deploy.outcome,
            ],
        )?;
        database.execute(
            "DELETE FROM deploy WHERE app = ?1 AND id <= (
                SELECT id FROM deploy WHERE app = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            params![deploy.app.as_str(), KEPT],
        )?;
        Ok(())
    }

    /// When each app was last changed by a deploy, a rollback, a restart or a scale.
    pub fn last_deploys(&self) -> Result<BTreeMap<String, Moment>> {
        let database = self.database();
        let mut query = database.prepare("SELECT app, max(at) FROM deploy GROUP BY app")?;
        let rows = query.query_map([], |row| {
            Ok((row.get(0)?, Moment::from_millis(row.get(1)?)))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The last `limit` deploys of an app, newest first.
    pub fn deploys(&self, app: &AppName, limit: u32) -> Result<Vec<DeployRecord>> {
        let database = self.database();
        let mut query = database.prepare(
            "SELECT release, by, verb, at, took, outcome FROM deploy
             WHERE app = ?1 ORDER BY id DESC LIMIT ?2",
        )?;
        let rows = query.query_map(params![app.as_str(), limit], |row| {
            Ok(DeployRecord {
                app: app.clone(),
                release: row.get::<_, Option<u32>>(0)?.map(ReleaseId::new),
                by: row.get(1)?,
                verb: row.get(2)?,
                at: Moment::from_millis(row.get(3)?),
                took: Duration::from_millis(row.get::<_, i64>(4)?.unsigned_abs()),
                outcome: row.get(5)?,
            })
        })?;
        rows.map(|row| row.map_err(Error::from)).collect()
    }
}
