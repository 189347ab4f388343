//! After a restart of the control process an app is brought to what its record says.

use std::collections::BTreeMap;
use std::sync::Arc;

use ship_run::event::State;

use crate::app::{App, Candidate};
use crate::error::Error;
use crate::events::Events;
use crate::fleet::Instance;
use crate::roll::{count, launch, long_lived, retire, serve};
use crate::server::Server;
use crate::work::prepare;

/// Instances of the current release that were found serve on, missing ones are started, others
/// (a deploy was under way) are stopped.
pub(crate) async fn resume(server: &Arc<Server>, app: &Arc<App>) -> Result<(), Error> {
    let _turn = app.turn("start of the control process").await;
    let Some(current) = server.record(&app.name)?.current else {
        return Ok(());
    };
    let next = Arc::new(Candidate::of(server, &app.name, current)?);
    let (kept, left) = sort_out(app, &next);
    serve(&kept, true);
    app.set_live(Some(next.clone()));
    server.refresh_routes().await;
    if kept.is_empty() {
        let (events, _nobody) = Events::new();
        prepare(server, app, &next, None, &events).await?;
    }
    let missing = missing(server, app, &next, &kept)?;
    let fresh = launch(server, app, &next, missing).await?;
    serve(&fresh, true);
    server.refresh_routes().await;
    let (server, app) = (server.clone(), app.clone());
    server
        .clone()
        .tasks
        .spawn(async move { retire(&server, &app, left).await });
    Ok(())
}

/// One instance per place, the readiest and newest, and all others but jobs.
fn sort_out(app: &App, next: &Candidate) -> (Vec<Arc<Instance>>, Vec<Arc<Instance>>) {
    let mut places: BTreeMap<_, Arc<Instance>> = BTreeMap::new();
    let mut left = Vec::new();
    for instance in app
        .fleet
        .all()
        .into_iter()
        .filter(|instance| !instance.is_job())
    {
        if instance.release() != next.release {
            left.push(instance);
        } else if let Some(other) = places.remove(&instance.id) {
            let (best, rest) = if rank(&instance) >= rank(&other) {
                (instance, other)
            } else {
                (other, instance)
            };
            places.insert(best.id.clone(), best);
            left.push(rest);
        } else {
            places.insert(instance.id.clone(), instance);
        }
    }
    (places.into_values().collect(), left)
}

fn rank(instance: &Instance) -> (bool, u32) {
    (
        matches!(instance.report().state, State::Ready { .. }),
        instance.generation,
    )
}

fn missing<'a>(
    server: &Server,
    app: &App,
    next: &'a Candidate,
    kept: &[Arc<Instance>],
) -> Result<Vec<(&'a ship_project::plan::Process, u32)>, Error> {
    let mut missing = Vec::new();
    for process in long_lived(&next.plan) {
        let has = |index: u32| {
            kept.iter()
                .any(|one| one.id.process == process.name && one.id.index == index)
        };
        let wanted = 1..=count(server, app, process)?;
        missing.extend(
            wanted
                .filter(|index| !has(*index))
                .map(|index| (process, index)),
        );
    }
    Ok(missing)
}
