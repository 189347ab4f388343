//! One request to the app for many visitors: who leads it, and who waits for what it brings.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::cache::Cache;
use crate::cache::entry::Key;
use crate::limit::Limits;

/// A request that is under way, seen by those who wait. They may be on other cores.
#[derive(Debug)]
pub(crate) struct Flight(watch::Sender<Stage>);

/// How far it is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The app was asked then.
    Asked(Instant),
    /// It began to answer then.
    Begun(Instant),
    /// It is known what came of it.
    Landed,
}

impl Flight {
    pub(crate) fn new() -> Arc<Self> {
        let stage = Stage::Asked(Instant::now());
        Arc::new(Self(watch::Sender::new(stage)))
    }

    /// The app has begun an answer that will be kept.
    pub(crate) fn begins(&self) {
        self.0.send_replace(Stage::Begun(Instant::now()));
    }

    /// Waits for the end, whatever it brings; false where that takes too long. Who comes late does not
    /// wait anew: an answer without an end costs those who come first a moment, and nobody else.
    pub(crate) async fn landed(&self, limits: &Limits) -> bool {
        let mut stage = self.0.subscribe();
        loop {
            let now = *stage.borrow_and_update();
            let until = match now {
                Stage::Asked(at) => at + limits.shared_begin,
                Stage::Begun(at) => at + limits.shared_rest,
                Stage::Landed => return true,
            };
            if timeout_at(until, stage.changed()).await.is_err() {
                return false;
            }
        }
    }
}

/// The right to ask the app for one answer. It ends when this is dropped, also where its visitor
/// has gone: then one of those who wait takes over.
#[derive(Debug)]
pub(crate) struct Lead {
    pub(crate) cache: Arc<Cache>,
    pub(crate) key: Key,
    pub(crate) flight: Arc<Flight>,
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.cache.shelf().flights().remove(&self.key);
        self.flight.0.send_replace(Stage::Landed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Whether it landed, and after how many seconds that was known.
    async fn waited(flight: &Flight) -> (bool, u64) {
        let began = Instant::now();
        let landed = flight.landed(&Limits::default()).await;
        (landed, began.elapsed().as_secs())
    }

    async fn later(seconds: u64, what: impl FnOnce()) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        what();
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_waited_for_as_long_as_it_makes_sense() {
        let silent = Flight::new();
        assert_eq!(waited(&silent).await, (false, 15));
        assert_eq!(waited(&silent).await, (false, 0), "nobody waits anew");

        let endless = Flight::new();
        let begins = later(10, || endless.begins());
        assert_eq!(tokio::join!(waited(&endless), begins).0, (false, 15));
        assert_eq!(waited(&endless).await, (false, 0), "nobody waits anew");

        let good = Flight::new();
        let begins = later(12, || good.begins());
        let lands = later(16, || {
            good.0.send_replace(Stage::Landed);
        });
        assert_eq!(tokio::join!(waited(&good), begins, lands).0, (true, 16));
    }
}
