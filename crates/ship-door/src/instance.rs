//! A running instance as the door sees it: its address, and what is in flight to it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::table::{Address, Protocol, Upstream};

/// Shared by all cores.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Of this process; never used twice.
    pub(crate) id: u64,
    pub(crate) key: String,
    pub(crate) address: Address,
    pub(crate) protocol: Protocol,
    in_flight: AtomicU64,
    idle: Notify,
    cut: CancellationToken,
}

impl Instance {
    fn new(upstream: &Upstream) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            key: upstream.key.clone(),
            address: upstream.address.clone(),
            protocol: upstream.protocol,
            in_flight: AtomicU64::new(0),
            idle: Notify::new(),
            cut: CancellationToken::new(),
        }
    }

    fn is(&self, upstream: &Upstream) -> bool {
        self.key == upstream.key
            && self.address == upstream.address
            && self.protocol == upstream.protocol
            && !self.cut.is_cancelled()
    }

    /// Requests and WebSockets that this instance has in its hands.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts one request until the answer has been handed on.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// Fires when what is still in flight must end.
    pub(crate) fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    async fn until_idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.in_flight() == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// One request in flight; dropped when it is over.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Instance>);

impl InFlight {
    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// Every instance that a table names, and those that still have something in their hands after
/// the last table that named them has gone. Owned by the door's main thread.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    /// By key. More than one has a key when an instance came back at another address.
    all: HashMap<String, Vec<Arc<Instance>>>,
}

impl Instances {
    /// The instance that `upstream` names: the same as before where key and address are the same.
    pub(crate) fn get(&mut self, upstream: &Upstream) -> Arc<Instance> {
        let same_key = self.all.entry(upstream.key.clone()).or_default();
        if let Some(known) = same_key.iter().find(|instance| instance.is(upstream)) {
            return known.clone();
        }
        let instance = Arc::new(Instance::new(upstream));
        same_key.push(instance.clone());
        instance
    }

    /// Forgets those that the table does not name and that have nothing in flight.
    pub(crate) fn forget_idle(&mut self, named: &[Arc<Instance>]) {
        let named: HashSet<u64> = named.iter().map(|instance| instance.id).collect();
        self.all.retain(|_, same_key| {
            same_key.retain(|one| one.in_flight() > 0 || named.contains(&one.id));
            !same_key.is_empty()
        });
    }

    /// Those with one of these keys.
    pub(crate) fn with_keys(&self, keys: &[String]) -> Vec<Arc<Instance>> {
        let same_keys = keys.iter().filter_map(|key| self.all.get(key));
        same_keys.flatten().cloned().collect()
    }

    /// Requests in flight by key, sorted.
    pub(crate) fn in_flight(&self) -> Vec<(String, u64)> {
        let count = |same_key: &[Arc<Instance>]| same_key.iter().map(|one| one.in_flight()).sum();
        let pairs = self
            .all
            .iter()
            .map(|(key, same_key)| (key.clone(), count(same_key)));
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort();
        pairs
    }
}

/// Waits until nothing is in flight to any of `instances`, at most `within`; then cuts what is
/// left, waits for that to end (at most `after`), and returns how much was cut.
pub(crate) async fn drain(instances: &[Arc<Instance>], within: Duration, after: Duration) -> u64 {
    let idle = async {
        for instance in instances {
            instance.until_idle().await;
        }
    };
    if tokio::time::timeout(within, idle).await.is_ok() {
        return 0;
    }
    let cut = instances.iter().map(|instance| instance.in_flight()).sum();
    for instance in instances {
        instance.cut.cancel();
    }
    let ended = async {
        for instance in instances {
            instance.until_idle().await;
        }
    };
    let _ = tokio::time::timeout(after, ended).await;
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn upstream(key: &str, path: &str) -> Upstream {
        Upstream {
            key: key.to_owned(),
            address: Address::Unix(PathBuf::from(path)),
            protocol: Protocol::Http1,
        }
    }

    #[test]
    fn the_same_key_at_another_address_is_another_instance() {
        let mut instances = Instances::default();
        let first = instances.get(&upstream("a", "/1"));
        assert!(Arc::ptr_eq(&first, &instances.get(&upstream("a", "/1"))));
        assert!(!Arc::ptr_eq(&first, &instances.get(&upstream("a", "/2"))));
    }

    #[test]
    fn what_is_in_flight_is_not_forgotten() {
        let mut instances = Instances::default();
        let instance = instances.get(&upstream("a", "/1"));
        let request = instance.begin();
        instances.forget_idle(&[]);
        assert_eq!(instances.in_flight(), [("a".to_owned(), 1)]);
        drop(request);
        instances.forget_idle(&[]);
        assert!(instances.in_flight().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn draining_ends_with_the_last_request() {
        let instance = Instances::default().get(&upstream("a", "/1"));
        let request = instance.begin();
        let draining = tokio::spawn({
            let instance = instance.clone();
            async move { drain(&[instance], Duration::from_secs(30), Duration::ZERO).await }
        });
        tokio::task::yield_now().await;
        drop(request);
        assert_eq!(draining.await.unwrap(), 0);
        assert!(!instance.cut().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn what_outlasts_the_grace_is_counted_and_cut() {
        let instance = Instances::default().get(&upstream("a", "/1"));
        let request = instance.begin();
        let cutter = tokio::spawn({
            let instance = instance.clone();
            async move {
                instance.cut().cancelled().await;
                drop(request);
            }
        });
        let grace = Duration::from_secs(30);
        assert_eq!(drain(&[instance], grace, grace).await, 1);
        cutter.await.unwrap();
    }
}
