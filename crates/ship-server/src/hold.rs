//! Holding an app: it stays, or it goes with the last caller.

use std::sync::Arc;

use ship_api::request::Up;
use ship_base::hint;
use ship_store::AppRecord;
use tracing::{info, warn};

use crate::app::App;
use crate::error::Error;
use crate::server::Server;
use crate::stop::stop;

/// Records whether the app stays when its caller goes, and watches the caller if not.
pub(crate) fn hold(server: &Arc<Server>, app: &Arc<App>, request: &Up) -> Result<(), Error> {
    let record = server.record(&app.name)?;
    server.store.save_app(&AppRecord {
        running: true,
        detached: request.detach,
        ..record
    })?;
    if !request.detach {
        guard(server, app);
    }
    Ok(())
}

/// Stops the app once nobody is attached, if it is not detached by then.
pub(crate) fn guard(server: &Arc<Server>, app: &Arc<App>) {
    if !app.lease.guard() {
        return;
    }
    let (server, app) = (server.clone(), app.clone());
    server.clone().tasks.spawn(async move {
        let _busy = server.busy();
        if app.lease.taken().await {
            tokio::select! {
                () = app.lease.freed() => {}
                () = server.stopping.cancelled() => return,
            }
        }
        app.lease.unguard();
        let lives = |record: AppRecord| record.running && !record.detached;
        if server
            .store
            .app(&app.name)
            .ok()
            .flatten()
            .is_some_and(lives)
            && !app.lease.is_held()
        {
            info!(app = %app.name, "nobody is attached any more");
            if let Err(error) = stop(&server, &app).await {
                warn!(app = %app.name, error = %hint::chain(&error), "not stopped");
            }
        }
    });
}
