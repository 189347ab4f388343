//! What a keeper tells: its state, at connect and at every change.

use serde::{Deserialize, Serialize};
use ship_base::clock::Moment;
use ship_base::name::{InstanceId, ReleaseId};

use crate::spec::Address;

/// The state of one keeper, as one line of JSON on its socket and in its state file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which instance.
    pub instance: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// The keeper itself.
    pub keeper: ProcessKey,
    /// Where the instance is in its life.
    pub state: State,
    /// Where it can be reached, once that is known.
    pub address: Option<Address>,
    /// How often it was started again.
    pub restarts: u32,
    /// When this state began.
    pub since: Moment,
}

/// A process, known by its start time as well, because numbers are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// The process number.
    pub pid: i32,
    /// Field 22 of `/proc/<pid>/stat` (proc(5)), in clock ticks since boot.
    pub start: u64,
}

/// Where an instance is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Started, not yet ready; `waiting_for` says for what, in our voice.
    Starting {
        /// The process.
        pid: i32,
        /// `nothing listens on the socket it was given`, `it answers 500 on /`.
        waiting_for: String,
    },
    /// Ready.
    Ready {
        /// The process.
        pid: i32,
    },
    /// Ended by itself; starts again at `next`.
    Waiting {
        /// How it ended.
        ended: Ended,
        /// When it will be started again.
        next: Moment,
    },
    /// SIGTERM was sent.
    Stopping {
        /// The process.
        pid: i32,
    },
    /// Over; the keeper is about to end.
    Ended {
        /// How.
        ended: Ended,
    },
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It could not be started at all.
    NotStarted(String),
}
