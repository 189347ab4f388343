//! The audit log: who asked for which change, and how it went.
//!
//! It is only appended to: the database itself refuses to change or remove a line. Whoever writes
//! to the file past it is found: each line carries a hash of itself and of the line before. Lines
//! that were cut off at the end are missed only by somebody who wrote the last hash down.

use rusqlite::{OptionalExtension as _, Row, params};
use ship_base::clock::Moment;
use ship_base::hash::{ContentHash, Hasher};
use ship_base::name::AppName;

use crate::{Error, Result, Store};

/// What is written down of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// `root`, `key ci`
    pub who: String,
    /// `deploy`
    pub what: String,
    /// With which app, where it is one.
    pub app: Option<AppName>,
    /// `begun`, `done`, `refused`, `failed: …`
    pub outcome: String,
}

/// A line that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Counted from 1.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// What was written.
    pub line: AuditLine,
    /// Of all of it and of the line before.
    pub hash: ContentHash,
}

/// The whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLog {
    /// Oldest first.
    pub records: Vec<AuditRecord>,
    /// The first that is not what was written, or does not follow the one before it.
    pub broken: Option<u64>,
}

impl Store {
    /// Appends a line; it is on the disk when this returns.
    pub fn audit(&self, line: &AuditLine) -> Result<()> {
        let mut database = self.database();
        let transaction = database.transaction()?;
        let last: Option<(i64, String)> = transaction
            .query_row(
                "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let (number, before) = last.map_or((1, String::new()), |(last, hash)| (last + 1, hash));
        let at = Moment::now();
        let hash = hash_of(&before, number.cast_unsigned(), at, line);
        transaction.execute(
            "INSERT INTO audit (number, at, who, what, app, outcome, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                number,
                at.as_millis(),
                line.who,
                line.what,
                line.app.as_ref().map(AppName::as_str),
                line.outcome,
                hash.to_string()
            ],
        )?;
        Ok(transaction.commit()?)
    }

    /// The log, read and compared with its hashes.
    pub fn audit_log(&self) -> Result<AuditLog> {
        let database = self.database();
        let mut query = database.prepare(
            "SELECT number, at, who, what, app, outcome, hash FROM audit ORDER BY number",
        )?;
        let mut log = AuditLog {
            records: Vec::new(),
            broken: None,
        };
        let mut before = String::new();
        for (row, number) in query.query_map([], columns)?.zip(1..) {
            let record = record(row?)?;
            let hash = hash_of(&before, number, record.at, &record.line);
            if log.broken.is_none() && (record.number != number || record.hash != hash) {
                log.broken = Some(record.number);
            }
            before = record.hash.to_string();
            log.records.push(record);
        }
        Ok(log)
    }
}

fn hash_of(before: &str, number: u64, at: Moment, line: &AuditLine) -> ContentHash {
    let mut hasher = Hasher::new();
    hasher.field("audit 1").field(before);
    hasher
        .field(number.to_le_bytes())
        .field(at.as_millis().to_le_bytes());
    hasher.field(&line.who).field(&line.what);
    hasher.field(line.app.as_ref().map_or("", AppName::as_str));
    hasher.field(&line.outcome).finish()
}

type Columns = (i64, i64, String, String, Option<String>, String, String);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
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

fn record((number, at, who, what, app, outcome, hash): Columns) -> Result<AuditRecord> {
    let app = app.map(|app| {
        let parsed = app.parse();
        parsed.map_err(|_| Error::Senseless {
            what: "app",
            value: app,
        })
    });
    Ok(AuditRecord {
        number: number.cast_unsigned(),
        at: Moment::from_millis(at),
        line: AuditLine {
            who,
            what,
            app: app.transpose()?,
            outcome,
        },
        // One that is no hash is not the right one.
        hash: hash.parse().unwrap_or_else(|_| ContentHash::of(b"")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_base::paths::Folders;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::under(folder.path().to_owned());
        folders.create().unwrap();
        let store = Store::open(&folders).unwrap();
        for outcome in ["begun", "done", "begun", "failed: no Python fits"] {
            let line = AuditLine {
                who: "key ci".to_owned(),
                what: "deploy".to_owned(),
                app: Some("blog".parse().unwrap()),
                outcome: outcome.to_owned(),
            };
            store.audit(&line).unwrap();
        }
        (folder, store)
    }

    #[test]
    fn the_database_refuses_to_change_or_remove_a_line() {
        let (_folder, store) = store();
        for sql in ["UPDATE audit SET who = 'root'", "DELETE FROM audit"] {
            let error = store.database().execute(sql, []).unwrap_err();
            assert!(error.to_string().contains("only appended"), "{error}");
        }
        assert_eq!(store.audit_log().unwrap().broken, None);
    }

    #[test]
    fn whoever_writes_past_the_database_is_found() {
        for (tampering, found) in [
            ("UPDATE audit SET who = 'key shop' WHERE number = 2", 2),
            ("UPDATE audit SET app = NULL WHERE number = 3", 3),
            ("UPDATE audit SET at = at + 1 WHERE number = 1", 1),
            ("DELETE FROM audit WHERE number = 2", 3),
            ("DELETE FROM audit WHERE number = 1", 2),
            ("UPDATE audit SET hash = 'x' WHERE number = 4", 4),
        ] {
            let (_folder, store) = store();
            let unlock = "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_removed;";
            store.database().execute_batch(unlock).unwrap();
            store.database().execute(tampering, []).unwrap();
            let log = store.audit_log().unwrap();
            assert_eq!(log.broken, Some(found), "{tampering}");
        }
    }
}
