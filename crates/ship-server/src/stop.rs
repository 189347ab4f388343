//! The end of an app's run, or of the app.

use std::sync::Arc;

use ship_store::AppRecord;
use tracing::info;

use crate::app::App;
use crate::deploy::collect;
use crate::error::Error;
use crate::roll::{retire, serve};
use crate::server::Server;

/// `ship stop`, and the end of an app that nobody is attached to.
pub(crate) async fn stop(server: &Arc<Server>, app: &Arc<App>) -> Result<(), Error> {
    let _turn = app.turn("ship stop").await;
    if let Some(app_record) = server.store.app(&app.name)? {
        server.store.save_app(&AppRecord {
            running: false,
            ..app_record
        })?;
    }
    take_down(server, app).await;
    info!(app = %app.name, "stopped");
    Ok(())
}

/// `ship destroy`: the app, its releases, settings, logs and data.
pub(crate) async fn destroy(server: &Arc<Server>, app: &Arc<App>) -> Result<(), Error> {
    let _turn = app.turn("ship destroy").await;
    take_down(server, app).await;
    server.store.forget_app(&app.name)?;
    server.forget(&app.name);
    collect(server, app);
    info!(app = %app.name, "destroyed");
    Ok(())
}

/// Takes an app off the door and stops all its instances.
pub(crate) async fn take_down(server: &Arc<Server>, app: &Arc<App>) {
    app.set_live(None);
    let all = app.fleet.all();
    serve(&all, false);
    server.refresh_routes().await;
    retire(server, app, all).await;
}
