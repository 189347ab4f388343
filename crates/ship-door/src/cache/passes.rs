//! Addresses whose answers may not be kept, remembered for a minute: their visitors need not wait for
//! each other. No lock, no growth; what is forgotten too early costs one visitor a moment.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::cache::entry::Key;

const SLOTS: usize = 1024;

/// The low bits of a slot are the minute, the high ones the address.
const MINUTE: u64 = 0xffff;

/// See the module.
#[derive(Debug)]
pub(crate) struct Passes {
    hasher: RandomState,
    began: Instant,
    slots: Box<[AtomicU64]>,
}

impl Passes {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            began: Instant::now(),
            slots: std::iter::repeat_with(AtomicU64::default)
                .take(SLOTS)
                .collect(),
        }
    }

    fn minute(&self, now: Instant) -> u64 {
        // 0 is the minute of an empty slot.
        now.saturating_duration_since(self.began).as_secs() / 60 + 1
    }

    fn slot(&self, key: &Key) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one(key);
        let slot = usize::try_from(hash & MINUTE).unwrap_or(0) % SLOTS;
        (&self.slots[slot], hash & !MINUTE)
    }

    pub(crate) fn remember(&self, key: &Key, now: Instant) {
        let (slot, hash) = self.slot(key);
        slot.store(hash | (self.minute(now) & MINUTE), Ordering::Relaxed);
    }

    pub(crate) fn has(&self, key: &Key, now: Instant) -> bool {
        let (slot, hash) = self.slot(key);
        let kept = slot.load(Ordering::Relaxed);
        let ago = (self.minute(now) & MINUTE).wrapping_sub(kept & MINUTE);
        kept & MINUTE != 0 && kept & !MINUTE == hash && ago <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::entry::tests::key;
    use std::time::Duration;

    #[tokio::test]
    async fn an_address_is_remembered_for_a_minute_or_two() {
        let passes = Passes::new();
        let now = Instant::now();
        assert!(!passes.has(&key("/"), now));
        passes.remember(&key("/"), now);
        assert!(passes.has(&key("/"), now + Duration::from_mins(1)));
        assert!(!passes.has(&key("/other"), now));
        assert!(!passes.has(&key("/"), now + Duration::from_mins(2)));
    }
}
