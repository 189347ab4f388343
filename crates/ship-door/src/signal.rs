//! Something that happens once on a core, for the many connections that wait for it.
//!
//! Each is woken for its own reasons all the time, and asks each time. A token that any thread may fire
//! takes a lock for the question; this one belongs to its core, and a question is a look.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    fired: Cell<bool>,
    waiting: RefCell<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    wakers: Vec<Option<Waker>>,
    /// Places of `wakers` that nobody has.
    free: Vec<usize>,
}

impl Signal {
    /// Fires it: for those that wait, and for all that come later.
    pub(crate) fn fire(&self) {
        self.fired.set(true);
        // Whoever is woken may do anything to us at once.
        let wakers = std::mem::take(&mut self.waiting.borrow_mut().wakers);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Ready once it has fired.
    pub(crate) fn fired(&self) -> Fired<'_> {
        Fired {
            signal: self,
            place: None,
        }
    }
}

/// See [`Signal::fired`].
#[derive(Debug)]
pub(crate) struct Fired<'s> {
    signal: &'s Signal,
    place: Option<usize>,
}

impl Future for Fired<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.signal.fired.get() {
            return Poll::Ready(());
        }
        let waiting = &mut *self.signal.waiting.borrow_mut();
        let place = *self.place.get_or_insert_with(|| waiting.place());
        match &mut waiting.wakers[place] {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl Waiting {
    fn place(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        })
    }
}

impl Drop for Fired<'_> {
    fn drop(&mut self) {
        let waiting = &mut *self.signal.waiting.borrow_mut();
        // None where it has fired: all of them are gone.
        if let Some(place) = self.place
            && let Some(waker) = waiting.wakers.get_mut(place)
        {
            *waker = None;
            waiting.free.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn all_that_wait_are_woken_once_and_who_left_is_not() {
        let signal = Signal::default();
        let counts: [Arc<Count>; 3] = Default::default();
        let wakers = counts.clone().map(Waker::from);
        let [one, two, three] = &wakers;
        let mut first = pin!(signal.fired());
        assert!(
            first
                .as_mut()
                .poll(&mut Context::from_waker(one))
                .is_pending()
        );
        // Moved to another task: that one is woken.
        assert!(
            first
                .as_mut()
                .poll(&mut Context::from_waker(two))
                .is_pending()
        );
        {
            let mut left = pin!(signal.fired());
            assert!(
                left.as_mut()
                    .poll(&mut Context::from_waker(one))
                    .is_pending()
            );
        }
        let mut later = pin!(signal.fired());
        assert!(
            later
                .as_mut()
                .poll(&mut Context::from_waker(three))
                .is_pending()
        );
        // The place of who left was taken again.
        assert_eq!(signal.waiting.borrow().wakers.len(), 2);
        signal.fire();
        let woken = counts
            .each_ref()
            .map(|count| count.0.load(Ordering::Relaxed));
        assert_eq!(woken, [0, 1, 1]);
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_ready());
        assert!(pin!(signal.fired()).poll(&mut context).is_ready());
    }
}
