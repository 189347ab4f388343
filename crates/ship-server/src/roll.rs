//! From a release to serving instances: start all, wait for all, swap at once, drain, stop.
//!
//! Up to the swap nothing that serves is touched: a failure stops what was started anew and leaves
//! the rest as it was. The swap is one message to the door.

use std::sync::Arc;
use std::time::Duration;

use ship_base::hint;
use ship_base::name::ProcessName;
use ship_base::secret::Secret;
use ship_project::plan::{Plan, Process, Sourced};
use tracing::warn;

use crate::app::App;
use crate::candidate::Candidate;
use crate::error::Error;
use crate::events::{Events, Step};
use crate::instance::Instance;
use crate::server::Server;
use crate::{door, fleet, job, not_ready, spec};

/// How long a deploy waits for a process that nobody asked for.
const PROPOSED_WITHIN: Duration = Duration::from_secs(5);

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
            let count = count(server, app, next, process)?;
            wanted.extend((1..=count).map(|index| (process, index)));
            if count == 0 {
                tell_waiting(app, next, process, events);
            }
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
        let within = match process.proposed {
            Some(_) => PROPOSED_WITHIN,
            None => spec::ready_within(process),
        };
        let keeper = instance.keeper();
        waiting.spawn(async move { (index, within, keeper.ready(within).await) });
    }
    while let Some(ready) = waiting.join_next().await {
        let (index, within, ready) = ready.map_err(|_| Error::Bug("a wait panicked"))?;
        if let Err(late) = ready {
            let why = not_ready::explain(server, app, &fresh[index], within, &late);
            let instance = &fresh[index];
            let proposed = instance.process().is_some_and(|one| one.proposed.is_some());
            if !proposed {
                return Err(why);
            }
            // Nobody asked for it: what was asked for goes live without it.
            steps[index] = None;
            events.note(
                format!("{}: it is started again and again", hint::chain(&why)),
                Some(format!(
                    "`ship logs --app {0} --process {1}` shows why; `ship scale --app {0} {1}=0` leaves it out",
                    app.name, instance.id.process
                )),
            );
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

/// How many instances of a process run: what `ship scale` said, else what the plan says. None of a
/// process that nobody asked for while it has nothing to talk to.
pub(crate) fn count(
    server: &Server,
    app: &App,
    of: &Candidate,
    process: &Process,
) -> Result<u32, Error> {
    let record = server.record(&app.name)?;
    let said = record.scale.get(&process.name).copied();
    Ok(said.unwrap_or(match waits_for(of, process) {
        Some(_) => 0,
        None => process.instances,
    }))
}

/// The first setting that a proposed process waits for.
fn waits_for<'a>(of: &Candidate, process: &'a Process) -> Option<&'a Sourced<String>> {
    let needs = process.proposed.iter().flat_map(|proposal| &proposal.needs);
    let is_set = |name: &str| {
        let value = of.settings.get(name).map(Secret::reveal);
        value.is_some_and(|value| !value.trim().is_empty())
    };
    let mut missing = needs.filter(|need| !is_set(&need.value));
    missing.next()
}

/// Says that a process is not started, and what starts it.
fn tell_waiting(app: &App, next: &Candidate, process: &Process, events: &Events) {
    let Some(need) = waits_for(next, process) else {
        return;
    };
    let (name, setting) = (&process.name, &need.value);
    let place = need.places.first();
    let place = place.map_or_else(String::new, |place| format!(" ({place})"));
    events.note(
        format!("`{name}` is not started: it needs `{setting}`{place}, which is not set"),
        Some(format!(
            "`ship env set --app {0} {setting}=…`, then `ship restart --app {0}`",
            app.name
        )),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scene::{Scene, candidate, plan, process, web};

    #[test]
    fn a_proposed_worker_waits_for_its_broker_and_is_there_once_it_is_set() {
        let scene = Scene::new();
        let app = scene.app("blog", true);
        let need = json!({"value": "REDIS_URL", "reason": "", "places": []});
        let mut worker = process("worker", json!({"kind": "worker"}));
        worker["proposed"] = json!({"needs": [need]});
        let mut of = candidate(plan(&[web(), worker], &[]));
        let counts = |of: &Candidate| -> Vec<u32> {
            let processes = of.plan.processes.iter();
            processes
                .map(|process| count(&scene.server, &app, of, process).unwrap())
                .collect()
        };
        assert_eq!(counts(&of), [1, 0]);
        for (value, expected) in [(" ", 0), ("redis://cache", 1)] {
            let value = Secret::from(value.to_owned());
            of.settings.insert("REDIS_URL".to_owned(), value);
            assert_eq!(counts(&of), [1, expected]);
        }
    }
}
