//! The counts of an app on each core, and what its budget says of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use ship_base::name::AppName;
use tokio::time::Instant;

use crate::traffic::brake::Brake;

/// Bytes each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// To visitors.
    pub(crate) sent: u64,
    /// From visitors.
    pub(crate) received: u64,
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            received: self.received + other.received,
        }
    }
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            sent: self.sent - other.sent,
            received: self.received - other.received,
        }
    }
}

/// What is done with an app's visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// Nothing.
    Free,
    /// Their answers go out slowly.
    Slowed,
    /// They see a page; what was under way goes on slowly.
    Paused,
}

/// Shared by the tallies of an app.
#[derive(Debug)]
struct Standing {
    state: AtomicU8,
    brake: Brake,
}

impl Standing {
    fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            0 => State::Free,
            1 => State::Slowed,
            _ => State::Paused,
        }
    }
}

/// The counts of an app on one core. That core alone writes them and counts the references to it; it
/// has its cache lines to itself (two, since processors fetch them in pairs).
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Tally {
    sent: AtomicU64,
    received: AtomicU64,
    standing: Arc<Standing>,
}

impl Tally {
    pub(crate) fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether answers go out slowly.
    pub(crate) fn is_slow(&self) -> bool {
        self.standing.state() != State::Free
    }

    /// When these bytes may go, behind all that waits.
    pub(crate) fn queue(&self, bytes: usize) -> Instant {
        let now = Instant::now();
        if self.is_slow() {
            self.standing.brake.queue(bytes, now)
        } else {
            now
        }
    }
}

/// The counts of an app; shared by all cores.
#[derive(Debug)]
pub(crate) struct Meter {
    standing: Arc<Standing>,
    /// By core.
    tallies: Box<[Arc<Tally>]>,
}

impl Meter {
    fn new(cores: usize, pace: u32) -> Self {
        let standing = Arc::new(Standing {
            state: AtomicU8::new(State::Free as u8),
            brake: Brake::new(pace),
        });
        let tally = |_| {
            Arc::new(Tally {
                sent: AtomicU64::new(0),
                received: AtomicU64::new(0),
                standing: standing.clone(),
            })
        };
        Self {
            tallies: (0..cores).map(tally).collect(),
            standing,
        }
    }

    /// The counts of one core.
    pub(crate) fn tally(&self, core: usize) -> &Arc<Tally> {
        &self.tallies[core]
    }

    pub(crate) fn state(&self) -> State {
        self.standing.state()
    }

    pub(crate) fn set(&self, state: State) {
        self.standing.state.store(state as u8, Ordering::Relaxed);
    }

    /// How long what is asked for now would wait; none where that is short enough to wait for.
    pub(crate) fn is_crowded(&self) -> Option<Duration> {
        self.standing.brake.is_crowded(Instant::now())
    }

    /// What all cores have counted so far.
    pub(crate) fn counts(&self) -> Counts {
        let each = self.tallies.iter().map(|tally| Counts {
            sent: tally.sent.load(Ordering::Relaxed),
            received: tally.received.load(Ordering::Relaxed),
        });
        each.fold(Counts::default(), Add::add)
    }

    fn is_used(&self) -> bool {
        self.tallies.iter().any(|it| Arc::strong_count(it) > 1)
    }
}

/// The meters of all apps; owned by the door's main thread.
#[derive(Debug)]
pub(crate) struct Meters {
    cores: usize,
    pace: u32,
    all: RefCell<BTreeMap<AppName, Arc<Meter>>>,
}

impl Meters {
    /// `pace`: bytes a second for all answers of an app that is slowed.
    pub(crate) fn new(cores: usize, pace: u32) -> Self {
        Self {
            cores: cores.max(1),
            pace,
            all: RefCell::default(),
        }
    }

    /// The meter of an app: the same as long as anybody has it.
    pub(crate) fn get(&self, app: &AppName) -> Arc<Meter> {
        let mut all = self.all.borrow_mut();
        let meter = all.entry(app.clone());
        meter
            .or_insert_with(|| Arc::new(Meter::new(self.cores, self.pace)))
            .clone()
    }

    pub(super) fn of(&self, app: &AppName) -> Option<Arc<Meter>> {
        self.all.borrow().get(app).cloned()
    }

    /// Forgets the meter of an app that no table names and nobody counts with any more; true where it
    /// is gone.
    pub(super) fn forget_if_unused(&self, app: &AppName) -> bool {
        let mut all = self.all.borrow_mut();
        let is_used = |meter: &Arc<Meter>| Arc::strong_count(meter) > 1 || meter.is_used();
        if all.get(app).is_some_and(is_used) {
            return false;
        }
        all.remove(app);
        true
    }
}

/// One core, for tests that count nothing.
#[cfg(test)]
impl Default for Meters {
    fn default() -> Self {
        Self::new(1, 1)
    }
}
