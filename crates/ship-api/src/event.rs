//! What the server streams while it works, one JSON object a line.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ship_base::clock::Moment;
use ship_base::name::{InstanceId, ReleaseId};

use crate::problem::Problem;
use crate::reply::PlanView;

/// An event of a deploy, a rollback, a restart or a scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum DeployEvent {
    /// Another deploy of this app is under way; this one waits.
    Waiting {
        /// Who holds the lock: `ship up, since 3 s`.
        holder: String,
    },
    /// The plan, before anything is built.
    Planned {
        /// As it will be shown.
        plan: Box<PlanView>,
    },
    /// A step begins: `environment`, `assets`, `migrate`, `web.1`.
    Begin {
        /// Its name.
        step: String,
    },
    /// How far a step is.
    Progress {
        /// Its name.
        step: String,
        /// So far.
        done: u64,
        /// In all.
        total: u64,
    },
    /// A line that a tool or program of this step wrote.
    Output {
        /// Its name.
        step: String,
        /// The line.
        line: String,
    },
    /// A step is done.
    Done {
        /// Its name.
        step: String,
        /// How long it took.
        took: Duration,
        /// With what result; may be empty.
        detail: String,
    },
    /// The plan was corrected, or the author should know something.
    Note {
        /// A fragment in our voice.
        text: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Visitors reach this release now.
    Live {
        /// Which.
        release: ReleaseId,
        /// Where.
        url: String,
        /// From the request to here.
        took: Duration,
        /// Nothing differed from what already served: no new release was made.
        unchanged: bool,
    },
    /// It failed; the last event of the stream.
    Failed {
        /// Why, and what still serves.
        problem: Problem,
    },
    /// It is over: old instances are drained and stopped; the last event of the stream.
    Finished,
}

/// A line of an app's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When it was read from the program.
    pub at: Moment,
    /// Which instance wrote it.
    pub instance: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// `out`, `err`, or `ship` for the keeper's own remarks (started, ended, waiting).
    pub stream: String,
    /// The text, without its end; bytes that are not UTF-8 become U+FFFD.
    pub text: String,
}

/// What `attach` streams: the app's lines and changes, until the client goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "attached", rename_all = "kebab-case")]
pub enum AttachEvent {
    /// The stream is set up; the app stops when the client goes.
    Held,
    /// A line of the log.
    Line(LogLine),
}
