//! What the next turn waits for: descriptors and the earliest of several moments.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Everything that may wake the keeper.
#[derive(Default)]
pub(super) struct Wake<'a> {
    descriptors: Vec<PollFd<'a>>,
    at: Option<Instant>,
}

impl<'a> Wake<'a> {
    /// When `descriptor` can be read.
    pub(super) fn on_read(&mut self, descriptor: BorrowedFd<'a>) {
        self.descriptors
            .push(PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
    }

    /// When `descriptor` can be written.
    pub(super) fn on_write(&mut self, descriptor: BorrowedFd<'a>) {
        self.descriptors
            .push(PollFd::from_borrowed_fd(descriptor, PollFlags::OUT));
    }

    /// At `moment`, or earlier.
    pub(super) fn at(&mut self, moment: Instant) {
        self.at = Some(self.at.map_or(moment, |at| at.min(moment)));
    }

    /// Waits. Every wait is followed by a look at everything, so an interrupted one is as good.
    pub(super) fn wait(mut self, now: Instant) {
        let timeout = self.at.map(|at| at.saturating_duration_since(now));
        let timeout = timeout.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        let _ = poll(&mut self.descriptors, timeout.as_ref());
    }
}
