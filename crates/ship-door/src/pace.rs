//! How fast a request body has to come.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::framing::Received;
use crate::limit::Limits;

/// Measures how long a connection waited for its visitor during one body. Time in which the app did
/// not take what had come does not count: that is not the visitor's doing.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Bytes a second.
    least: u32,
    /// From then on.
    after: Duration,
    request: u32,
    waited: Duration,
    since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            least: limits.body_pace,
            after: limits.body_patience,
            request: 0,
            waited: Duration::ZERO,
            since: None,
            alarm: None,
        }
    }

    /// Something came.
    pub(crate) fn read(&mut self) {
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Nothing has come: whether it is time to give up. If not, the task is woken when it is.
    pub(crate) fn is_too_slow(&mut self, received: Received, context: &mut Context<'_>) -> bool {
        if self.request != received.request {
            self.request = received.request;
            self.waited = Duration::ZERO;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let earned = Duration::from_secs(received.bytes) / self.least.max(1);
        let left = (self.after + earned).saturating_sub(self.waited);
        // A body of petabytes earns more time than a clock can name.
        let Some(deadline) = since.checked_add(left) else {
            return false;
        };
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(context).is_ready()
    }
}
