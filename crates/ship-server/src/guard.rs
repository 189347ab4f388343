//! The guard of a running copy: a new address goes to the door, a killed keeper is replaced, and
//! when the copy is over it is forgotten.

use std::sync::Arc;
use std::time::Duration;

use ship_base::file;
use ship_base::hint;
use ship_run::Keeper;
use tracing::warn;

use crate::app::App;
use crate::error::Error;
use crate::instance::Instance;
use crate::server::Server;
use crate::spec;

/// The pause after the first start of a keeper that failed; it doubles up to [`LONGEST_PAUSE`].
/// The same steps as a keeper takes with its program.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Follows a copy to its end, or to that of this process: then the keeper lives on and is found
/// again.
pub(crate) async fn guard(server: Arc<Server>, app: Arc<App>, instance: Arc<Instance>) {
    // However this ends: who waits for the end of the copy waits no longer.
    let _over = instance.over.clone().drop_guard();
    loop {
        tokio::select! {
            () = follow(&server, &instance) => {}
            () = server.stopping.cancelled() => return,
        }
        if instance.leaving.is_cancelled() {
            break;
        }
        warn!(instance = %instance.id, "its keeper is gone; starting it anew");
        replace_keeper(&server, &app, &instance).await;
    }
    app.fleet.remove(&instance);
    let folder = spec::generation_folder(&server, instance.generation);
    if let Err(error) = file::remove_folder_if_empty(&folder) {
        warn!(error = %hint::chain(&error), "the folder of its keeper stays behind");
    }
}

/// Returns when the keeper is gone.
async fn follow(server: &Arc<Server>, instance: &Arc<Instance>) {
    let mut reports = instance.keeper().watch();
    while reports.borrow_and_update().is_some() {
        let address = instance.address();
        if address != instance.noted() {
            instance.note(address);
            // One that does not serve yet stands in no route.
            if instance.is_serving() {
                server.refresh_routes().await;
            }
        }
        if reports.changed().await.is_err() {
            return;
        }
    }
}

/// Starts a keeper in place of one that was killed; tries for ever, a little slower each time,
/// unless the copy is to leave.
async fn replace_keeper(server: &Arc<Server>, app: &Arc<App>, instance: &Arc<Instance>) {
    let mut pause = FIRST_PAUSE;
    while !instance.leaving.is_cancelled() {
        match start_keeper(server, app, instance).await {
            Ok(keeper) => {
                instance.change_keeper(keeper);
                break;
            }
            Err(error) => {
                let error = hint::chain(&error);
                warn!(instance = %instance.id, error, "its keeper could not be started");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            () = instance.leaving.cancelled() => {}
            () = server.stopping.cancelled() => return,
        }
    }
    if instance.leaving.is_cancelled() {
        // Who stopped it meanwhile met the keeper that was dead already.
        instance.stop_keeper(&app.patience).await;
    }
}

/// Is not to be given up half-way: a keeper that has begun would belong to nobody.
async fn start_keeper(
    server: &Arc<Server>,
    app: &Arc<App>,
    instance: &Instance,
) -> Result<Keeper, Error> {
    let process = instance
        .process()
        .ok_or(Error::Bug("an instance of no process"))?;
    let wanted = spec::Wanted {
        app,
        of: &instance.of,
        process,
        index: instance.id.index,
        generation: instance.generation,
    };
    let spec = spec::of_instance(server, &wanted)?;
    Ok(Keeper::start(&server.keepers, &spec).await?)
}
