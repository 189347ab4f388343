//! `ship maintenance`: visitors see a page in the app's place while it runs on.

use std::sync::Arc;

use ship_api::request::Maintain;
use ship_base::clock::Moment;
use ship_base::network::Network;
use ship_store::{AppRecord, Maintenance};
use tracing::info;

use crate::app::App;
use crate::door;
use crate::error::Error;
use crate::server::Server;

/// Recorded, then shown: a control process that starts in between shows what is recorded. An app
/// that does not run keeps it for when it does. Where it was on already, what the page says is
/// changed, and since when stays.
pub(crate) async fn maintain(
    server: &Arc<Server>,
    app: &Arc<App>,
    asked: Maintain,
) -> Result<(), Error> {
    let wrong = |network: &&String| network.parse::<Network>().is_err();
    if let Some(network) = asked.allow.iter().find(wrong) {
        return Err(Error::Network {
            network: network.clone(),
        });
    }
    let _turn = app.turn("ship maintenance").await;
    let before = server.record(&app.name)?;
    let since = before.maintenance.as_ref().map(|it| it.since);
    let maintenance = asked.on.then(|| Maintenance {
        since: since.unwrap_or_else(Moment::now),
        message: asked.message,
        allow: asked.allow,
    });
    server.store.save_app(&AppRecord {
        maintenance,
        ..before.clone()
    })?;
    if app.live().is_some()
        && let Err(error) = door::swap(server).await
    {
        server.store.save_app(&before)?;
        return Err(error);
    }
    info!(app = %app.name, on = asked.on, "maintenance");
    Ok(())
}
