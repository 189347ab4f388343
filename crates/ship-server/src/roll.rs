//! From a release to serving instances: start all, wait for all, swap at once, drain, stop.
//!
//! Up to the swap nothing that serves is touched: a failure stops what was started anew and leaves
//! the rest as it was. The swap is one message to the door.

use std::sync::Arc;

use ship_base::hint;
use ship_base::name::ProcessName;
use ship_project::plan::{Plan, Process};
use tracing::warn;

use crate::app::App;
use crate::candidate::Candidate;
use crate::error::Error;
use crate::events::{Events, Step};
use crate::instance::Instance;
use crate::server::Server;
use crate::{door, fleet, job, not_ready, spec};

/// Starts new instances of every process (or of `only`), waits, swaps. Returns the old ones.
pub(crate) async fn roll(
    server: &Arc<Server>,
    app: &Arc<App>,
    next: &Arc<Candidate>,
    only: Option<&ProcessName>,
    events: &Events,
) -> Result<Vec<Arc<Instance>>, Error> {
    let mut wanted = Vec::new();
    for process in long_lived(&next.plan) {
        if only.is_none_or(|name| name == &process.name) {
            wanted.extend((1..=count(server, app, process)?).map(|index| (process, index)));
        }
    }
    let fresh = start(server, app, next, wanted, events).await?;
    let old = app.fleet.serving_of(only);
    if only.is_none() {
        // Before the switch, which is the last thing that may fail: a wrong note costs one start
        // too many at the next `ship up`, a release half switched would cost more.
        let noted = server
            .store
            .set_running_settings(&app.name, &next.fingerprint());
        if let Err(error) = noted {
            retire(server, app, fresh).await;
            return Err(error.into());
        }
    }
    switch(server, app, next, &fresh, &old).await?;
    Ok(old)
}

/// Starts instances and waits until each is ready; stops them all again when one is not.
pub(crate) async fn start(
    server: &Arc<Server>,
    app: &Arc<App>,
    next: &Arc<Candidate>,
    wanted: Vec<(&Process, u32)>,
    events: &Events,
) -> Result<Vec<Arc<Instance>>, Error> {
    events.check()?;
    let fresh = launch(server, app, next, wanted).await?;
    let result = events
        .unless_given_up(ready(server, app, &fresh, events))
        .await;
    if let Err(error) = result {
        retire(server, app, fresh).await;
        return Err(error);
    }
    Ok(fresh)
}

/// Starts instances without waiting for them.
pub(crate) async fn launch(
    server: &Arc<Server>,
    app: &Arc<App>,
    next: &Arc<Candidate>,
    wanted: Vec<(&Process, u32)>,
) -> Result<Vec<Arc<Instance>>, Error> {
    let generation = server.next_generation();
    let mut fresh = Vec::new();
    for (process, index) in wanted {
        match fleet::start(server, app, next, process, index, generation).await {
            Ok(instance) => fresh.push(instance),
            Err(error) => {
                retire(server, app, fresh).await;
                return Err(error);
            }
        }
    }
    Ok(fresh)
}

/// Waits for all of them at once: the first that is not ready decides.
async fn ready(
    server: &Server,
    app: &App,
    fresh: &[Arc<Instance>],
    events: &Events,
) -> Result<(), Error> {
    let mut steps: Vec<Option<Step<'_>>> = Vec::new();
    let mut waiting = tokio::task::JoinSet::new();
    for (index, instance) in fresh.iter().enumerate() {
        steps.push(Some(events.step(instance.id.local())));
        let process = instance
            .process()
            .ok_or(Error::Bug("an instance of no process"))?;
        let (keeper, within) = (instance.keeper(), spec::ready_within(process));
        waiting.spawn(async move { (index, within, keeper.ready(within).await) });
    }
    while let Some(ready) = waiting.join_next().await {
        let (index, within, ready) = ready.map_err(|_| Error::Bug("a wait panicked"))?;
        if let Err(late) = ready {
            return Err(not_ready::explain(
                server,
                app,
                &fresh[index],
                within,
                &late,
            ));
        }
        if let Some(step) = steps[index].take() {
            step.done("ready");
        }
    }
    Ok(())
}

/// The swap: visitors reach `fresh` in place of `old`. What the door or the records refuse is
/// taken back.
pub(crate) async fn switch(
    server: &Arc<Server>,
    app: &Arc<App>,
    next: &Arc<Candidate>,
    fresh: &[Arc<Instance>],
    old: &[Arc<Instance>],
) -> Result<(), Error> {
    let before = app.live();
    serve(fresh, true);
    serve(old, false);
    app.set_live(Some(next.clone()));
    let switched = match door::swap(server).await {
        Ok(()) => commit(server, app, next),
        Err(error) => Err(error),
    };
    if switched.is_err() {
        serve(fresh, false);
        serve(old, true);
        app.set_live(before);
        server.refresh_routes().await;
        retire(server, app, fresh.to_vec()).await;
    }
    switched
}

/// Sends visitors to all of them, or to none.
pub(crate) fn serve(instances: &[Arc<Instance>], serving: bool) {
    for instance in instances {
        instance.serve(serving);
    }
}

fn commit(server: &Server, app: &App, next: &Candidate) -> Result<(), Error> {
    let record = server.record(&app.name)?;
    if record.current != Some(next.release) {
        server.store.switch(&app.name, next.release)?;
    }
    Ok(())
}

/// Lets instances finish what is in flight, then stops them, all at once.
pub(crate) async fn retire(server: &Arc<Server>, app: &Arc<App>, old: Vec<Arc<Instance>>) {
    let mut leaving = tokio::task::JoinSet::new();
    for instance in old {
        leaving.spawn(leave(server.clone(), app.clone(), instance));
    }
    leaving.join_all().await;
}

async fn leave(server: Arc<Server>, app: Arc<App>, instance: Arc<Instance>) {
    if instance.is_web() && server.door.is_open() {
        let drain = |most| door::drain(&server, vec![instance.key()], most);
        match app.patience.spend(instance.grace(), drain).await {
            Ok(0) => {}
            Ok(cut) => {
                warn!(instance = %instance.id, cut, "requests were cut at the end of the grace");
            }
            Err(error) => {
                warn!(instance = %instance.id, error = %hint::chain(&error), "not drained");
            }
        }
    }
    instance.stop(&app.patience).await;
}

/// The processes that run all the time.
pub(crate) fn long_lived(plan: &Plan) -> impl Iterator<Item = &Process> {
    plan.processes
        .iter()
        .filter(|process| !job::is_job(process))
}

/// How many instances of a process run: what `ship scale` said, else what the plan says.
pub(crate) fn count(server: &Server, app: &App, process: &Process) -> Result<u32, Error> {
    let record = server.record(&app.name)?;
    Ok(record
        .scale
        .get(&process.name)
        .copied()
        .unwrap_or(process.instances))
}
