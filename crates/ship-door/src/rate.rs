//! How often one address may ask for a route.
//!
//! Each address has a moment up to which its requests are paid for; every request moves it on by the
//! time that one is worth, and one that would move it further than a whole period into the future is
//! refused (the generic cell rate algorithm). So a burst of a whole period's requests passes, and
//! after it the steady pace.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::crowd::household;

/// Parts of the count by address, so that cores hardly ever wait for one another.
const PARTS: usize = 16;

/// Addresses that one part remembers: about 1 MiB for all parts of a route.
const MOST: usize = 1024;

/// See the module. Shared by all cores, and by the tables in which its rule stands unchanged.
#[derive(Debug)]
pub(crate) struct Rate {
    /// What one request is worth.
    each: Duration,
    /// How far ahead an address may be.
    period: Duration,
    hasher: RandomState,
    parts: [Mutex<HashMap<IpAddr, Instant>>; PARTS],
}

impl Rate {
    /// So many requests in a period, for each address (of IPv6: for each /64). `None` where that is
    /// no rate.
    pub(crate) fn new(requests: u32, period: Duration) -> Option<Self> {
        let each = period.checked_div(requests)?;
        (!each.is_zero()).then(|| Self {
            each,
            period,
            hasher: RandomState::new(),
            parts: Default::default(),
        })
    }

    /// Whether both allow the same.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        (self.each, self.period) == (other.each, other.period)
    }

    /// How long to wait where one more would be one too many; counts nothing.
    pub(crate) fn look(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let from = household(from);
        let part = &self.parts[self.hasher.hash_one(from) as usize % PARTS];
        let paid = part.lock().unwrap_or_else(PoisonError::into_inner);
        self.until(&paid, from, now).map(|_| ())
    }

    /// Counts a request; how long to wait where it is one too many.
    pub(crate) fn take(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let from = household(from);
        let part = &self.parts[self.hasher.hash_one(from) as usize % PARTS];
        let mut paid = part.lock().unwrap_or_else(PoisonError::into_inner);
        let until = self.until(&paid, from, now)?;
        make_room(&mut paid, from, now);
        paid.insert(from, until);
        Ok(())
    }

    /// Up to when an address would have paid with one request more.
    fn until(
        &self,
        paid: &HashMap<IpAddr, Instant>,
        from: IpAddr,
        now: Instant,
    ) -> Result<Instant, Duration> {
        let until = paid.get(&from).map_or(now, |until| (*until).max(now)) + self.each;
        let beyond = (until - now).saturating_sub(self.period);
        if beyond.is_zero() {
            Ok(until)
        } else {
            Err(beyond)
        }
    }
}

/// Forgets who owes nothing; where everybody does, the one who owes least, who loses least by it.
fn make_room(paid: &mut HashMap<IpAddr, Instant>, newcomer: IpAddr, now: Instant) {
    if paid.len() < MOST || paid.contains_key(&newcomer) {
        return;
    }
    paid.retain(|_, until| *until > now);
    if paid.len() >= MOST
        && let Some(least) = paid.iter().min_by_key(|(_, until)| **until)
    {
        let least = *least.0;
        paid.remove(&least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(10);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_of_a_whole_period_passes_and_then_the_steady_pace() {
        let (rate, now) = (Rate::new(5, PERIOD).unwrap(), Instant::now());
        let visitor = address("192.0.2.1");
        for _ in 0..5 {
            assert_eq!(rate.take(visitor, now), Ok(()));
        }
        let wait = Duration::from_secs(2);
        assert_eq!(rate.take(visitor, now), Err(wait));
        // What was refused costs nothing.
        assert_eq!(rate.take(visitor, now), Err(wait));
        assert_eq!(rate.take(visitor, now + wait), Ok(()));
        assert_eq!(rate.take(visitor, now + wait), Err(wait));
        assert_eq!(rate.take(address("192.0.2.2"), now), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_visitor() {
        let (rate, now) = (Rate::new(1, PERIOD).unwrap(), Instant::now());
        assert_eq!(rate.take(address("2001:db8::1"), now), Ok(()));
        assert!(rate.take(address("2001:db8::2"), now).is_err());
        assert_eq!(rate.take(address("2001:db8:0:1::1"), now), Ok(()));
    }

    #[test]
    fn however_many_ask_memory_is_bounded_and_who_asked_most_is_not_forgotten() {
        let (rate, now) = (Rate::new(2, PERIOD).unwrap(), Instant::now());
        let greedy = address("192.0.2.1");
        assert_eq!(rate.take(greedy, now), Ok(()));
        assert_eq!(rate.take(greedy, now), Ok(()));
        for number in 0..30_000 {
            let other = IpAddr::from((0x0a00_0000_u32 + number).to_be_bytes());
            assert_eq!(rate.take(other, now), Ok(()));
        }
        let kept = rate.parts.iter().map(|part| part.lock().unwrap().len());
        assert!(kept.max().unwrap() <= MOST);
        assert!(rate.take(greedy, now).is_err());
    }

    #[test]
    fn what_is_no_rate_is_none() {
        assert!(Rate::new(0, PERIOD).is_none());
        assert!(Rate::new(5, Duration::ZERO).is_none());
    }
}
