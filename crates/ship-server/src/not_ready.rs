//! Why an instance is not ready, in words: what it waited for or how it ended, and its last lines.

use std::time::Duration;

use ship_run::event::Ended;
use ship_run::{NotReady, Why};

use crate::app::App;
use crate::error::Error;
use crate::instance::Instance;
use crate::logs;
use crate::server::Server;

/// How many of its last lines are shown.
const LINES: usize = 20;

/// The error for an instance that ended or was late.
pub(crate) fn explain(
    server: &Server,
    app: &App,
    instance: &Instance,
    within: Duration,
    late: &NotReady,
) -> Error {
    let (what, cause) = match &late.why {
        Why::Ended(ended) => (ended.to_string(), None),
        Why::WaitingFor(what) => (Error::late(within), Some(what.clone())),
        Why::Unwell(what) => (Error::late_after_answer(), Some(what.clone())),
        Why::KeeperGone => (
            Error::late(within),
            Some("its keeper was killed".to_owned()),
        ),
    };
    Error::NotReady {
        app: app.name.clone(),
        process: instance.id.process.clone(),
        release: instance.release(),
        finished: matches!(late.why, Why::Ended(Ended::Code(0))),
        what,
        cause,
        words: Box::new(logs::last_words(
            server,
            &app.name,
            &instance.id.process,
            instance.release(),
            LINES,
        )),
    }
}
