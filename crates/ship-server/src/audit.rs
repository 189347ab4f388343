//! The audit log as it is written: each change before it is begun and when it is over, and what a
//! key was refused.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ship_api::reply::{Audit, AuditEntry, AuditGone};
use ship_api::route::Route;
use ship_base::hint;
use ship_base::name::AppName;
use ship_store::AuditLine;
use tracing::warn;

use crate::app::lock;
use crate::caller::Caller;
use crate::error::Error;
use crate::server::Server;

/// How long the same refusal is not written down again: a stolen key must not fill the disk.
const REFUSED_AGAIN: Duration = Duration::from_mins(1);

/// The most characters of how a change ended.
const LONGEST: usize = 1000;

/// A change that was begun. Dropped before its end was told, it says so.
pub(crate) struct Entry {
    server: Arc<Server>,
    line: AuditLine,
    ended: OnceLock<()>,
}

impl Entry {
    /// Writes down that a change is begun; `None` where the route changes nothing. What cannot be
    /// written down is not done.
    pub(crate) fn begin(
        server: &Arc<Server>,
        caller: &Caller,
        route: &Route,
    ) -> Result<Option<Arc<Self>>, Error> {
        let Some(what) = route.recorded() else {
            return Ok(None);
        };
        let line = line(caller, what, route.app(), "begun");
        server.store.audit(&line, server.config.room.audit_lines)?;
        Ok(Some(Arc::new(Self {
            server: server.clone(),
            line,
            ended: OnceLock::new(),
        })))
    }

    /// Writes down how it ended, once.
    pub(crate) fn end(&self, app: Option<&AppName>, failure: Option<String>) {
        if self.ended.set(()).is_err() {
            return;
        }
        let outcome = failure.map(|why| format!("failed: {why}"));
        write(
            &self.server,
            &AuditLine {
                app: app.or(self.line.app.as_ref()).cloned(),
                outcome: outcome.unwrap_or_else(|| "done".to_owned()),
                ..self.line.clone()
            },
        );
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.end(None, Some("it was given up".to_owned()));
    }
}

/// Writes down that a key asked for what it may not.
pub(crate) fn refused(server: &Server, caller: &Caller, route: &Route) {
    let what = route.to_string();
    let again = (caller.to_string(), what.clone());
    let mut last = lock(&server.refused);
    if matches!(&*last, Some((said, at)) if *said == again && at.elapsed() < REFUSED_AGAIN) {
        return;
    }
    *last = Some((again, Instant::now()));
    write(server, &line(caller, &what, route.app(), "refused"));
}

/// The whole log.
pub(crate) fn read(server: &Server) -> Result<Audit, Error> {
    let log = server.store.audit_log()?;
    let entries = log.records.into_iter().map(|record| AuditEntry {
        number: record.number,
        at: record.at,
        who: record.line.who,
        what: record.line.what,
        app: record.line.app,
        outcome: record.line.outcome,
        hash: record.hash,
    });
    Ok(Audit {
        entries: entries.collect(),
        broken: log.broken,
        gone: log.gone.map(|gone| AuditGone {
            number: gone.number,
            hash: gone.hash,
        }),
    })
}

fn line(caller: &Caller, what: &str, app: Option<&AppName>, outcome: &str) -> AuditLine {
    AuditLine {
        who: caller.to_string(),
        what: what.to_owned(),
        app: app.cloned(),
        outcome: outcome.to_owned(),
    }
}

fn write(server: &Server, line: &AuditLine) {
    let line = &AuditLine {
        outcome: shortened(&line.outcome),
        ..line.clone()
    };
    if let Err(error) = server.store.audit(line, server.config.room.audit_lines) {
        warn!(what = line.what, error = %hint::chain(&error), "not in the audit log");
    }
}

/// A failure may quote what a program printed.
fn shortened(outcome: &str) -> String {
    match outcome.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &outcome[..end]),
        None => outcome.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_failure_is_cut() {
        assert_eq!(shortened("done"), "done");
        let long = shortened(&"ä".repeat(5000));
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
