//! The running copies of one app.

use std::sync::{Arc, Mutex};

use ship_base::name::{ProcessName, ReleaseId};
use ship_project::plan::Process;
use ship_run::Keeper;
use tracing::info;

use crate::app::{App, lock};
use crate::candidate::Candidate;
use crate::error::Error;
use crate::guard::guard;
use crate::instance::Instance;
use crate::server::Server;
use crate::spec;

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

    /// Whether any copy of a process runs, serving or not.
    pub(crate) fn has(&self, process: &ProcessName) -> bool {
        let all = lock(&self.instances);
        all.iter().any(|instance| &instance.id.process == process)
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

/// Starts the copy `index` of `process`, and guards it from then on.
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
    let keeper = Keeper::start(&server.keepers, &spec).await?;
    info!(instance = %spec.instance, release = %spec.release, "started");
    let instance = Instance::new(spec.instance, of.clone(), generation, Arc::new(keeper));
    take_in(server, app, instance.clone());
    Ok(instance)
}

/// Adds a copy that runs, and guards it from then on.
pub(crate) fn take_in(server: &Arc<Server>, app: &Arc<App>, instance: Arc<Instance>) {
    app.fleet.add(instance.clone());
    let guard = guard(server.clone(), app.clone(), instance);
    server.tasks.spawn(guard);
}
