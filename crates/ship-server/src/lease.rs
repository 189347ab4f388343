//! An app that was brought up without `--detach` lives as long as somebody is attached to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// How long an app may be without anybody: a control process that was killed is started again by
/// the attached `ship up`, which then attaches anew.
pub(crate) const ALONE: Duration = Duration::from_secs(10);

/// Who is attached to an app.
#[derive(Default)]
pub(crate) struct Lease {
    attached: watch::Sender<usize>,
    guarded: AtomicBool,
}

/// One attached caller; gone when dropped.
pub(crate) struct Attached(watch::Sender<usize>);

impl Lease {
    /// Attaches a caller.
    pub(crate) fn attach(&self) -> Attached {
        self.attached.send_modify(|count| *count += 1);
        Attached(self.attached.clone())
    }

    /// Whether the caller is the one to watch the lease; nobody else is until [`Lease::unguard`].
    pub(crate) fn guard(&self) -> bool {
        !self.guarded.swap(true, Ordering::SeqCst)
    }

    /// The watch is over.
    pub(crate) fn unguard(&self) {
        self.guarded.store(false, Ordering::SeqCst);
    }

    /// Whether anybody is attached.
    pub(crate) fn is_held(&self) -> bool {
        *self.attached.borrow() > 0
    }

    /// Returns once the last caller has gone.
    pub(crate) async fn freed(&self) {
        // The sender lives in `self`, so that the channel cannot close.
        let _ = self
            .attached
            .subscribe()
            .wait_for(|count| *count == 0)
            .await;
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
    }
}
