//! An app that was brought up without `--detach` lives as long as somebody is attached to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// How long an app may be without anybody: who brings it up attaches once it is live, and when the
/// control process was killed the attached `ship up` starts another and attaches anew.
pub(crate) const ALONE: Duration = Duration::from_secs(10);

/// Who is attached to an app.
#[derive(Default)]
pub(crate) struct Lease {
    attached: watch::Sender<usize>,
    watched: Arc<AtomicBool>,
    /// How often somebody asked for it to be watched.
    asked: AtomicU64,
}

/// One attached caller; gone when dropped.
pub(crate) struct Attached(watch::Sender<usize>);

/// The right to watch a lease; free again when dropped.
pub(crate) struct Watch(Arc<AtomicBool>);

impl Lease {
    /// Attaches a caller.
    pub(crate) fn attach(&self) -> Attached {
        self.attached.send_modify(|count| *count += 1);
        Attached(self.attached.clone())
    }

    /// Asks for the lease to be watched, from now on for [`ALONE`] at least: the caller is to do it,
    /// unless somebody does already.
    pub(crate) fn watch(&self) -> Option<Watch> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let is_watched = self.watched.swap(true, Ordering::SeqCst);
        (!is_watched).then(|| Watch(self.watched.clone()))
    }

    /// Changes whenever somebody asks for the lease to be watched.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Whether anybody is attached.
    pub(crate) fn is_held(&self) -> bool {
        *self.attached.borrow() > 0
    }

    /// Returns once the last caller has gone.
    pub(crate) async fn freed(&self) {
        let mut attached = self.attached.subscribe();
        // The sender lives in `self`, so that the channel cannot close.
        let _ = attached.wait_for(|count| *count == 0).await;
    }

    /// Waits for a caller, at most [`ALONE`]; whether one came.
    pub(crate) async fn taken(&self) -> bool {
        let mut attached = self.attached.subscribe();
        let taken = attached.wait_for(|count| *count > 0);
        tokio::time::timeout(ALONE, taken).await.is_ok()
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_app_nobody_comes_back_to_is_given_up() {
        let lease = Lease::default();
        assert!(!lease.taken().await);
        let attached = lease.attach();
        assert!(lease.taken().await);
        drop(attached);
        lease.freed().await;
        assert!(!lease.taken().await);
    }

    #[test]
    fn one_watches_a_lease_and_hears_of_those_who_would() {
        let lease = Lease::default();
        let watch = lease.watch().unwrap();
        let asked = lease.asked();
        assert!(lease.watch().is_none());
        assert_ne!(lease.asked(), asked);
        drop(watch);
        assert!(lease.watch().is_some());
    }
}
