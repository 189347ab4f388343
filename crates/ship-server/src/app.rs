//! One app while the control process lives: whose turn it is, what is live, which copies run.

use std::sync::{Arc, Mutex, PoisonError};

use ship_base::clock::Moment;
use ship_base::count;
use ship_base::hash::{ContentHash, Hasher};
use ship_base::name::{AppName, ReleaseId};
use ship_project::plan::Plan;
use tokio::sync::watch;

use crate::environment::Variables;
use crate::error::Error;
use crate::fleet::Fleet;
use crate::lease::Lease;
use crate::server::Server;

/// An app that this process knows.
pub(crate) struct App {
    pub(crate) name: AppName,
    /// Its running copies.
    pub(crate) fleet: Fleet,
    /// Who is attached to it.
    pub(crate) lease: Lease,
    turn: tokio::sync::Mutex<()>,
    holder: Mutex<Option<Holder>>,
    live: watch::Sender<Option<Arc<Candidate>>>,
}

/// A release with the settings it runs with.
pub(crate) struct Candidate {
    pub(crate) release: ReleaseId,
    pub(crate) plan: Plan,
    pub(crate) settings: Variables,
}

impl Candidate {
    /// A release as it would run now: its plan and the settings of today.
    pub(crate) fn of(server: &Server, app: &AppName, release: ReleaseId) -> Result<Self, Error> {
        let plan = server.plan(app, release)?;
        let settings = server.settings(app, &plan)?.merged();
        Ok(Self {
            release,
            plan,
            settings,
        })
    }

    /// An address of the settings: tells whether a running copy has the ones of today.
    pub(crate) fn fingerprint(&self) -> ContentHash {
        fingerprint(&self.settings)
    }
}

/// The address of a set of variables.
pub(crate) fn fingerprint(variables: &Variables) -> ContentHash {
    let mut hasher = Hasher::new();
    for (name, value) in variables {
        hasher.field(name).field(value.reveal());
    }
    hasher.finish()
}

#[derive(Clone)]
struct Holder {
    verb: &'static str,
    since: Moment,
}

/// The right to change an app; freed by drop.
pub(crate) struct Turn<'a> {
    app: &'a App,
    _guard: tokio::sync::MutexGuard<'a, ()>,
}

impl App {
    /// An app of which nothing runs yet.
    pub(crate) fn new(name: AppName) -> Self {
        Self {
            name,
            fleet: Fleet::default(),
            lease: Lease::default(),
            turn: tokio::sync::Mutex::new(()),
            holder: Mutex::new(None),
            live: watch::Sender::new(None),
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

    /// Waits for the right to change this app. `verb` is what others are told meanwhile.
    pub(crate) async fn turn(&self, verb: &'static str) -> Turn<'_> {
        let guard = self.turn.lock().await;
        *lock(&self.holder) = Some(Holder {
            verb,
            since: Moment::now(),
        });
        Turn {
            app: self,
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
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.app.holder) = None;
    }
}

/// The guarded value; a holder that panicked leaves data that is whole, since every change under
/// these locks is a single assignment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
