//! The end of an app's run, or of the app.

use std::sync::Arc;
use std::time::Duration;

use ship_store::AppRecord;
use tracing::info;

use crate::app::App;
use crate::change::clean_up;
use crate::error::Error;
use crate::roll::{retire, serve};
use crate::server::Server;
use crate::task::blocking;

/// `ship stop`: a deploy that is under way gives up, and nothing of the app runs when this returns.
/// `within`: no program gets more time than this, whatever its grace.
pub(crate) async fn stop(
    server: &Arc<Server>,
    app: &Arc<App>,
    within: Option<Duration>,
) -> Result<(), Error> {
    app.interrupt();
    let _hurry = within.map(|within| app.patience.at_most(within));
    let _turn = app.turn("ship stop").await;
    end_run(server, app).await
}

/// Ends what runs of the app; whoever calls this has the app's turn.
pub(crate) async fn end_run(server: &Arc<Server>, app: &Arc<App>) -> Result<(), Error> {
    if let Some(record) = server.store.app(&app.name)? {
        server.store.save_app(&AppRecord {
            running: false,
            ..record
        })?;
    }
    app.set_live(None);
    let all = app.fleet.all();
    serve(&all, false);
    server.refresh_routes().await;
    retire(server, app, all).await;
    info!(app = %app.name, "stopped");
    Ok(())
}

/// `ship destroy`: the app, its releases, settings, logs and data.
pub(crate) async fn destroy(
    server: &Arc<Server>,
    app: &Arc<App>,
    within: Option<Duration>,
) -> Result<(), Error> {
    app.interrupt();
    let _hurry = within.map(|within| app.patience.at_most(within));
    let _turn = app.turn("ship destroy").await;
    end_run(server, app).await?;
    let held = app.work.hold().await;
    let (of, name) = (server.clone(), app.name.clone());
    blocking(move || {
        let _held = held;
        Ok(of.store.forget_app(&name)?)
    })
    .await?;
    server.forget(app);
    clean_up(server, app);
    info!(app = %app.name, "destroyed");
    Ok(())
}
