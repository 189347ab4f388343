//! `ship scale`: more or fewer instances of the live release.

use std::sync::Arc;

use ship_api::request::Scale;
use ship_base::name::ProcessName;
use ship_project::plan::Process;
use ship_store::AppRecord;

use crate::app::App;
use crate::candidate::Candidate;
use crate::change::{Change, Switched};
use crate::deploy::not_a_job;
use crate::error::Error;
use crate::events::Events;
use crate::instance::Instance;
use crate::roll::{retire, start, switch};
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
    let mut change = Change::begin(app, "scale", events).await?;
    let result = bring_to(server, app, &mut change, request, events).await;
    change.end(server, result, events).await
}

async fn bring_to(
    server: &Arc<Server>,
    app: &Arc<App>,
    change: &mut Change,
    request: Scale,
    events: &Events,
) -> Result<Switched, Error> {
    let running = app.live().ok_or_else(|| Error::NotRunning {
        app: app.name.clone(),
    })?;
    change.claim(running.release).await;
    let (mut more, mut fewer) = (Vec::new(), Vec::new());
    for (name, wanted) in &request.processes {
        let process = wanted_process(app, &running, name, *wanted)?;
        let (free, rest) = difference(app, name, *wanted);
        more.extend(free.into_iter().map(|index| (process, index)));
        fewer.extend(rest);
    }
    let fresh = start(server, app, &running, more, events).await?;
    let before = server.record(&app.name)?;
    let scale = before.scale.clone();
    // Recorded first: a control process that starts in between brings the app to its record.
    let noted = server.store.save_app(&AppRecord {
        scale: scale.into_iter().chain(request.processes).collect(),
        ..before.clone()
    });
    if let Err(error) = noted {
        retire(server, app, fresh).await;
        return Err(error.into());
    }
    if let Err(error) = switch(server, app, &running, &fresh, &fewer).await {
        server.store.save_app(&before)?;
        return Err(error);
    }
    Ok(Switched {
        release: running.release,
        old: fewer,
        unchanged: false,
    })
}

fn wanted_process<'a>(
    app: &App,
    running: &'a Candidate,
    name: &ProcessName,
    wanted: u32,
) -> Result<&'a Process, Error> {
    let process = not_a_job(spec::process(app, &running.plan, name)?)?;
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
