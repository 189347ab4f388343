//! The verdict on a start that failed.

use std::time::Duration;

use ship_base::count;
use ship_base::fault::FaultKind;
use ship_base::hint::Hints;
use ship_base::name::InstanceId;

use crate::event::{Ended, Report};

/// An instance that did not become ready.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.summary())]
pub struct NotReady {
    /// Which instance.
    pub instance: InstanceId,
    /// Its keeper's last report.
    pub report: Report,
    /// How long it was given.
    pub within: Duration,
    /// What kept it.
    #[source]
    pub why: Why,
}

/// How long a program may answer badly before its start is decided: long enough for a database
/// that comes up beside it (docs/promises.md, P12: a verdict is told within 10 s).
pub const UNWELL: Duration = Duration::from_secs(10);

/// What kept an instance from being ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It runs, and this is missing: `nothing listens on the socket it was given`.
    #[error("{0}")]
    WaitingFor(String),
    /// It is up, and for [`UNWELL`] answered nothing but this: `it answers 500 on /`.
    #[error("{0}")]
    Unwell(String),
    /// It ended, again and again or for good.
    #[error("it {0}")]
    Ended(Ended),
    /// Its keeper was killed.
    #[error("its keeper was killed")]
    KeeperGone,
}

impl NotReady {
    fn summary(&self) -> String {
        let (process, app) = (self.instance.local(), &self.instance.app);
        match self.why {
            Why::WaitingFor(_) => {
                format!(
                    "`{process}` of `{app}` did not become ready within {}",
                    count::duration(self.within)
                )
            }
            Why::Unwell(_) => format!(
                "`{process}` of `{app}` did not become ready within {} of its first answer",
                count::duration(UNWELL)
            ),
            _ => format!("`{process}` of `{app}` ended before it was ready"),
        }
    }

    /// Whose move it is: the app's own failures are its author's.
    pub fn fault(&self) -> FaultKind {
        match self.why {
            Why::KeeperGone => FaultKind::Outside,
            Why::WaitingFor(_) | Why::Unwell(_) | Why::Ended(_) => FaultKind::User,
        }
    }
}

impl Hints for NotReady {
    fn hints(&self) -> Vec<String> {
        let report = &self.report;
        vec![format!(
            "its last lines: `ship logs --app {} --process {} --release {}`",
            self.instance.app, self.instance.process, report.release
        )]
    }
}
