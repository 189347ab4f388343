//! How many visitors there may be at once: in all, and from one address.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Parts of the count by address, so that cores hardly ever wait for one another.
const PARTS: usize = 16;

/// Shared by all cores.
#[derive(Debug)]
pub(crate) struct Crowd {
    room: Arc<Semaphore>,
    most_each: Option<u32>,
    hasher: RandomState,
    parts: [Mutex<HashMap<IpAddr, u32>>; PARTS],
}

/// One connection's place; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _room: OwnedSemaphorePermit,
    counted: Option<(Arc<Crowd>, IpAddr)>,
}

impl Crowd {
    /// `most_each`: from one address; none where all visitors are on this machine.
    pub(crate) fn new(most: usize, most_each: Option<u32>) -> Arc<Self> {
        Arc::new(Self {
            room: Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))),
            most_each,
            hasher: RandomState::new(),
            parts: Default::default(),
        })
    }

    /// Waits until there is room for one more. Meanwhile nothing is accepted: who comes waits in the
    /// kernel's queue.
    pub(crate) async fn room(&self) -> OwnedSemaphorePermit {
        let room = self.room.clone().acquire_owned().await;
        room.expect("nobody closes the semaphore")
    }

    /// Room for one more, if there is.
    pub(crate) fn room_now(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_owned().ok()
    }

    /// A place for a visitor; `None` when there are too many from its address.
    pub(crate) fn place(
        self: &Arc<Self>,
        room: OwnedSemaphorePermit,
        from: IpAddr,
    ) -> Option<Place> {
        let Some(most) = self.most_each else {
            let counted = None;
            return Some(Place {
                _room: room,
                counted,
            });
        };
        let from = household(from);
        let mut part = self
            .part(from)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = part.entry(from).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        let counted = Some((self.clone(), from));
        Some(Place {
            _room: room,
            counted,
        })
    }

    fn part(&self, from: IpAddr) -> &Mutex<HashMap<IpAddr, u32>> {
        &self.parts[self.hasher.hash_one(from) as usize % PARTS]
    }

    fn leave(&self, from: IpAddr) {
        let mut part = self
            .part(from)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = part.get_mut(&from) {
            *count -= 1;
            if *count == 0 {
                part.remove(&from);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((crowd, from)) = self.counted.take() {
            crowd.leave(from);
        }
    }
}

/// What counts as one address: an IPv6 customer has at least a /64 (RFC 6177).
pub(crate) fn household(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn come(crowd: &Arc<Crowd>, from: &str) -> Option<Place> {
        crowd.place(crowd.room().await, from.parse().unwrap())
    }

    #[tokio::test]
    async fn one_address_has_so_many_places_and_leaves_the_others_theirs() {
        let crowd = Crowd::new(10, Some(2));
        let first = come(&crowd, "192.0.2.1").await;
        let second = come(&crowd, "::ffff:192.0.2.1").await;
        assert!(first.is_some() && second.is_some());
        assert!(come(&crowd, "192.0.2.1").await.is_none());
        assert!(come(&crowd, "192.0.2.2").await.is_some());
        drop(first);
        assert!(come(&crowd, "192.0.2.1").await.is_some());
    }

    #[tokio::test]
    async fn a_household_of_ipv6_is_one_address() {
        let crowd = Crowd::new(10, Some(1));
        let first = come(&crowd, "2001:db8::1").await;
        assert!(first.is_some());
        assert!(come(&crowd, "2001:db8::2").await.is_none());
        assert!(come(&crowd, "2001:db8:0:1::2").await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_places_are_taken_the_next_waits_for_one() {
        let crowd = Crowd::new(1, None);
        let place = come(&crowd, "192.0.2.1").await;
        let wait = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(wait, crowd.room()).await.is_err());
        drop(place);
        assert!(tokio::time::timeout(wait, crowd.room()).await.is_ok());
    }
}
