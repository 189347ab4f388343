//! Why an instance is not ready, in words: what it waited for or how it ended, and its last lines.

use std::time::Duration;

use ship_run::event::Ended;
use ship_run::{NotReady, Why};

use crate::app::App;
use crate::error::Error;
use crate::fleet::Instance;
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
        Why::Ended(ended) => (phrase(ended), None),
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
        what,
        cause,
        output: logs::last(
            server,
            &app.name,
            &instance.id.process,
            instance.release(),
            LINES,
        ),
    }
}

/// `ended with exit code 1`, `was ended by signal 9 (SIGKILL)`.
pub(crate) fn phrase(ended: &Ended) -> String {
    match ended {
        Ended::Code(code) => format!("ended with exit code {code}"),
        Ended::Signal(signal) => match signal_name(*signal) {
            Some(name) => format!("was ended by signal {signal} ({name})"),
            None => format!("was ended by signal {signal}"),
        },
        Ended::NotStarted(why) => format!("could not be started: {why}"),
    }
}

/// The names of the signals that end programs, signal(7).
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        2 => "SIGINT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL; out of memory?",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_in_words() {
        assert_eq!(phrase(&Ended::Code(1)), "ended with exit code 1");
        assert_eq!(
            phrase(&Ended::Signal(11)),
            "was ended by signal 11 (SIGSEGV)"
        );
        assert_eq!(phrase(&Ended::Signal(64)), "was ended by signal 64");
    }
}
