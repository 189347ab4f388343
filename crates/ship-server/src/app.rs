//! One app while the control process lives: whose turn it is, what is live, which copies run.

use std::sync::{Arc, Mutex, PoisonError};

use ship_base::clock::Moment;
use ship_base::count;
use ship_base::name::AppName;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio_util::sync::CancellationToken;

use crate::candidate::Candidate;
use crate::fleet::Fleet;
use crate::lease::Lease;
use crate::patience::Patience;
use crate::work::WorkingCopies;

/// An app that this process knows.
pub(crate) struct App {
    pub(crate) name: AppName,
    /// Its running copies.
    pub(crate) fleet: Fleet,
    /// Who is attached to it.
    pub(crate) lease: Lease,
    /// How long copies that leave may take.
    pub(crate) patience: Patience,
    /// The folders its releases run in.
    pub(crate) work: WorkingCopies,
    turn: Arc<tokio::sync::Mutex<()>>,
    holder: Mutex<Option<Holder>>,
    live: watch::Sender<Option<Arc<Candidate>>>,
    deploys: Mutex<CancellationToken>,
}

#[derive(Clone)]
struct Holder {
    verb: &'static str,
    since: Moment,
}

/// The right to change an app; freed by drop.
pub(crate) struct Turn {
    app: Arc<App>,
    _guard: OwnedMutexGuard<()>,
}

impl App {
    /// An app of which nothing runs yet.
    pub(crate) fn new(name: AppName) -> Self {
        Self {
            name,
            fleet: Fleet::default(),
            lease: Lease::default(),
            patience: Patience::default(),
            work: WorkingCopies::default(),
            turn: Arc::default(),
            holder: Mutex::new(None),
            live: watch::Sender::new(None),
            deploys: Mutex::default(),
        }
    }

    /// Who changes this app right now: `ship up, for 3 s`.
    pub(crate) fn busy(&self) -> Option<String> {
        let holder = lock(&self.holder).clone()?;
        Some(format!(
            "{}, for {}",
            holder.verb,
            count::duration(holder.since.elapsed())
        ))
    }

    /// Waits for the right to change this app, in the order of asking. `verb` is what others are
    /// told meanwhile.
    pub(crate) async fn turn(self: &Arc<Self>, verb: &'static str) -> Turn {
        let guard = self.turn.clone().lock_owned().await;
        self.taken(guard, verb)
    }

    /// The same where nobody changes it now.
    pub(crate) fn turn_if_free(self: &Arc<Self>, verb: &'static str) -> Option<Turn> {
        let guard = self.turn.clone().try_lock_owned().ok()?;
        Some(self.taken(guard, verb))
    }

    fn taken(self: &Arc<Self>, guard: OwnedMutexGuard<()>, verb: &'static str) -> Turn {
        *lock(&self.holder) = Some(Holder {
            verb,
            since: Moment::now(),
        });
        Turn {
            app: self.clone(),
            _guard: guard,
        }
    }

    /// What visitors reach.
    pub(crate) fn live(&self) -> Option<Arc<Candidate>> {
        self.live.borrow().clone()
    }

    /// Changes what visitors reach.
    pub(crate) fn set_live(&self, live: Option<Arc<Candidate>>) {
        self.live.send_replace(live);
    }

    /// Returns once visitors reach nothing any more.
    pub(crate) async fn ended(&self) {
        // The sender lives in `self`, so that the channel cannot close.
        let _ = self.live.subscribe().wait_for(Option::is_none).await;
    }

    /// Fires when the deploys that run or wait now are to give up.
    pub(crate) fn deploys(&self) -> CancellationToken {
        lock(&self.deploys).clone()
    }

    /// Ends the deploys that run or wait now: the app is to be stopped.
    pub(crate) fn interrupt(&self) {
        std::mem::take(&mut *lock(&self.deploys)).cancel();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *lock(&self.app.holder) = None;
    }
}

/// The guarded value; a holder that panicked leaves data that is whole, since every change under
/// these locks is a single assignment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> Arc<App> {
        Arc::new(App::new("blog".parse().unwrap()))
    }

    #[tokio::test]
    async fn one_changes_an_app_at_a_time_and_others_are_told_who() {
        let app = app();
        assert_eq!(app.busy(), None);
        let turn = app.turn("ship up").await;
        assert!(app.busy().unwrap().starts_with("ship up, for "));
        let waiting = tokio::spawn({
            let app = app.clone();
            async move { drop(app.turn("ship scale").await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(turn);
        waiting.await.unwrap();
        assert_eq!(app.busy(), None);
    }

    #[test]
    fn a_stop_ends_the_deploys_of_now_and_none_that_come_later() {
        let app = app();
        let (runs, waits) = (app.deploys(), app.deploys());
        app.interrupt();
        assert!(runs.is_cancelled() && waits.is_cancelled());
        assert!(!app.deploys().is_cancelled());
    }
}
