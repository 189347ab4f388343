//! The parent of the door: starts it, hands it its listening sockets, starts it again when it dies.
//!
//! The sockets are kept here as well, so that a killed door loses nothing but the requests in its
//! hands: the kernel's backlog holds new connections until the next door accepts them.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ship_base::clock::Moment;
use ship_base::file;
use ship_base::hint;
use ship_base::paths::Folders;
use ship_door::client::DoorClient;
use ship_door::table::{Status, Table};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tracing::{info, warn};

use crate::app::lock;
use crate::error::Error;
use crate::port::{self, Listener};
use crate::server::Server;

/// How long a started door may take to answer on its socket.
const START: Duration = Duration::from_secs(10);
/// How long a door that is told to stop may finish requests.
const STOP: Duration = Duration::from_secs(5);

/// The door as its parent sees it.
#[derive(Default)]
pub(crate) struct Door {
    listeners: Mutex<Vec<Listener>>,
    pid: Mutex<Option<i32>>,
    /// One change of routes at a time, so that an older table never follows a newer one.
    swap: tokio::sync::Mutex<()>,
    /// One start at a time.
    start: tokio::sync::Mutex<()>,
}

impl Door {
    /// The port that URLs name.
    pub(crate) fn port(&self) -> Option<u16> {
        lock(&self.listeners).first().map(|listener| listener.port)
    }

    /// The door's process.
    pub(crate) fn pid(&self) -> Option<i32> {
        *lock(&self.pid)
    }

    fn has_port(&self, port: u16) -> bool {
        lock(&self.listeners)
            .iter()
            .any(|listener| listener.port == port)
    }

    /// Copies of the listening sockets with the names under which they are handed over.
    fn copies(&self) -> Result<Vec<(String, OwnedFd)>, Error> {
        let copy = |listener: &Listener| {
            let socket = listener.socket.as_fd().try_clone_to_owned();
            Some((format!("http:{}", listener.port), socket.ok()?))
        };
        let copies = lock(&self.listeners)
            .iter()
            .map(copy)
            .collect::<Option<Vec<_>>>();
        copies.ok_or(Error::Bug("a listening socket could not be copied"))
    }
}

/// Makes sure that a door lives and listens, on `asked` if that is given.
pub(crate) async fn open(server: &Arc<Server>, asked: Option<u16>) -> Result<(), Error> {
    let _one = server.door.start.lock().await;
    if let Some(port) = asked.filter(|port| !server.door.has_port(*port)) {
        lock(&server.door.listeners).insert(0, port::exactly(port)?);
        remember(server, port)?;
        if server.door.pid().is_some() {
            return hand_over(server).await;
        }
    }
    if server.door.port().is_none() {
        let listener = port::next_free(port::remembered(&server.folders.door()))?;
        remember(server, listener.port)?;
        lock(&server.door.listeners).push(listener);
    }
    if server.door.pid().is_none() {
        launch(server).await?;
    }
    Ok(())
}

fn remember(server: &Server, port: u16) -> Result<(), Error> {
    let memory = port::memory(&server.folders.door());
    Ok(file::write_whole(&memory, port.to_string().as_bytes())?)
}

/// Finds a door that an earlier control process started, and takes copies of its sockets.
pub(crate) async fn adopt(server: &Arc<Server>) -> bool {
    match take_over(server).await {
        Ok(status) => {
            info!(pid = status.pid, "found the living door");
            *lock(&server.door.pid) = Some(status.pid);
            watch(server, status.pid);
            true
        }
        Err(_) => false,
    }
}

async fn take_over(server: &Arc<Server>) -> Result<Status, Error> {
    let mut client = DoorClient::connect(&server.folders.door_socket()).await?;
    let status = client.status().await?;
    let listeners = client.listeners().await?;
    let named = listeners.into_iter().filter_map(|(name, socket)| {
        let port = name.strip_prefix("http:")?.parse().ok()?;
        Some(Listener { port, socket })
    });
    lock(&server.door.listeners).extend(named);
    Ok(status)
}

/// Sends the table of now to the door.
pub(crate) async fn swap(server: &Server) -> Result<(), Error> {
    let _one = server.door.swap.lock().await;
    let table: Table = crate::table::of(server);
    let mut client = DoorClient::connect(&server.folders.door_socket()).await?;
    Ok(client.swap(table).await?)
}

/// Waits until nothing is in flight to `keys`; how many requests had to be cut after `within`.
pub(crate) async fn drain(
    server: &Server,
    keys: Vec<String>,
    within: Duration,
) -> Result<u64, Error> {
    let mut client = DoorClient::connect(&server.folders.door_socket()).await?;
    Ok(client.drain(keys, within).await?)
}

/// Lets the door finish and end.
pub(crate) async fn close(server: &Server) {
    if lock(&server.door.pid).take().is_none() {
        return;
    }
    lock(&server.door.listeners).clear();
    let asked = async {
        let mut client = DoorClient::connect(&server.folders.door_socket()).await?;
        client.stop(STOP).await
    };
    if let Err(error) = asked.await {
        warn!(error = %hint::chain(&error), "the door could not be asked to stop");
    }
}

async fn launch(server: &Arc<Server>) -> Result<(), Error> {
    let mut child = command(server)?.spawn().map_err(|error| down(&error))?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.ok_or(Error::Bug("a door without a process"))?;
    tokio::select! {
        ended = child.wait() => {
            let why = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            return Err(Error::DoorDown { why });
        }
        answers = answers(&server.folders, pid) => answers?,
    }
    // The child is reaped wherever it ends; its end is seen by `watch`.
    server.tasks.spawn(async move { drop(child.wait().await) });
    *lock(&server.door.pid) = Some(pid);
    watch(server, pid);
    hand_over(server).await?;
    swap(server).await?;
    info!(pid, port = server.door.port(), "the door is open");
    Ok(())
}

/// The command of the role, with nothing inherited but the log.
fn command(server: &Server) -> Result<tokio::process::Command, Error> {
    let log = file::append(&server.folders.server_log(), 0o600)?;
    let mut command = tokio::process::Command::new(&server.program);
    command
        .arg0("ship: door")
        .arg("door")
        .env_clear()
        .envs(&server.config.role_environment)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .kill_on_drop(false);
    Ok(command)
}

fn down(error: &dyn std::error::Error) -> Error {
    Error::DoorDown {
        why: hint::chain(error),
    }
}

/// Waits until the door `pid` answers on its socket.
async fn answers(folders: &Folders, pid: i32) -> Result<(), Error> {
    let deadline = Moment::now();
    loop {
        if let Ok(mut client) = DoorClient::connect(&folders.door_socket()).await
            && client.status().await.is_ok_and(|status| status.pid == pid)
        {
            return Ok(());
        }
        if deadline.elapsed() > START {
            let why = format!("no answer within {} s", START.as_secs());
            return Err(Error::DoorDown { why });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn hand_over(server: &Server) -> Result<(), Error> {
    let mut client = DoorClient::connect(&server.folders.door_socket()).await?;
    Ok(client.listen(server.door.copies()?).await?)
}

/// Starts the door again when `pid` ends and nobody asked it to.
fn watch(server: &Arc<Server>, pid: i32) {
    let server = server.clone();
    server.clone().tasks.spawn(async move {
        ended(&server.folders.door_socket()).await;
        if server.stopping.is_cancelled() || server.door.pid() != Some(pid) {
            return;
        }
        warn!(pid, "the door ended; starting it again");
        *lock(&server.door.pid) = None;
        reopen(&server).await;
    });
}

/// Tries for ever, a little slower each time.
fn reopen(server: &Arc<Server>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
    Box::pin(async move {
        let mut pause = Duration::from_millis(20);
        while let Err(error) = open(server, None).await {
            warn!(error = %hint::chain(&error), "the door could not be started");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    })
}

/// Returns when the door has ended: its end of a connection closes with it, however it ends.
async fn ended(socket: &Path) {
    if let Ok(mut door) = UnixStream::connect(socket).await {
        // The door never speaks first, so that whatever comes is the end.
        let _ = door.read_u8().await;
    }
}
