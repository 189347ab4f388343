//! A release with the settings it runs with.

use ship_base::hash::{ContentHash, Hasher};
use ship_base::name::{AppName, ReleaseId};
use ship_project::plan::Plan;

use crate::environment::Variables;
use crate::error::Error;
use crate::server::Server;

/// What may go live: a release, its plan, and its settings as they were when it was chosen.
pub(crate) struct Candidate {
    pub(crate) release: ReleaseId,
    pub(crate) plan: Plan,
    pub(crate) settings: Variables,
}

impl Candidate {
    /// A release as it would run now: its plan and the settings of today.
    pub(crate) fn of(server: &Server, app: &AppName, release: ReleaseId) -> Result<Self, Error> {
        let plan = server.plan(app, release)?;
        let settings = server.settings(app, &plan)?.merged();
        Ok(Self {
            release,
            plan,
            settings,
        })
    }

    /// An address of the settings: tells whether a running copy has the ones of today.
    pub(crate) fn fingerprint(&self) -> ContentHash {
        let mut hasher = Hasher::new();
        for (name, value) in &self.settings {
            hasher.field(name).field(value.reveal());
        }
        hasher.finish()
    }
}
