//! How fast a request body has to come.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::limit::Limits;

/// Measures how long a body was waited for. Time in which the app did not take what had come does
/// not count: that is not the visitor's doing.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Bytes a second.
    least: u32,
    /// What is left of the time that costs nothing and of what bytes have earned.
    left: Duration,
    since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            least: limits.body_pace.max(1),
            left: limits.body_patience,
            since: None,
            alarm: None,
        }
    }

    /// For a body that may take as long as it likes.
    pub(crate) fn any() -> Self {
        Self {
            least: 1,
            left: Duration::MAX,
            since: None,
            alarm: None,
        }
    }

    /// So many bytes came.
    pub(crate) fn came(&mut self, bytes: u64) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let earned = Duration::from_secs(bytes) / self.least;
        self.left = self.left.saturating_add(earned);
    }

    /// Nothing has come: whether it is time to give up. If not, the task is woken when it is.
    pub(crate) fn is_too_slow(&mut self, context: &mut Context<'_>) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        // A body of petabytes earns more time than a clock can name.
        let Some(deadline) = since.checked_add(self.left) else {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;

    /// How long a body lasts that brings so many bytes each second, `None` if for ever.
    async fn lasts(each_second: u64) -> Option<u64> {
        let mut pace = Pace::new(&Limits::default());
        for second in 0..1000 {
            let mut next = Box::pin(tokio::time::sleep(Duration::from_secs(1)));
            let too_slow = poll_fn(|context| {
                if next.as_mut().poll(context).is_ready() {
                    return Poll::Ready(false);
                }
                if pace.is_too_slow(context) {
                    Poll::Ready(true)
                } else {
                    Poll::Pending
                }
            });
            if too_slow.await {
                return Some(second);
            }
            pace.came(each_second);
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_given_up_and_one_at_the_least_pace_is_not() {
        assert_eq!(lasts(0).await, Some(10));
        assert_eq!(lasts(250).await, Some(19));
        assert_eq!(lasts(500).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_app_takes_is_not_the_visitors() {
        let mut pace = Pace::new(&Limits::default());
        for _ in 0..100 {
            pace.came(1);
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        assert!(!poll_fn(|context| Poll::Ready(pace.is_too_slow(context))).await);
    }
}
