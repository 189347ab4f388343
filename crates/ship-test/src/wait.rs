//! Waiting for a condition with a deadline.

use std::time::{Duration, Instant};

/// Asks `condition` again and again until it holds; panics with `what` after `deadline`.
#[track_caller]
pub fn wait_until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    eventually(what, deadline, || condition().then_some(()));
}

/// Asks `attempt` again and again until it gives a value; panics with `what` after `deadline`.
#[track_caller]
pub fn eventually<T>(what: &str, deadline: Duration, mut attempt: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(
            began.elapsed() < deadline,
            "not within {deadline:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
