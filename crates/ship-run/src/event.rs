//! What is said between a keeper and those who ask it: [`Report`] one way, [`Ask`] the other, one
//! line of JSON each.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ship_base::clock::Moment;
use ship_base::name::{InstanceId, ReleaseId};
use ship_sandbox::Held;

pub use crate::process::ProcessKey;
use crate::signal;
use crate::spec::Address;

/// The version of [`Report`] and [`Ask`]; raised when an older side would misread it. Keepers stay
/// with the binary that started them, so a newer control process reads older reports.
pub const VERSION: u32 = 1;

/// The state of one keeper, told at connect and at every change, and kept in its state file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
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
    /// The program that runs now.
    #[serde(default)]
    pub program: Option<ProcessKey>,
    /// How often in a row it ended without having been ready.
    #[serde(default)]
    pub failures: u32,
    /// Whether it was ready at any time.
    #[serde(default)]
    pub was_ready: bool,
    /// Whether this start has given an answer, even a bad one: it is up, and not well.
    #[serde(default)]
    pub answered: bool,
    /// Whether its caps hold; `None` when it has none.
    #[serde(default)]
    pub held: Option<Held>,
}

impl Report {
    /// How it ended last, as far as the state tells.
    pub fn ended(&self) -> Option<&Ended> {
        match &self.state {
            State::Waiting { ended, .. } | State::Ended { ended } => Some(ended),
            _ => None,
        }
    }

    /// Whether it is ready now.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }
}

/// What a keeper is asked. The answer is the next [`Report`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    /// SIGTERM, at most `grace`, SIGKILL for the whole tree, and the keeper ends. Asked again, it
    /// can only become shorter.
    Stop {
        /// How long the program may take.
        grace: Duration,
    },
    /// The same with the grace of its spec, and then a new start at once.
    Restart,
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

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(number) => write!(f, "was killed by {}", signal::name(*number)),
            Self::NotStarted(why) => write!(f, "could not be started: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a keeper of version 1 writes it, with what later versions added left out.
    const OLDEST: &str = include_str!("../tests/fixtures/report-1.json");

    #[test]
    fn reports_of_version_1_are_read() {
        let report: Report = serde_json::from_str(OLDEST).unwrap();
        assert_eq!((report.version, report.restarts), (1, 3));
        assert_eq!(report.ended(), Some(&Ended::Code(1)));
        assert_eq!(
            (report.program, report.failures, report.was_ready),
            (None, 0, false)
        );
    }

    #[test]
    fn reports_and_asks_read_back_what_they_write() {
        let report: Report = serde_json::from_str(OLDEST).unwrap();
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        let asks = [
            r#"{"ask":"stop","grace":{"secs":30,"nanos":0}}"#,
            r#"{"ask":"restart"}"#,
        ];
        for text in asks {
            let ask: Ask = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&ask).unwrap(), text);
        }
    }

    #[test]
    fn ends_are_told_in_words() {
        assert_eq!(Ended::Code(1).to_string(), "ended with exit code 1");
        assert_eq!(Ended::Signal(11).to_string(), "was killed by SIGSEGV");
        assert_eq!(
            Ended::NotStarted("gone".to_owned()).to_string(),
            "could not be started: gone"
        );
    }
}
