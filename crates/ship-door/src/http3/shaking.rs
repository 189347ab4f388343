//! Handshakes of visitors that have proved their address, and how many there may be at once.
//!
//! Each holds tens of kilobytes, and an attacker with many addresses can begin them and fall silent. A
//! limit alone would shut out everybody else for as long as a handshake may take. So the oldest makes
//! room for a newcomer: one that goes on is done within a round trip or two, long before it is the
//! oldest.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

/// Those that go on, the oldest first.
#[derive(Debug)]
pub(super) struct Shakers {
    most: usize,
    open: VecDeque<Arc<CancellationToken>>,
}

/// One of them; done when it is dropped.
#[derive(Debug)]
pub(crate) struct Shaking(Arc<CancellationToken>);

impl Shakers {
    /// At most so many at once, and at least one.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            open: VecDeque::new(),
        }
    }

    /// One more; where there are too many, the oldest is given up.
    pub(super) fn begin(&mut self) -> Shaking {
        if self.open.len() >= self.most {
            // What we alone have is done.
            self.open.retain(|one| Arc::strong_count(one) > 1);
        }
        if self.open.len() >= self.most
            && let Some(oldest) = self.open.pop_front()
        {
            oldest.cancel();
        }
        let shaking = Arc::new(CancellationToken::new());
        self.open.push_back(shaking.clone());
        Shaking(shaking)
    }
}

impl Shaking {
    /// Until it has to make room.
    pub(super) async fn given_up(&self) {
        self.0.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_is_not_done_makes_room() {
        let mut shakers = Shakers::new(3);
        let given_up = |shaking: &Shaking| shaking.0.is_cancelled();
        let [one, two, three] = [(); 3].map(|()| shakers.begin());
        drop(one);
        let four = shakers.begin();
        assert!(![&two, &three, &four].into_iter().any(given_up));
        let _five = shakers.begin();
        assert!(given_up(&two) && !given_up(&three));
        assert_eq!(shakers.open.len(), 3);
    }
}
