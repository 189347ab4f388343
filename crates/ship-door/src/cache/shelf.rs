//! The answers of one app, in memory, up to a size; and which are being fetched.
//!
//! Room is made by the clock algorithm: what was used since it was last looked at stays for another
//! round. Answers asked for once do not push out those that are asked for often.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use hyper::HeaderMap;

use crate::cache::entry::{Entry, Key};
use crate::cache::flight::Flight;

/// Bytes that one app's answers may take.
pub(crate) const CAPACITY: usize = 32 << 20;

/// The most answers to one address; more languages and browsers push out the oldest.
const VARIANTS: usize = 32;

/// See the module.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// By path and query.
    entries: HashMap<Box<str>, Vec<Arc<Entry>>>,
    /// The hand of the clock is at its front. What was taken off the shelf is dead here.
    order: VecDeque<Weak<Entry>>,
    bytes: usize,
    capacity: usize,
    flights: HashMap<Key, Arc<Flight>>,
}

impl Shelf {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            capacity,
            flights: HashMap::new(),
        }
    }

    /// The newest answer to a request, however old.
    pub(crate) fn find(&self, key: &Key, headers: &HeaderMap) -> Option<Arc<Entry>> {
        let entries = self.entries.get(&key.target)?;
        let found = entries.iter().rev().find(|one| one.fits(key, headers))?;
        found.used.store(true, Ordering::Relaxed);
        Some(found.clone())
    }

    /// Keeps an answer in the place of those that it replaces.
    pub(crate) fn put(&mut self, entry: Arc<Entry>) {
        if entry.size() > self.capacity {
            return;
        }
        let target = entry.key.target.clone();
        self.take_off(&target, |other| {
            other.key == entry.key && other.varies == entry.varies
        });
        let siblings = self
            .entries
            .get(&target)
            .filter(|all| all.len() >= VARIANTS);
        if let Some(oldest) = siblings.map(|all| all[0].clone()) {
            self.take_off(&target, |other| std::ptr::eq(other, &raw const *oldest));
        }
        // Before it stands there itself: it has had no time to be used.
        self.make_room(entry.size());
        self.bytes += entry.size();
        self.order.push_back(Arc::downgrade(&entry));
        self.entries.entry(target).or_default().push(entry);
    }

    fn make_room(&mut self, bytes: usize) {
        while self.bytes + bytes > self.capacity {
            let Some(next) = self.order.pop_front() else {
                return;
            };
            let Some(entry) = next.upgrade() else {
                continue;
            };
            if entry.used.swap(false, Ordering::Relaxed) {
                self.order.push_back(next);
            } else {
                let target = entry.key.target.clone();
                self.take_off(&target, |other| std::ptr::eq(other, &raw const *entry));
            }
        }
        if self.order.len() > 64 + 2 * self.entries.len() * VARIANTS {
            self.order.retain(|entry| entry.strong_count() > 0);
        }
    }

    fn take_off(&mut self, target: &str, goes: impl Fn(&Entry) -> bool) -> usize {
        let Some(entries) = self.entries.get_mut(target) else {
            return 0;
        };
        let before = entries.len();
        let bytes = &mut self.bytes;
        entries.retain(|entry| {
            let goes = goes(entry);
            *bytes -= if goes { entry.size() } else { 0 };
            !goes
        });
        let gone = before - entries.len();
        if entries.is_empty() {
            self.entries.remove(target);
        }
        gone
    }

    /// Forgets every answer to a path and query.
    pub(crate) fn forget(&mut self, target: &str) {
        self.take_off(target, |_| true);
    }

    /// Forgets the answers to every address that `is_meant`; gives how many.
    pub(crate) fn forget_all(&mut self, is_meant: impl Fn(&str) -> bool) -> usize {
        let meant = self.entries.keys().filter(|target| is_meant(target));
        let meant: Vec<_> = meant.cloned().collect();
        meant
            .iter()
            .map(|target| self.take_off(target, |_| true))
            .sum()
    }

    pub(crate) fn flights(&mut self) -> &mut HashMap<Key, Arc<Flight>> {
        &mut self.flights
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::entry::tests::{entry, key};
    use proptest::prelude::*;

    fn holds(shelf: &Shelf, target: &str) -> bool {
        shelf.find(&key(target), &HeaderMap::new()).is_some()
    }

    #[tokio::test]
    async fn a_new_answer_takes_the_place_of_the_old() {
        let mut shelf = Shelf::new(CAPACITY);
        shelf.put(Arc::new(entry("/", b"old")));
        shelf.put(Arc::new(entry("/", b"new")));
        let found = shelf.find(&key("/"), &HeaderMap::new()).unwrap();
        assert_eq!(&found.body[..], b"new");
        shelf.forget("/");
        assert!(shelf.is_empty());
        assert_eq!(shelf.bytes, 0);
    }

    #[tokio::test]
    async fn what_is_used_outlives_what_was_asked_for_once() {
        let one = entry("/used", b"x").size();
        let mut shelf = Shelf::new(one * 4);
        shelf.put(Arc::new(entry("/used", b"x")));
        for n in 0..20 {
            assert!(holds(&shelf, "/used"), "{n}");
            shelf.put(Arc::new(entry(&format!("/{n:04}"), b"x")));
        }
        assert!(!holds(&shelf, "/0000"));
    }

    proptest! {
        #[test]
        fn the_size_is_kept_whatever_comes(
            targets in prop::collection::vec((0u8..40, any::<bool>(), any::<bool>()), 1..200)
        ) {
            let mut shelf = Shelf::new(entry("/00", b"x").size() * 10);
            for (target, looks, forgets) in targets {
                let target = format!("/{target:02}");
                if looks {
                    holds(&shelf, &target);
                } else if forgets {
                    shelf.forget(&target);
                } else {
                    shelf.put(Arc::new(entry(&target, b"x")));
                    prop_assert!(holds(&shelf, &target));
                }
                let all = shelf.entries.values().flatten();
                let bytes: usize = all.map(|entry| entry.size()).sum();
                prop_assert_eq!(bytes, shelf.bytes);
                prop_assert!(bytes <= shelf.capacity);
            }
        }
    }
}
