//! The door's process: started with its sockets and routes, found again, and its end noticed.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ship_base::clock::Moment;
use ship_base::file;
use ship_base::hint;
use ship_door::table::{Status, Table};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tracing::warn;

use crate::door;
use crate::door_talk::{ask, ask_at, refused, silent};
use crate::error::Error;
use crate::port::{Listener, Scheme};
use crate::server::Server;

/// How long a started door may take to answer on its socket.
const START: Duration = Duration::from_secs(10);
/// How often it is asked meanwhile: a door needs a few milliseconds.
const LOOK: Duration = Duration::from_millis(5);

/// Starts a door, hands it the listening sockets and the routes of now, and gives its process. One
/// that does not come so far is ended.
pub(crate) async fn launch(server: &Arc<Server>) -> Result<i32, Error> {
    launch_with(server, &[], |pid| set_up(server, pid)).await
}

/// The same beside a living one, from whose visitors nothing is taken yet: it answers at its first
/// socket, serves `table`, and has the sockets.
pub(crate) async fn launch_next(server: &Arc<Server>, table: Table) -> Result<i32, Error> {
    let socket = server.folders.next_door_socket();
    launch_with(server, &["next"], |pid| async move {
        answers(&socket, pid).await?;
        let copies = server.door.copies_without_datagrams()?;
        ask_at(&socket, Duration::ZERO, |mut door| async move {
            // Routes first: from the first moment on which it accepts, it knows where to.
            door.swap(table).await?;
            door.listen(copies).await
        })
        .await
    })
    .await
}

async fn launch_with<F>(
    server: &Arc<Server>,
    arguments: &[&str],
    set_up: impl FnOnce(i32) -> F,
) -> Result<i32, Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let mut command = command(server)?;
    let mut child = command
        .args(arguments)
        .spawn()
        .map_err(|error| down(&error))?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.ok_or(Error::Bug("a door without a process"))?;
    let set_up = tokio::select! {
        ended = child.wait() => {
            let why = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            Err(Error::DoorDown { why })
        }
        set_up = set_up(pid) => set_up,
    };
    if let Err(error) = set_up {
        let _ = child.start_kill();
        let _ = child.wait().await;
        return Err(error);
    }
    reap(server, child);
    Ok(pid)
}

async fn set_up(server: &Arc<Server>, pid: i32) -> Result<(), Error> {
    answers(&server.folders.door_socket(), pid).await?;
    hand_over(server).await?;
    match door::swap(server).await {
        Err(error) if refused(&error) => {
            // It serves the last table that it could read, which is more than no door.
            warn!(error = %hint::chain(&error), "the new door did not take the routes");
            Ok(())
        }
        swapped => swapped,
    }
}

/// Takes the exit status of a door wherever it ends; its end is noticed by [`ended`].
fn reap(server: &Arc<Server>, mut child: Child) {
    let stopping = server.stopping.clone();
    server.tasks.spawn(async move {
        tokio::select! {
            _ = child.wait() => {}
            () = stopping.cancelled() => {}
        }
    });
}

/// The command of the role, with nothing inherited but the log.
fn command(server: &Server) -> Result<Command, Error> {
    let log = file::append(&server.folders.server_log(), 0o600)?;
    let mut command = Command::new(&server.program);
    command
        .arg0("ship:")
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

/// Waits until the door `pid` answers on its socket; another may lie there still.
async fn answers(socket: &Path, pid: i32) -> Result<(), Error> {
    let began = Moment::now();
    while began.elapsed() < START {
        let status = ask_at(socket, Duration::ZERO, |mut door| async move {
            door.status().await
        });
        if status.await.is_ok_and(|status| status.pid == pid) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    let why = format!("no answer within {} s", START.as_secs());
    Err(Error::DoorDown { why })
}

/// What the door says of itself.
pub(crate) async fn status(server: &Server) -> Result<Status, Error> {
    let status = |mut door: ship_door::client::DoorClient| async move { door.status().await };
    ask(server, Duration::ZERO, status).await
}

/// Gives the door copies of all listening sockets; those it has it leaves as they are.
pub(crate) async fn hand_over(server: &Server) -> Result<(), Error> {
    let copies = server.door.copies()?;
    let listen = |mut door: ship_door::client::DoorClient| async move { door.listen(copies).await };
    ask(server, Duration::ZERO, listen).await
}

/// Takes over a living door with copies of its sockets, and gives its process. One that lives and
/// does not answer is ended, so that its ports are free for another.
pub(crate) async fn adopt_living(server: &Arc<Server>) -> Option<i32> {
    match take_over(server).await {
        Ok(status) => Some(status.pid),
        Err(error) => {
            if silent(&error) {
                warn!(error = %hint::chain(&error), "ending the door");
                kill_listener(server).await;
            }
            None
        }
    }
}

async fn take_over(server: &Arc<Server>) -> Result<Status, Error> {
    let (status, listeners) = ask(server, Duration::ZERO, |mut door| async move {
        Ok((door.status().await?, door.listeners().await?))
    })
    .await?;
    let found = listeners.into_iter();
    let found = found.filter_map(|(name, socket)| Listener::named(&name, socket));
    let named = Scheme::Http.remembered(&server.folders.door());
    server.door.take_listeners(found.collect(), named);
    Ok(status)
}

/// Whether a door runs another program than this one: it was started before an upgrade, whose file
/// lies in the place of its own.
pub(crate) fn is_of_another_program(server: &Server, pid: i32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let file = |path: &Path| path.metadata().map(|it| (it.dev(), it.ino()));
    let its = file(Path::new(&format!("/proc/{pid}/exe")));
    // Who cannot tell leaves it as it is.
    matches!((its, file(&server.program)), (Ok(its), Ok(ours)) if its != ours)
}

/// Kills the process that listens on the door's socket, as the kernel knows it (SO_PEERCRED of
/// unix(7) names the one that called listen(2)).
pub(crate) async fn kill_listener(server: &Server) {
    use rustix::process::{Pid, Signal, kill_process};
    let Ok(stream) = UnixStream::connect(server.folders.door_socket()).await else {
        return;
    };
    let listener = stream.peer_cred().ok().and_then(|peer| peer.pid());
    if let Some(pid) = listener.and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
        end_of(stream).await;
    }
}

/// Returns when the door has ended: its end of a connection closes with it, however it ends.
pub(crate) async fn ended(server: &Server) {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    loop {
        match UnixStream::connect(server.folders.door_socket()).await {
            Ok(stream) => return end_of(stream).await,
            Err(error) if matches!(error.kind(), ConnectionRefused | NotFound) => return,
            // No descriptor is free, or the like: says nothing about the door.
            Err(error) => {
                warn!(%error, "cannot watch the door");
                tokio::time::sleep(START).await;
            }
        }
    }
}

/// The door never speaks first, so that whatever comes is the end.
pub(crate) async fn end_of(mut stream: UnixStream) {
    let _ = stream.read_u8().await;
}
