//! `ship scale`: more or fewer instances of the live release.

use std::sync::Arc;
use std::time::Instant;

use ship_api::request::Scale;
use ship_base::name::ProcessName;
use ship_project::plan::{Process, Role};
use ship_store::AppRecord;

use crate::app::{App, Candidate};
use crate::deploy::{finish, live, record, turn};
use crate::error::Error;
use crate::events::Events;
use crate::fleet::Instance;
use crate::roll::{start, switch};
use crate::server::Server;
use crate::spec;

/// The most instances of one process; beyond, it is a slip of the finger.
const MOST: u32 = 100;

/// Starts what is missing, then stops what is too much.
pub(crate) async fn scale(
    server: &Arc<Server>,
    app: &Arc<App>,
    request: Scale,
    events: &Events,
) -> Result<(), Error> {
    let began = Instant::now();
    let turn = turn(app, "ship scale", events).await?;
    let running = app.live().ok_or_else(|| Error::NotRunning {
        app: app.name.clone(),
    })?;
    let (mut more, mut fewer) = (Vec::new(), Vec::new());
    for (name, wanted) in &request.processes {
        let process = wanted_process(app, &running, name, *wanted)?;
        let (free, rest) = difference(app, name, *wanted);
        more.extend(free.into_iter().map(|index| (process, index)));
        fewer.extend(rest);
    }
    let fresh = start(server, app, &running, more, events).await?;
    let scale = server
        .record(&app.name)?
        .scale
        .into_iter()
        .chain(request.processes)
        .collect();
    switch(server, app, &running, &fresh, &fewer).await?;
    server.store.save_app(&AppRecord {
        scale,
        ..server.record(&app.name)?
    })?;
    record(server, app, running.release, "scale", began, "live");
    let live = live(server, app, running.release, began, false);
    finish(server, app, turn, fewer, live, events).await;
    Ok(())
}

fn wanted_process<'a>(
    app: &App,
    running: &'a Candidate,
    name: &ProcessName,
    wanted: u32,
) -> Result<&'a Process, Error> {
    let process = spec::process(app, &running.plan, name)?;
    if matches!(process.role, Role::Job { .. }) {
        return Err(Error::JobScale {
            process: name.clone(),
        });
    }
    if wanted > MOST {
        return Err(Error::TooMany {
            process: name.clone(),
            wanted,
            most: MOST,
        });
    }
    Ok(process)
}

/// The indices to start, lowest first, and the instances to stop, highest first.
fn difference(app: &App, name: &ProcessName, wanted: u32) -> (Vec<u32>, Vec<Arc<Instance>>) {
    let mut serving = app.fleet.serving_of(Some(name));
    serving.sort_by_key(|instance| instance.id.index);
    let taken: Vec<u32> = serving.iter().map(|instance| instance.id.index).collect();
    let missing = (wanted as usize).saturating_sub(serving.len());
    let free = (1..)
        .filter(|index| !taken.contains(index))
        .take(missing)
        .collect();
    (
        free,
        serving.into_iter().skip(wanted as usize).rev().collect(),
    )
}
