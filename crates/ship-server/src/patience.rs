//! How long instances that leave may take to finish: their grace, until somebody is in a hurry.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;

/// The hurry of those who want an app gone: `ship stop --now`, a second Ctrl-C.
#[derive(Default)]
pub(crate) struct Patience {
    limits: watch::Sender<Vec<Duration>>,
}

/// Somebody is in a hurry, until this is dropped.
pub(crate) struct Hurry<'a> {
    patience: &'a Patience,
    most: Duration,
}

impl Patience {
    /// From now on nobody who leaves gets more than `most`, those who are about to included.
    pub(crate) fn at_most(&self, most: Duration) -> Hurry<'_> {
        self.limits.send_modify(|limits| limits.push(most));
        Hurry {
            patience: self,
            most,
        }
    }

    /// Asks with the whole grace, and again with less when somebody comes who is in a hurry.
    pub(crate) async fn spend<F: Future>(
        &self,
        grace: Duration,
        ask: impl Fn(Duration) -> F,
    ) -> F::Output {
        let mut limits = self.limits.subscribe();
        let mut most = shortest(grace, &limits.borrow_and_update());
        loop {
            let less = limits.wait_for(|limits| shortest(grace, limits) < most);
            tokio::select! {
                done = ask(most) => return done,
                // The sender lives in `self`, so that the channel cannot close.
                limits = less => most = limits.map_or(most, |limits| shortest(grace, &limits)),
            }
        }
    }
}

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.patience.limits.send_modify(|limits| {
            if let Some(own) = limits.iter().position(|limit| *limit == self.most) {
                limits.swap_remove(own);
            }
        });
    }
}

fn shortest(grace: Duration, limits: &[Duration]) -> Duration {
    limits.iter().copied().fold(grace, Duration::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_hurry_shortens_what_is_under_way_and_what_follows() {
        let patience = Patience::default();
        let wait = |grace| {
            patience.spend(grace, |most| async move {
                tokio::time::sleep(most).await;
                most
            })
        };
        assert_eq!(wait(Duration::from_secs(3)).await, Duration::from_secs(3));
        let under_way = wait(Duration::from_hours(1));
        tokio::pin!(under_way);
        let first = tokio::time::timeout(Duration::from_secs(1), &mut under_way);
        assert!(first.await.is_err());
        let hurry = patience.at_most(Duration::ZERO);
        assert_eq!(under_way.await, Duration::ZERO);
        assert_eq!(wait(Duration::from_secs(3)).await, Duration::ZERO);
        drop(hurry);
        assert_eq!(wait(Duration::from_secs(3)).await, Duration::from_secs(3));
    }
}
