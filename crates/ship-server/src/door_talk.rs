//! A question to the door, with a deadline: a door that hangs must not hang a deploy.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use ship_door::client::DoorClient;

use crate::error::Error;
use crate::server::Server;

/// How long the door may take for what it does at once: milliseconds, but the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Asks on a connection of its own. `within`: how long the door may take for what was asked.
pub(crate) async fn ask<T, F>(
    server: &Server,
    within: Duration,
    question: impl FnOnce(DoorClient) -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, ship_door::Error>>,
{
    ask_at(&server.folders.door_socket(), within, question).await
}

/// The same of the door that listens at `socket`.
pub(crate) async fn ask_at<T, F>(
    socket: &Path,
    within: Duration,
    question: impl FnOnce(DoorClient) -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, ship_door::Error>>,
{
    let within = within + PATIENCE;
    let answered = tokio::time::timeout(within, async {
        question(DoorClient::connect(socket).await?).await
    });
    match answered.await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::DoorSilent { within }),
    }
}

/// Whether the door lives and does not answer.
pub(crate) fn silent(error: &Error) -> bool {
    matches!(error, Error::DoorSilent { .. })
}

/// Whether the door lives and would not.
pub(crate) fn refused(error: &Error) -> bool {
    matches!(error, Error::Door(ship_door::Error::Refused { .. }))
}
