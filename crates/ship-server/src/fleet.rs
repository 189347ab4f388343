//! The running copies of one app.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ship_base::name::{InstanceId, ProcessName, ReleaseId};
use ship_project::plan::{Process, Role};
use ship_run::Keeper;
use ship_run::event::{Report, State};
use ship_run::spec::Address;
use tracing::{info, warn};

use crate::app::{App, Candidate, lock};
use crate::error::Error;
use crate::server::Server;
use crate::spec;

/// A running copy and its keeper.
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) of: Arc<Candidate>,
    pub(crate) generation: u32,
    keeper: Mutex<Arc<Keeper>>,
    /// The last address it was ready at.
    address: Mutex<Option<Address>>,
    /// Visitors are sent to it.
    serving: AtomicBool,
    /// It was asked to stop: its end is no surprise.
    leaving: AtomicBool,
}

impl Instance {
    /// A copy whose keeper is `keeper`.
    pub(crate) fn new(
        id: InstanceId,
        of: Arc<Candidate>,
        generation: u32,
        keeper: Arc<Keeper>,
    ) -> Arc<Self> {
        let address = Mutex::new(keeper.report().address);
        Arc::new(Self {
            id,
            of,
            generation,
            keeper: Mutex::new(keeper),
            address,
            serving: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
        })
    }

    /// The keeper as it last reported.
    pub(crate) fn report(&self) -> Report {
        self.keeper().report()
    }

    /// The keeper of today: a killed one is replaced.
    pub(crate) fn keeper(&self) -> Arc<Keeper> {
        lock(&self.keeper).clone()
    }

    /// The release it runs.
    pub(crate) fn release(&self) -> ReleaseId {
        self.of.release
    }

    /// The key under which the door counts its requests; new for every start of a generation.
    pub(crate) fn key(&self) -> String {
        format!("{}@{}#{}", self.id, self.release(), self.generation)
    }

    /// Where it was ready last. A report of the keeper may be newer than what `follow` has noted:
    /// who waited for readiness and swaps the routes at once must not miss it.
    pub(crate) fn address(&self) -> Option<Address> {
        let report = self.report();
        match report.state {
            State::Ready { .. } if report.address.is_some() => report.address,
            _ => self.noted(),
        }
    }

    /// The last address that went to the door.
    fn noted(&self) -> Option<Address> {
        lock(&self.address).clone()
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

    /// Whether it runs once, at its time.
    pub(crate) fn is_job(&self) -> bool {
        self.process()
            .is_some_and(|process| matches!(process.role, Role::Job { .. }))
    }

    /// Its end is no surprise, and it is not started again.
    pub(crate) fn expect_end(&self) {
        self.leaving.store(true, Ordering::SeqCst);
    }

    /// Stops it: SIGTERM, its grace, SIGKILL for the whole tree.
    pub(crate) async fn stop(&self) {
        self.expect_end();
        let grace = self
            .process()
            .map_or(Duration::from_secs(10), |process| process.grace);
        if let Err(error) = self.keeper().stop(grace).await {
            warn!(instance = %self.id, error = %ship_base::hint::chain(&error), "keeper did not stop");
        }
    }
}

/// The copies of an app, new and old.
#[derive(Default)]
pub(crate) struct Fleet {
    instances: Mutex<Vec<Arc<Instance>>>,
}

impl Fleet {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Instance>> {
        lock(&self.instances).clone()
    }

    /// Those that visitors or work are sent to.
    pub(crate) fn serving(&self) -> Vec<Arc<Instance>> {
        let mut serving = self.all();
        serving.retain(|instance| instance.is_serving());
        serving
    }

    /// Those of one process, or of all with `None`.
    pub(crate) fn serving_of(&self, process: Option<&ProcessName>) -> Vec<Arc<Instance>> {
        let mut serving = self.serving();
        serving.retain(|instance| process.is_none_or(|name| &instance.id.process == name));
        serving
    }

    /// Adds a copy.
    pub(crate) fn add(&self, instance: Arc<Instance>) {
        lock(&self.instances).push(instance);
    }

    /// Forgets a copy that has ended.
    pub(crate) fn remove(&self, instance: &Arc<Instance>) {
        lock(&self.instances).retain(|other| !Arc::ptr_eq(other, instance));
    }

    /// The releases that any copy runs.
    pub(crate) fn releases(&self) -> Vec<ReleaseId> {
        self.all()
            .iter()
            .map(|instance| instance.release())
            .collect()
    }
}

/// Starts the copy `index` of `process`, and watches it from then on.
pub(crate) async fn start(
    server: &Arc<Server>,
    app: &Arc<App>,
    of: &Arc<Candidate>,
    process: &Process,
    index: u32,
    generation: u32,
) -> Result<Arc<Instance>, Error> {
    let wanted = spec::Wanted {
        app,
        of,
        process,
        index,
        generation,
    };
    let spec = spec::of_instance(server, &wanted)?;
    ship_base::file::create_folder(&spec.keepers)?;
    let keeper = Keeper::start(&server.program, &spec).await?;
    info!(instance = %spec.instance, release = %spec.release, "started");
    let instance = Instance::new(spec.instance, of.clone(), generation, Arc::new(keeper));
    take_in(server, app, instance.clone());
    Ok(instance)
}

/// Adds a copy that runs, and watches it from then on.
pub(crate) fn take_in(server: &Arc<Server>, app: &Arc<App>, instance: Arc<Instance>) {
    app.fleet.add(instance.clone());
    server
        .tasks
        .spawn(watch(server.clone(), app.clone(), instance));
}

/// Follows a copy to its end: a new address goes to the door, a killed keeper is replaced.
async fn watch(server: Arc<Server>, app: Arc<App>, instance: Arc<Instance>) {
    loop {
        follow(&server, &instance).await;
        if instance.leaving.load(Ordering::SeqCst) {
            app.fleet.remove(&instance);
            return;
        }
        if server.stopping.is_cancelled() {
            return;
        }
        warn!(instance = %instance.id, "its keeper is gone; starting it anew");
        replace_keeper(&server, &app, &instance).await;
    }
}

/// Returns when the keeper is gone.
async fn follow(server: &Arc<Server>, instance: &Arc<Instance>) {
    let mut reports = instance.keeper().watch();
    loop {
        let Some(report) = reports.borrow_and_update().clone() else {
            return;
        };
        let ready = matches!(report.state, State::Ready { .. });
        if ready && report.address.is_some() && report.address != instance.noted() {
            *lock(&instance.address) = report.address;
            server.refresh_routes().await;
        }
        if reports.changed().await.is_err() {
            return;
        }
    }
}

/// Starts a keeper in place of one that was killed; tries for ever, a little slower each time.
async fn replace_keeper(server: &Arc<Server>, app: &Arc<App>, instance: &Arc<Instance>) {
    let mut pause = Duration::from_millis(100);
    loop {
        match start_keeper(server, app, instance).await {
            Ok(keeper) => {
                *lock(&instance.keeper) = Arc::new(keeper);
                return;
            }
            Err(error) => {
                let error = ship_base::hint::chain(&error);
                warn!(instance = %instance.id, error, "its keeper could not be started");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}

async fn start_keeper(
    server: &Arc<Server>,
    app: &Arc<App>,
    instance: &Instance,
) -> Result<Keeper, Error> {
    let process = instance
        .process()
        .ok_or(Error::Bug("an instance of no process"))?;
    let spec = spec::of_instance(
        server,
        &spec::Wanted {
            app,
            of: &instance.of,
            process,
            index: instance.id.index,
            generation: instance.generation,
        },
    )?;
    Ok(Keeper::start(&server.program, &spec).await?)
}
