//! The stop ladder: SIGTERM, a grace, SIGKILL for everything below the keeper, until nothing is left.
//!
//! SIGTERM goes to the program alone at first, not to its process group: a server with workers
//! stops them itself, in its own order, and a pool such as Celery's loses the task in hand when its
//! children are signalled behind its back. What is left when the program has ended (a shell's
//! children, what forked itself away) gets its own SIGTERM and the rest of the grace.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::{self, ProcessKey};

/// How often the tree is looked at while it should be ending.
const LOOK: Duration = Duration::from_millis(20);

/// The way down.
#[derive(Debug)]
pub(super) struct Ladder {
    /// From here on everything is killed.
    kill_at: Instant,
    look_at: Instant,
    /// What was left behind has had its SIGTERM.
    told: bool,
}

impl Ladder {
    /// Everything below gets `grace` from now.
    pub(super) fn new(grace: Duration) -> Self {
        let now = Instant::now();
        Self {
            kill_at: now + grace,
            look_at: now,
            told: false,
        }
    }

    /// A later, shorter grace counts; a longer one does not.
    pub(super) fn shorten(&mut self, grace: Duration) {
        self.kill_at = self.kill_at.min(Instant::now() + grace);
    }

    /// While the program itself still runs: kills when the grace is over. Returns whether it did.
    pub(super) fn await_program(&mut self, keeper: ProcessKey) -> bool {
        let now = Instant::now();
        if now < self.kill_at || now < self.look_at {
            return false;
        }
        self.look_at = now + LOOK;
        signal_all(&process::descendants(keeper.pid), Signal::KILL);
        true
    }

    /// After the program's end: whether nothing is left below the keeper.
    pub(super) fn await_rest(&mut self, keeper: ProcessKey) -> bool {
        let left = process::descendants(keeper.pid);
        if left.is_empty() {
            return true;
        }
        let now = Instant::now();
        self.look_at = now + LOOK;
        if now >= self.kill_at {
            signal_all(&left, Signal::KILL);
        } else if !self.told {
            self.told = true;
            signal_all(&left, Signal::TERM);
            // A stopped process hears SIGTERM only when it goes on.
            signal_all(&left, Signal::CONT);
        }
        false
    }

    /// When to look again while the program runs, or after its end.
    pub(super) fn next(&self, program_runs: bool) -> Instant {
        if program_runs {
            self.kill_at.max(self.look_at)
        } else {
            self.look_at
        }
    }
}

fn signal_all(keys: &[ProcessKey], signal: Signal) {
    for key in keys {
        key.signal(signal);
    }
}
