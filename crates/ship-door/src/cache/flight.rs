//! One request to the app for many visitors: who leads it, and who waits for what it brings.

use std::sync::Arc;

use tokio::sync::watch;

use crate::cache::Cache;
use crate::cache::entry::Key;

/// A request that is under way, seen by those who wait. They may be on other cores.
#[derive(Debug)]
pub(crate) struct Flight {
    landed: watch::Sender<bool>,
}

impl Flight {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            landed: watch::Sender::new(false),
        })
    }

    /// Waits for the end, whatever it brings.
    pub(crate) async fn landed(&self) {
        let _ = self.landed.subscribe().wait_for(|landed| *landed).await;
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
        self.flight.landed.send_replace(true);
    }
}
