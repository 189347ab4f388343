//! Doors whose place another has taken, while they finish what they have in their hands.
//!
//! Each has its control socket under a name of its own (`left-PID.sock`), so that every control process
//! finds all of them: instances that leave are drained there as well.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ship_base::file;
use ship_base::hint;
use ship_door::client::DoorClient;
use ship_door::table::Table;
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tracing::warn;

use crate::door_talk::ask_at;
use crate::error::Error;
use crate::server::Server;

/// How long one may finish requests and WebSockets.
const LEAVE: Duration = Duration::from_mins(10);

/// Gives the socket of the door `pid` its second name, under which it is found once another has the
/// first.
pub(crate) fn name(server: &Server, pid: i32) -> Result<PathBuf, Error> {
    let left = server.folders.left_door_socket(pid);
    // Of one that is long gone, and had the same number.
    file::remove(&left)?;
    file::link(&server.folders.door_socket(), &left)?;
    Ok(left)
}

/// Tells one to leave, and returns when it has.
pub(crate) async fn see_off(mut door: DoorClient, socket: &Path) {
    if let Err(error) = door.leave(LEAVE).await {
        warn!(error = %hint::chain(&error), "the door of before did not say that it left");
    }
    forget(socket);
}

/// Waits until all of them have ended, whoever told them to leave.
pub(crate) async fn all_gone(server: &Server) {
    for socket in sockets(server) {
        if let Ok(stream) = UnixStream::connect(&socket).await {
            crate::door_process::end_of(stream).await;
        }
        forget(&socket);
    }
}

/// Whether there may be one.
pub(crate) fn are_there(server: &Server) -> bool {
    !sockets(server).is_empty()
}

/// Gives each of them the table of now: on a connection that is open still, the next request is for
/// who is live then.
pub(crate) async fn swap(server: &Server, table: &Table) {
    let mut swapping = JoinSet::new();
    for socket in sockets(server) {
        let table = table.clone();
        swapping.spawn(async move {
            let swap = |mut door: DoorClient| async move { door.swap(table).await };
            if let Err(error) = ask_at(&socket, Duration::ZERO, swap).await
                && UnixStream::connect(&socket).await.is_ok()
            {
                warn!(error = %hint::chain(&error), "a door that leaves did not take the routes");
            }
        });
    }
    swapping.join_all().await;
}

/// Waits until none of them has anything in flight to `keys`; how many requests had to be cut after
/// `within`.
pub(crate) async fn drain(server: &Server, keys: &[String], within: Duration) -> u64 {
    let mut draining = JoinSet::new();
    for socket in sockets(server) {
        let keys = keys.to_vec();
        draining.spawn(async move {
            let drain = |mut door: DoorClient| async move { door.drain(keys, within).await };
            // One that has left meanwhile has nothing in flight.
            ask_at(&socket, within, drain).await.unwrap_or_default()
        });
    }
    draining.join_all().await.into_iter().sum()
}

/// Ends them without more ado.
pub(crate) async fn end(server: &Server, within: Duration) {
    let mut ending = JoinSet::new();
    for socket in sockets(server) {
        ending.spawn(async move {
            let stop = |mut door: DoorClient| async move { door.stop(Duration::ZERO).await };
            let _ = tokio::time::timeout(within, ask_at(&socket, within, stop)).await;
            forget(&socket);
        });
    }
    ending.join_all().await;
}

/// One may be that of the door itself: its parent was killed before another had its place.
fn sockets(server: &Server) -> Vec<PathBuf> {
    let inode = |path: &Path| path.metadata().map(|it| it.ino()).ok();
    let door = inode(&server.folders.door_socket());
    match server.folders.left_door_sockets() {
        Ok(mut sockets) => {
            sockets.retain(|socket| inode(socket) != door);
            sockets
        }
        Err(error) => {
            warn!(error = %hint::chain(&error), "doors that leave cannot be looked for");
            Vec::new()
        }
    }
}

fn forget(socket: &Path) {
    if let Err(error) = file::remove(socket) {
        warn!(error = %hint::chain(&error), "the socket of a door that has left stays behind");
    }
}
