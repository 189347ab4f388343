//! Where a power cut is tried: between any two steps that the disk sees.
//!
//! Outside of tests a point is nothing at all. In a test, the point that [`at`] chose unwinds like
//! a panic, and what would tidy up on the way, in `Drop`, leaves everything as it stands: so does
//! the kernel when a process is killed.

#[cfg(not(test))]
pub(crate) fn point() {}

#[cfg(not(test))]
pub(crate) fn struck() -> bool {
    false
}

#[cfg(test)]
pub(crate) use under_test::{at, point, struck};

#[cfg(test)]
mod under_test {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    #[derive(Clone, Copy, PartialEq)]
    enum Fate {
        Spared,
        After(u32),
        Struck,
    }

    thread_local! {
        static FATE: Cell<Fate> = const { Cell::new(Fate::Spared) };
    }

    struct Struck;

    pub(crate) fn point() {
        match FATE.get() {
            Fate::After(0) => {
                FATE.set(Fate::Struck);
                // Not `panic!`, which would print.
                resume_unwind(Box::new(Struck));
            }
            Fate::After(points) => FATE.set(Fate::After(points - 1)),
            Fate::Spared | Fate::Struck => {}
        }
    }

    pub(crate) fn struck() -> bool {
        FATE.get() == Fate::Struck
    }

    /// Runs `steps` up to the given point, if they come that far; whether they came to their end.
    pub(crate) fn at(point: u32, steps: impl FnOnce()) -> bool {
        FATE.set(Fate::After(point));
        let outcome = catch_unwind(AssertUnwindSafe(steps));
        FATE.set(Fate::Spared);
        match outcome {
            Err(payload) if !payload.is::<Struck>() => resume_unwind(payload),
            outcome => outcome.is_ok(),
        }
    }
}
