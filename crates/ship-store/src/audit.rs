//! The audit log: who asked for which change, and how it went.
//!
//! It is only appended to: the database itself refuses to change or remove a line. Whoever writes
//! to the file past it is found: each line carries a hash of itself and of the line before. Lines
//! that were cut off at the end are missed only by somebody who wrote the last hash down.
//!
//! It does not grow for ever: beyond a cap the oldest lines go, all at once and seldom. That is a
//! line of the log itself, which names the last of those that went, with its hash: the chain is
//! whole from there, and the line with that number in a backup still has that hash.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
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

/// What the log calls the line that it writes itself, when its oldest lines go.
const TRIM: &str = "trim audit log";
/// Who does it.
const OURSELVES: &str = "ship";

/// The last line that is not here any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditGone {
    /// Its number; the log goes on with the next.
    pub number: u64,
    /// Its hash.
    pub hash: ContentHash,
}

/// The whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLog {
    /// Oldest first.
    pub records: Vec<AuditRecord>,
    /// Where its oldest lines have gone, the last of them.
    pub gone: Option<AuditGone>,
    /// The first that is not what was written, or does not follow the one before it.
    pub broken: Option<u64>,
}

impl Store {
    /// Appends a line; it is on the disk when this returns. Where there are more than `most` lines
    /// and a tenth of that again, the oldest beyond `most` go.
    pub fn audit(&self, line: &AuditLine, most: u64) -> Result<()> {
        let mut database = self.database();
        let transaction = database.transaction()?;
        let number = append(&transaction, line)?;
        let begin: i64 =
            transaction.query_row("SELECT number FROM audit_begin", [], |row| row.get(0))?;
        let lines = (number + 1 - begin).cast_unsigned();
        if lines > most.saturating_add(most / 10) {
            let first = number + 1 - i64::try_from(most).unwrap_or(i64::MAX);
            trim(&transaction, first.max(begin))?;
        }
        Ok(transaction.commit()?)
    }

    /// The log, read and compared with its hashes.
    pub fn audit_log(&self) -> Result<AuditLog> {
        let database = self.database();
        let (first, mut before): (i64, String) =
            database.query_row("SELECT number, hash FROM audit_begin", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let gone = (first > 1).then(|| AuditGone {
            number: first.cast_unsigned() - 1,
            hash: readable(&before),
        });
        let mut query = database.prepare(
            "SELECT number, at, who, what, app, outcome, hash FROM audit ORDER BY number",
        )?;
        let mut log = AuditLog {
            records: Vec::new(),
            gone,
            broken: None,
        };
        for (row, number) in query.query_map([], columns)?.zip(first.cast_unsigned()..) {
            let record = record(row?)?;
            let hash = hash_of(&before, number, record.at, &record.line);
            if log.broken.is_none() && (record.number != number || record.hash != hash) {
                log.broken = Some(record.number);
            }
            before = record.hash.to_string();
            log.records.push(record);
        }
        if log.broken.is_none() && !log.tells_its_begin() {
            log.broken = Some(first.cast_unsigned());
        }
        Ok(log)
    }
}

impl AuditLog {
    /// Whether a line of it says that lines have gone, where they have. Who removes lines past the
    /// database can say elsewhere that the log begins later, and not in it.
    fn tells_its_begin(&self) -> bool {
        let Some(gone) = &self.gone else {
            return true;
        };
        let said = outcome_of_trim(gone.number, &gone.hash.to_string());
        self.records.iter().any(|record| {
            let line = &record.line;
            line.who == OURSELVES && line.what == TRIM && line.outcome == said
        })
    }
}

fn append(transaction: &Transaction<'_>, line: &AuditLine) -> Result<i64> {
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
    Ok(number)
}

/// Lets the log begin with line `first`, and says so in it.
fn trim(transaction: &Transaction<'_>, first: i64) -> Result<()> {
    let hash: String = transaction.query_row(
        "SELECT hash FROM audit WHERE number = ?1",
        [first - 1],
        |row| row.get(0),
    )?;
    let line = AuditLine {
        who: OURSELVES.to_owned(),
        what: TRIM.to_owned(),
        app: None,
        outcome: outcome_of_trim(first.cast_unsigned() - 1, &hash),
    };
    append(transaction, &line)?;
    transaction.execute(
        "UPDATE audit_begin SET number = ?1, hash = ?2",
        params![first, hash],
    )?;
    transaction.execute("DELETE FROM audit WHERE number < ?1", [first])?;
    Ok(())
}

fn outcome_of_trim(last: u64, hash: &str) -> String {
    format!("lines up to {last} have gone; its hash is {hash}")
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
        hash: readable(&hash),
    })
}

/// One that is no hash is not the right one.
fn readable(hash: &str) -> ContentHash {
    hash.parse().unwrap_or_else(|_| ContentHash::of(b""))
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
            store.audit(&line, 1000).unwrap();
        }
        (folder, store)
    }

    /// `count` lines more, of which 20 stay.
    fn go_on(store: &Store, count: u32) {
        for number in 0..count {
            let line = AuditLine {
                who: "root".to_owned(),
                what: "env".to_owned(),
                app: None,
                outcome: number.to_string(),
            };
            store.audit(&line, 20).unwrap();
        }
    }

    #[test]
    fn beyond_its_cap_the_oldest_lines_go_and_the_chain_stays_whole() {
        let (_folder, store) = store();
        let begun = store.audit_log().unwrap();
        assert_eq!(begun.gone, None);
        go_on(&store, 18);
        assert_eq!(
            store.audit_log().unwrap().gone,
            None,
            "a tenth more is kept"
        );
        go_on(&store, 200);
        let log = store.audit_log().unwrap();
        assert_eq!(log.broken, None);
        assert!(
            (20..=23).contains(&log.records.len()),
            "{}",
            log.records.len()
        );
        let gone = log.gone.unwrap();
        assert_eq!(log.records[0].number, gone.number + 1);
        let said = log
            .records
            .iter()
            .rev()
            .find(|record| record.line.what == TRIM);
        assert!(said.unwrap().line.outcome.contains(&gone.hash.to_string()));
    }

    #[test]
    fn what_begins_later_than_the_log_says_is_found() {
        for tampering in [
            "DELETE FROM audit WHERE number < (SELECT number + 3 FROM audit_begin)",
            "UPDATE audit_begin SET number = number + 3, hash =
                (SELECT hash FROM audit WHERE number = audit_begin.number + 2);
             DELETE FROM audit WHERE number < (SELECT number FROM audit_begin)",
            "UPDATE audit_begin SET hash = 'x'",
        ] {
            let (_folder, store) = store();
            go_on(&store, 60);
            assert_eq!(store.audit_log().unwrap().broken, None);
            let unlock = "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_removed;
                          DROP TRIGGER audit_does_not_begin_earlier;";
            store.database().execute_batch(unlock).unwrap();
            store.database().execute_batch(tampering).unwrap();
            assert!(store.audit_log().unwrap().broken.is_some(), "{tampering}");
        }
    }

    #[test]
    fn nobody_lets_the_log_begin_earlier_or_with_a_hash_of_their_own() {
        let (_folder, store) = store();
        go_on(&store, 60);
        for sql in [
            "UPDATE audit_begin SET number = 1, hash = ''",
            "UPDATE audit_begin SET number = number + 2, hash = 'x'",
        ] {
            let error = store.database().execute(sql, []).unwrap_err();
            assert!(error.to_string().contains("begins with a line"), "{error}");
        }
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
