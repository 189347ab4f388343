//! `ship.db`: SQLite with a write-ahead log, synced at every commit, one writer.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use ship_base::file;

use crate::{Error, Result};

/// What each version of the format adds to the one before; the database remembers how many it has
/// in `user_version`. Never changed, only appended to.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE app (
        name TEXT PRIMARY KEY,
        project TEXT NOT NULL,
        running INTEGER NOT NULL DEFAULT 0,
        detached INTEGER NOT NULL DEFAULT 0,
        current INTEGER,
        previous INTEGER,
        scale TEXT NOT NULL DEFAULT '{}',
        next_release INTEGER NOT NULL DEFAULT 1,
        running_settings TEXT,
        created INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE forgotten (
        app TEXT PRIMARY KEY
    ) STRICT;
    CREATE TABLE setting (
        app TEXT NOT NULL REFERENCES app ON DELETE CASCADE,
        layer TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (app, layer, name)
    ) STRICT;
    CREATE TABLE release (
        app TEXT NOT NULL REFERENCES app ON DELETE CASCADE,
        number INTEGER NOT NULL,
        content TEXT NOT NULL,
        environment TEXT,
        layer TEXT,
        summary TEXT NOT NULL,
        by TEXT NOT NULL,
        built INTEGER NOT NULL,
        PRIMARY KEY (app, number)
    ) STRICT;
    CREATE TABLE deploy (
        id INTEGER PRIMARY KEY,
        app TEXT NOT NULL,
        release INTEGER,
        verb TEXT NOT NULL,
        by TEXT NOT NULL,
        at INTEGER NOT NULL,
        took INTEGER NOT NULL,
        outcome TEXT NOT NULL
    ) STRICT;
    CREATE INDEX deploy_of_app ON deploy (app, id);
    CREATE TABLE job (
        app TEXT NOT NULL REFERENCES app ON DELETE CASCADE,
        process TEXT NOT NULL,
        last INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        PRIMARY KEY (app, process)
    ) STRICT;
",
    "
    CREATE TABLE key (
        name TEXT PRIMARY KEY,
        apps TEXT NOT NULL,
        may TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        added INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        app TEXT,
        outcome TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;
    CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;
",
    "
    ALTER TABLE app ADD COLUMN maintenance TEXT;
",
    "
    CREATE TABLE audit_begin (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        number INTEGER NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
    INSERT INTO audit_begin VALUES (1, 1, '');
    DROP TRIGGER audit_is_not_removed;
    CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
        WHEN OLD.number >= (SELECT number FROM audit_begin)
        BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;
    CREATE TRIGGER audit_does_not_begin_earlier BEFORE UPDATE ON audit_begin
        WHEN NEW.number <= OLD.number OR NEW.hash IS NOT
            (SELECT hash FROM audit WHERE number = NEW.number - 1)
        BEGIN SELECT RAISE(ABORT, 'the audit log begins with a line that it has'); END;
",
];

/// Opens the database and brings it to the newest format.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    // The owner's alone before SQLite sees it: the files beside it get the modes that it has.
    drop(file::append(path, 0o600)?);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // With WAL, NORMAL may lose the last commits in a power cut (sqlite.org/pragma.html).
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(Error::TooNew {
            path: path.to_owned(),
            found,
            known,
        });
    }
    for (version, migration) in (1..).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_has_the_fix_of_the_wal_reset_bug() {
        // sqlite.org/releaselog/3_51_3.html; PROMISES, "Durability in code".
        assert!(
            rusqlite::version_number() >= 3_051_003,
            "{}",
            rusqlite::version()
        );
    }

    #[test]
    fn a_database_of_a_newer_shipsmith_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ship.db");
        open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, Error::TooNew { found: 99, .. }), "{error}");
    }

    #[test]
    fn a_database_of_each_older_format_is_brought_up_to_date() {
        for old in 1..MIGRATIONS.len() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("ship.db");
            let before = Connection::open(&path).unwrap();
            before.execute_batch(&MIGRATIONS[..old].concat()).unwrap();
            before
                .pragma_update(None, "user_version", u32::try_from(old).unwrap())
                .unwrap();
            let app = "INSERT INTO app (name, project, created) VALUES ('blog', '/blog', 0)";
            before.execute(app, []).unwrap();
            drop(before);
            let now = open(&path).unwrap();
            let count = |sql: &str| now.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
            assert_eq!(count("SELECT count(*) FROM app"), 1);
            assert_eq!(count("SELECT count(*) FROM key"), 0);
        }
    }

    #[test]
    fn nobody_else_reads_the_settings() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let _connection = open(&folder.path().join("ship.db")).unwrap();
        let entries = file::entries(folder.path()).unwrap();
        assert_eq!(
            entries.len(),
            3,
            "the database, its log and the log's index"
        );
        for entry in entries {
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        }
    }

    #[test]
    fn commits_are_synced() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder.path().join("ship.db")).unwrap();
        let ask = |name: &str| -> String {
            connection
                .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
                .map(|value| format!("{value:?}"))
                .unwrap()
        };
        assert_eq!(ask("journal_mode"), "Text(\"wal\")");
        assert_eq!(ask("synchronous"), "Integer(2)");
    }
}
