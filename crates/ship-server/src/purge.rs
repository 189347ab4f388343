//! Answers that the front door keeps are forgotten.

use std::time::Duration;

use ship_api::reply::Purged;
use ship_api::request::Purge;
use ship_base::name::AppName;

use crate::door_talk;
use crate::error::Error;
use crate::server::Server;

/// The front door does it at once.
pub(crate) async fn purge(server: &Server, app: &AppName, purge: Purge) -> Result<Purged, Error> {
    let (app, path) = (app.clone(), purge.path.clone());
    let question =
        |mut door: ship_door::client::DoorClient| async move { door.purge(app, path).await };
    let answers = door_talk::ask(server, Duration::ZERO, question).await?;
    Ok(Purged {
        path: purge.path,
        answers,
    })
}
