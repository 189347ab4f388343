//! A running copy of a process, from its start to the end of its keeper.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ship_base::hint;
use ship_base::name::{InstanceId, ReleaseId};
use ship_project::plan::Process;
use ship_run::Keeper;
use ship_run::event::{Report, State};
use ship_run::spec::Address;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::app::lock;
use crate::candidate::Candidate;
use crate::job;
use crate::patience::Patience;

/// The grace of a copy whose process the plan does not have: systemd's and Docker's are of the
/// same order.
const GRACE: Duration = Duration::from_secs(10);

/// A running copy and its keeper.
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) of: Arc<Candidate>,
    pub(crate) generation: u32,
    keeper: Mutex<Arc<Keeper>>,
    /// Where the door was told to find it.
    address: Mutex<Option<Address>>,
    /// Visitors are sent to it.
    serving: AtomicBool,
    /// Fires when its end is no surprise any more, and it is not to be started again.
    pub(crate) leaving: CancellationToken,
    /// Fires when nothing of it is left and nothing will come: see `guard.rs`.
    pub(crate) over: CancellationToken,
}

impl Instance {
    /// A copy whose keeper is `keeper`.
    pub(crate) fn new(
        id: InstanceId,
        of: Arc<Candidate>,
        generation: u32,
        keeper: Arc<Keeper>,
    ) -> Arc<Self> {
        let instance = Self {
            id,
            of,
            generation,
            keeper: Mutex::new(keeper),
            address: Mutex::default(),
            serving: AtomicBool::new(false),
            leaving: CancellationToken::new(),
            over: CancellationToken::new(),
        };
        instance.note(instance.address());
        if instance.is_job() {
            instance.leaving.cancel();
        }
        Arc::new(instance)
    }

    /// The keeper as it last reported.
    pub(crate) fn report(&self) -> Report {
        self.keeper().report()
    }

    /// The keeper of today: a killed one is replaced.
    pub(crate) fn keeper(&self) -> Arc<Keeper> {
        lock(&self.keeper).clone()
    }

    /// Goes on with another keeper.
    pub(crate) fn change_keeper(&self, keeper: Keeper) {
        *lock(&self.keeper) = Arc::new(keeper);
    }

    /// The release it runs.
    pub(crate) fn release(&self) -> ReleaseId {
        self.of.release
    }

    /// The key under which the door counts its requests; new for every start of a generation.
    pub(crate) fn key(&self) -> String {
        format!("{}@{}#{}", self.id, self.release(), self.generation)
    }

    /// Where visitors can reach it. A report of the keeper may be newer than what the door was
    /// told: who waited for readiness and swaps the routes at once must not miss it.
    ///
    /// A socket belongs to it also while it is started again; a port that it does not hold may be
    /// another program's by now.
    pub(crate) fn address(&self) -> Option<Address> {
        let report = self.report();
        match report.state {
            State::Ready { .. } => report.address,
            _ => self
                .noted()
                .filter(|address| matches!(address, Address::Unix(_))),
        }
    }

    /// Where the door was told to find it.
    pub(crate) fn noted(&self) -> Option<Address> {
        lock(&self.address).clone()
    }

    /// Remembers where the door is told to find it.
    pub(crate) fn note(&self, address: Option<Address>) {
        *lock(&self.address) = address;
    }

    /// Whether visitors are sent to it.
    pub(crate) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::SeqCst)
    }

    /// Sends visitors to it, or no more.
    pub(crate) fn serve(&self, serving: bool) {
        self.serving.store(serving, Ordering::SeqCst);
    }

    /// The process of the plan that it is a copy of.
    pub(crate) fn process(&self) -> Option<&Process> {
        self.of.plan.process(&self.id.process)
    }

    /// Whether visitors can be sent to it at all.
    pub(crate) fn is_web(&self) -> bool {
        self.process().is_some_and(Process::is_web)
    }

    /// Whether it runs once, at its time.
    pub(crate) fn is_job(&self) -> bool {
        self.process().is_some_and(job::is_job)
    }

    /// How long it may take to finish what it has in hand.
    pub(crate) fn grace(&self) -> Duration {
        self.process().map_or(GRACE, |process| process.grace)
    }

    /// Stops it: SIGTERM, its grace, SIGKILL for the whole tree. Returns when nothing is left of it.
    pub(crate) async fn stop(&self, patience: &Patience) {
        self.leaving.cancel();
        self.stop_keeper(patience).await;
        // The guard may have been about to start another keeper; it stops that one too.
        self.over.cancelled().await;
    }

    /// Stops the keeper of today.
    pub(crate) async fn stop_keeper(&self, patience: &Patience) {
        let keeper = self.keeper();
        let stopped = patience.spend(self.grace(), |most| keeper.stop(most)).await;
        if let Err(error) = stopped {
            warn!(instance = %self.id, error = %hint::chain(&error), "its keeper did not stop");
        }
    }
}
