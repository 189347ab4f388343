//! How long an instance rests before it is started again.

use std::time::Duration;

use rustix::rand::GetRandomFlags;

/// The first rest.
const FIRST: Duration = Duration::from_millis(100);

/// No rest is longer, so that nothing is late by more than this once its cause is gone.
const LONGEST: Duration = Duration::from_secs(30);

/// After this much health the next rest is the first again.
pub(super) const HEALTHY: Duration = Duration::from_mins(1);

/// The rests double, from 0.1 s to 30 s, less a quarter at most: instances that fell together do
/// not rise together. It never gives up.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    rests: u32,
}

impl Backoff {
    /// The next rest.
    pub(super) fn rest(&mut self) -> Duration {
        let rest = nominal(self.rests).mul_f64(0.75 + random() / 4.0);
        self.rests = self.rests.saturating_add(1);
        rest
    }

    /// It was healthy for [`HEALTHY`].
    pub(super) fn reset(&mut self) {
        self.rests = 0;
    }
}

fn nominal(rests: u32) -> Duration {
    let factor = 1_u32.checked_shl(rests).unwrap_or(u32::MAX);
    FIRST.saturating_mul(factor).min(LONGEST)
}

/// From 0 to 1, from the system's generator: keepers are copies of one process, and whatever that
/// one had drawn would be the same in all of them.
fn random() -> f64 {
    let mut bytes = [0; 8];
    // A few bytes come whole, and without waiting once the machine is up (getrandom(2)); should they
    // not, all rest for as long as the shortest.
    let _ = rustix::rand::getrandom(&mut bytes, GetRandomFlags::empty());
    let bits = u64::from_ne_bytes(bytes) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rests_double_within_bounds_for_ever(rests in prop_oneof![0_u32..20, Just(u32::MAX)]) {
            let rest = Backoff { rests }.rest();
            prop_assert!(rest <= LONGEST);
            prop_assert!(rest >= FIRST.mul_f64(0.75));
            prop_assert!(rest <= nominal(rests) && rest >= nominal(rests).mul_f64(0.75));
            let doubled = nominal(rests.saturating_add(1));
            prop_assert!(doubled == nominal(rests) * 2 || doubled == LONGEST);
        }
    }

    #[test]
    fn health_starts_it_from_the_beginning() {
        let mut backoff = Backoff::default();
        for _ in 0..40 {
            backoff.rest();
        }
        assert!(backoff.rest() > Duration::from_secs(20));
        backoff.reset();
        assert!(backoff.rest() <= FIRST);
    }
}
