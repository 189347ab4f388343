//! How answers of an app that is slowed go out: one piece after the other, whoever they are for.
//!
//! Each piece takes a place at the end of the line, and the line moves at the pace. So many answers at
//! once share it by pieces, and a small one does not wait for the end of a large one.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The longest line: beyond, new requests are turned away, or nobody would get an answer before they
/// lose patience.
const LONGEST: Duration = Duration::from_secs(10);

/// See the module. Shared by all cores.
#[derive(Debug)]
pub(super) struct Brake {
    /// Bytes a second.
    pace: u32,
    /// When the last in line is through.
    until: Mutex<Option<Instant>>,
}

impl Brake {
    pub(super) fn new(pace: u32) -> Self {
        Self {
            pace: pace.max(1),
            until: Mutex::new(None),
        }
    }

    /// Takes a place for so many bytes; when they may go.
    pub(super) fn queue(&self, bytes: usize, now: Instant) -> Instant {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = until.map_or(now, |until| until.max(now));
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        *until = Some(begins + Duration::from_secs(bytes.into()) / self.pace);
        begins
    }

    /// How long the line is, where it is too long.
    pub(super) fn is_crowded(&self, now: Instant) -> Option<Duration> {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = until?.saturating_duration_since(now);
        (wait > LONGEST).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[tokio::test]
    async fn a_line_that_is_too_long_takes_nobody_and_gets_shorter_by_itself() {
        let (brake, now) = (Brake::new(1000), Instant::now());
        assert_eq!(brake.queue(10_000, now), now);
        assert_eq!(brake.is_crowded(now), None);
        brake.queue(1, now);
        assert!(brake.is_crowded(now).is_some());
        assert_eq!(brake.is_crowded(now + Duration::from_secs(1)), None);
        let later = now + Duration::from_mins(1);
        assert_eq!(brake.queue(1, later), later);
    }

    proptest! {
        /// However pieces come, no more goes out in any time than the pace allows and one piece.
        #[test]
        fn no_more_goes_out_than_the_pace_allows(
            pieces in prop::collection::vec((0u64..3000, 1usize..5000), 1..50)
        ) {
            let (brake, mut now) = (Brake::new(1000), Instant::now());
            let mut gone = Vec::new();
            for (pause, bytes) in pieces {
                now += Duration::from_millis(pause);
                let begins = brake.queue(bytes, now);
                prop_assert!(begins >= now);
                gone.push((begins, bytes));
            }
            for (from, (began, _)) in gone.iter().enumerate() {
                let mut bytes = 0;
                for (begins, length) in &gone[from..] {
                    let allowed = (*begins - *began).as_secs_f64() * 1000.0;
                    prop_assert!(bytes as f64 <= allowed + 0.01, "{bytes} in {allowed}");
                    bytes += length;
                }
            }
        }
    }
}
