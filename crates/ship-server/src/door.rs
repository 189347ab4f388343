//! The parent of the door: starts it, hands it its listening sockets, starts it again when it dies.
//!
//! The sockets are kept here as well, so that a killed door loses nothing but the requests in its
//! hands: the kernel's backlog holds new connections until the next door accepts them.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ship_base::clock::Moment;
use ship_base::file;
use ship_base::hint;
use ship_door::client::DoorClient;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::app::lock;
use crate::door_process::{self, adopt_living, launch};
use crate::door_talk::{ask, ask_at, refused, silent};
use crate::error::Error;
use crate::left_doors;
use crate::port::{self, Listener, Scheme};
use crate::server::Server;

/// How long a door that is told to stop may finish requests.
const STOP: Duration = Duration::from_secs(5);
/// How long a swap waits for a door that has died and is being started again.
const BACK: Duration = Duration::from_secs(10);
/// How often it looks whether the door is there again.
const LOOK: Duration = Duration::from_millis(20);
/// The pause after the first start of a door that failed; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The door as its parent sees it.
#[derive(Default)]
pub(crate) struct Door {
    listeners: Mutex<Vec<Listener>>,
    pid: Mutex<Option<i32>>,
    /// It is to live: one that dies is started again.
    wanted: AtomicBool,
    /// One change of routes at a time, so that an older table never follows a newer one.
    swap: tokio::sync::Mutex<()>,
    /// One opening or closing at a time.
    change: tokio::sync::Mutex<()>,
    /// A socket of HTTP/3 was asked for; where none was to be had, that was said.
    asked_for_datagrams: AtomicBool,
}

impl Door {
    /// The port that URLs name.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port_of(Scheme::Http)
    }

    /// The port where it speaks TLS.
    pub(crate) fn https_port(&self) -> Option<u16> {
        self.port_of(Scheme::Https)
    }

    fn port_of(&self, scheme: Scheme) -> Option<u16> {
        let listeners = lock(&self.listeners);
        let first = listeners.iter().find(|listener| listener.scheme == scheme);
        first.map(|listener| listener.port)
    }

    /// The door's process; `None` also while it is being started again.
    pub(crate) fn pid(&self) -> Option<i32> {
        *lock(&self.pid)
    }

    /// Whether it is open, or will be in a moment.
    pub(crate) fn is_open(&self) -> bool {
        self.wanted.load(Ordering::SeqCst)
    }

    fn has_port(&self, port: u16) -> bool {
        lock(&self.listeners)
            .iter()
            .any(|listener| listener.port == port)
    }

    /// Copies of the listening sockets with the names under which they are handed over.
    pub(crate) fn copies(&self) -> Result<Vec<(String, OwnedFd)>, Error> {
        self.copies_where(|_| true)
    }

    /// The same without the one of HTTP/3, for a door beside one that has it: of two that read one
    /// socket, each would get the packets of the other's connections.
    pub(crate) fn copies_without_datagrams(&self) -> Result<Vec<(String, OwnedFd)>, Error> {
        self.copies_where(|listener| listener.scheme != Scheme::Http3)
    }

    /// Lets go of the socket of HTTP/3, which no door is to have any more.
    fn forget_datagrams(&self) {
        lock(&self.listeners).retain(|listener| listener.scheme != Scheme::Http3);
    }

    fn copies_where(
        &self,
        is_wanted: impl Fn(&Listener) -> bool,
    ) -> Result<Vec<(String, OwnedFd)>, Error> {
        lock(&self.listeners)
            .iter()
            .filter(|listener| is_wanted(listener))
            .map(|listener| {
                let socket = listener.socket.as_fd().try_clone_to_owned();
                let socket = socket.map_err(|source| Error::Socket {
                    socket: format!("port {}", listener.port),
                    source,
                })?;
                Ok((listener.name(), socket))
            })
            .collect()
    }

    /// Takes over what an earlier control process listened on; the port that URLs named first.
    pub(crate) fn take_listeners(&self, mut found: Vec<Listener>, named: Option<u16>) {
        found.sort_by_key(|listener| Some(listener.port) != named);
        *lock(&self.listeners) = found;
    }
}

/// Makes sure that a door lives and listens, on `asked` if that is given.
pub(crate) async fn open(server: &Arc<Server>, asked: Option<u16>) -> Result<(), Error> {
    let _one = server.door.change.lock().await;
    open_first(server, asked).await?;
    server.config.sockets.keep(&lock(&server.door.listeners));
    Ok(())
}

async fn open_first(server: &Arc<Server>, asked: Option<u16>) -> Result<(), Error> {
    if server.door.pid().is_none() && !server.door.is_open() {
        take_stored(server);
    }
    let door = &server.door;
    let folder = server.folders.door();
    let mut more = Vec::new();
    if let Some(public) = &server.config.public {
        let listen = |scheme, port| port::at(scheme, (Ipv4Addr::UNSPECIFIED, port).into());
        if door.port().is_none() {
            more.push(listen(Scheme::Http, public.http)?);
        }
        if door.https_port().is_none() {
            more.push(listen(Scheme::Https, public.https)?);
        }
        return add(server, more).await;
    }
    match asked {
        Some(port) if !door.has_port(port) => more.push(port::exactly(Scheme::Http, port)?),
        None if door.port().is_none() => {
            let last = Scheme::Http.remembered(&folder);
            more.push(port::next_free(Scheme::Http, last)?);
        }
        _ => {}
    }
    if door.https_port().is_none() {
        match port::next_free(Scheme::Https, Scheme::Https.remembered(&folder)) {
            Ok(listener) => more.push(listener),
            Err(error) => warn!(error = %hint::chain(&error), "the door goes without TLS"),
        }
    }
    add(server, more).await
}

/// Gives the door what it does not listen on yet, and starts it where it does not live.
async fn add(server: &Arc<Server>, more: Vec<Listener>) -> Result<(), Error> {
    add_streams(server, more).await?;
    speak_http3(server).await;
    Ok(())
}

/// Opens HTTP/3 on the port of TLS. Without it the door goes on with what TCP carries.
async fn speak_http3(server: &Arc<Server>) {
    let door = &server.door;
    let Some(port) = door
        .https_port()
        .filter(|_| wants_http3(server) && door.port_of(Scheme::Http3).is_none())
        // One that leaves has the socket still; it is asked for when that one has gone.
        .filter(|_| !left_doors::are_there(server))
    else {
        return;
    };
    if door.asked_for_datagrams.swap(true, Ordering::SeqCst) {
        return;
    }
    let address = match server.config.public {
        Some(_) => Ipv4Addr::UNSPECIFIED,
        None => Ipv4Addr::LOCALHOST,
    };
    match port::datagrams_at((address, port).into()) {
        Ok(listener) => lock(&door.listeners).push(listener),
        Err(error) => {
            warn!(
                %error,
                "HTTP/3 is not spoken: UDP port {port} cannot be had (`ss -ulnp` tells who has it); HTTP/1.1 and HTTP/2 are"
            );
            return;
        }
    }
    if let Err(error) = door_process::hand_over(server).await {
        lock(&door.listeners).retain(|listener| listener.scheme != Scheme::Http3);
        warn!(error = %hint::chain(&error), "HTTP/3 is not spoken");
    }
}

fn wants_http3(server: &Server) -> bool {
    server
        .config
        .public
        .as_ref()
        .is_none_or(|public| public.http3)
}

async fn add_streams(server: &Arc<Server>, more: Vec<Listener>) -> Result<(), Error> {
    let door = &server.door;
    let added: Vec<u16> = more.iter().map(|listener| listener.port).collect();
    for listener in more {
        remember(server, &listener)?;
        lock(&door.listeners).insert(0, listener);
    }
    door.wanted.store(true, Ordering::SeqCst);
    match door.pid() {
        None => start(server).await,
        Some(_) if !added.is_empty() => {
            let handed_over = door_process::hand_over(server).await;
            if handed_over.is_err() {
                lock(&door.listeners).retain(|listener| !added.contains(&listener.port));
            }
            handed_over
        }
        Some(_) => Ok(()),
    }
}

/// The same, going on in the background where it cannot be done now: what runs is to run on.
pub(crate) async fn open_surely(server: &Arc<Server>) {
    if let Err(error) = open(server, None).await {
        warn!(error = %hint::chain(&error), "the door could not be started");
        server.door.wanted.store(true, Ordering::SeqCst);
        server.tasks.spawn(reopen(server.clone()));
    }
}

fn remember(server: &Server, listener: &Listener) -> Result<(), Error> {
    let memory = listener.scheme.memory(&server.folders.door());
    let port = listener.port.to_string();
    Ok(file::write_whole(&memory, port.as_bytes())?)
}

/// Finds a door that an earlier control process started, and takes copies of its sockets.
pub(crate) async fn adopt(server: &Arc<Server>) -> bool {
    // One that was to take the living one's place, and whose parent was killed before: without its
    // socket it knows that it will not.
    if let Err(error) = file::remove(&server.folders.next_door_socket()) {
        warn!(error = %hint::chain(&error), "the socket of a door that never opened stays behind");
    }
    let Some(pid) = adopt_living(server).await else {
        return false;
    };
    info!(pid, "found the living door");
    watch(server, pid);
    if left_doors::are_there(server) {
        server.tasks.spawn(follow_left_doors(server.clone()));
    }
    true
}

/// Takes the sockets of a door that ended together with the control process of before; a port that is
/// not to be listened on any more is given up.
fn take_stored(server: &Server) {
    let is_wanted = |listener: &Listener| match (&server.config.public, listener.scheme) {
        (Some(public), Scheme::Http) => listener.port == public.http,
        (Some(public), Scheme::Https) => listener.port == public.https,
        (None, _) => true,
        (Some(_), Scheme::Http3) => false,
    };
    let stored = server.config.sockets.take(is_wanted);
    if !stored.is_empty() {
        info!("the sockets of the door of before are still open");
        let named = Scheme::Http.remembered(&server.folders.door());
        server.door.take_listeners(stored, named);
    }
}

/// Waits until all doors have ended whose place others have taken. From then on nobody else reads the
/// socket of HTTP/3.
async fn follow_left_doors(server: Arc<Server>) {
    tokio::select! {
        () = left_doors::all_gone(&server) => {}
        () = server.stopping.cancelled() => return,
    }
    let _one = server.door.change.lock().await;
    if !server.door.is_open() {
        return;
    }
    if server.door.port_of(Scheme::Http3).is_none() {
        speak_http3(&server).await;
    } else if let Err(error) = door_process::hand_over(&server).await {
        warn!(error = %hint::chain(&error), "HTTP/3 is not spoken");
    }
}

/// Puts a door of this program in the place of one of another, which finishes what it has in its
/// hands. The sockets are with both of them meanwhile, so that no visitor is refused; where the new
/// one does not come up, the old one goes on.
///
/// The same where HTTP/3 has been turned off: the new one is not given its socket.
pub(crate) async fn renew(server: &Arc<Server>) {
    let Some(old) = server.door.pid() else {
        return;
    };
    let turned_off = !wants_http3(server) && server.door.port_of(Scheme::Http3).is_some();
    if !turned_off && !door_process::is_of_another_program(server, old) {
        return;
    }
    match put_in_place(server, old).await {
        Ok(new) => info!(old, new, "a new door has taken the place of the one before"),
        Err(error) => warn!(
            old,
            error = %hint::chain(&error),
            "the door of before goes on: the new one did not come up"
        ),
    }
}

async fn put_in_place(server: &Arc<Server>, old: i32) -> Result<i32, Error> {
    let _one = server.door.change.lock().await;
    // No table may go to the old one alone.
    let _swap = server.door.swap.lock().await;
    let (socket, next) = (
        server.folders.door_socket(),
        server.folders.next_door_socket(),
    );
    let leaving = DoorClient::connect(&socket).await?;
    let pid = door_process::launch_next(server, crate::table::of(server)).await?;
    // From here on it is the door, whatever becomes of this process.
    let in_place = left_doors::name(server, old).and_then(|left| {
        file::rename_synced(&next, &socket)?;
        Ok(left)
    });
    let left = match in_place {
        Ok(left) => left,
        Err(error) => {
            let stopped = ask_at(&next, STOP, |mut door| async move {
                door.stop(Duration::ZERO).await
            });
            let _ = stopped.await;
            return Err(error);
        }
    };
    if !wants_http3(server) {
        server.door.forget_datagrams();
    }
    watch(server, pid);
    let server = server.clone();
    server.clone().tasks.spawn(async move {
        tokio::select! {
            () = left_doors::see_off(leaving, &left) => {}
            () = server.stopping.cancelled() => return,
        }
        follow_left_doors(server).await;
    });
    Ok(pid)
}

/// Starts a door with the sockets and the routes of now.
async fn start(server: &Arc<Server>) -> Result<(), Error> {
    let pid = launch(server).await?;
    watch(server, pid);
    info!(pid, port = server.door.port(), "the door is open");
    Ok(())
}

/// Sends the table of now to the door; one that has died is waited for, since its successor begins
/// with the table of now.
pub(crate) async fn swap(server: &Server) -> Result<(), Error> {
    let began = Moment::now();
    let _one = server.door.swap.lock().await;
    loop {
        let table = crate::table::of(server);
        let of_left = table.clone();
        let swapped = ask(server, Duration::ZERO, |mut door| async move {
            door.swap(table).await
        });
        match swapped.await {
            Ok(()) => {
                left_doors::swap(server, &of_left).await;
                return Ok(());
            }
            Err(error) if refused(&error) || silent(&error) || began.elapsed() > BACK => {
                return Err(error);
            }
            Err(_) => sleep(LOOK).await,
        }
    }
}

/// Waits until nothing is in flight to `keys`; how many requests had to be cut after `within`.
pub(crate) async fn drain(
    server: &Server,
    keys: Vec<String>,
    within: Duration,
) -> Result<u64, Error> {
    let of_left = keys.clone();
    let leaving = left_doors::drain(server, &of_left, within);
    let drained = ask(server, within, |mut door| async move {
        door.drain(keys, within).await
    });
    let (drained, cut) = tokio::join!(drained, leaving);
    Ok(drained? + cut)
}

/// Lets the door finish and end.
pub(crate) async fn close(server: &Server) {
    server.door.wanted.store(false, Ordering::SeqCst);
    let _one = server.door.change.lock().await;
    if server.door.pid().is_some() {
        let asked = ask(
            server,
            STOP,
            |mut door| async move { door.stop(STOP).await },
        );
        if let Err(error) = asked.await {
            warn!(error = %hint::chain(&error), "the door could not be asked to stop; ending it");
            door_process::kill_listener(server).await;
        }
    }
    left_doors::end(server, STOP).await;
    *lock(&server.door.pid) = None;
    lock(&server.door.listeners).clear();
    server.config.sockets.keep(&[]);
    server
        .door
        .asked_for_datagrams
        .store(false, Ordering::SeqCst);
}

/// Starts the door again when `pid` ends and nobody asked it to.
fn watch(server: &Arc<Server>, pid: i32) {
    *lock(&server.door.pid) = Some(pid);
    let server = server.clone();
    server.clone().tasks.spawn(async move {
        tokio::select! {
            () = door_process::ended(&server) => {}
            () = server.stopping.cancelled() => return,
        }
        if server.door.pid() == Some(pid) {
            *lock(&server.door.pid) = None;
            warn!(pid, "the door ended");
            reopen(server).await;
        }
    });
}

/// Tries for ever, a little slower each time, as long as the door is wanted.
fn reopen(server: Arc<Server>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    // Boxed: a door that is started again is watched again.
    Box::pin(async move {
        let mut pause = FIRST_PAUSE;
        while server.door.is_open() {
            match open(&server, None).await {
                Ok(()) => return,
                Err(error) => warn!(error = %hint::chain(&error), "the door could not be started"),
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = server.stopping.cancelled() => return,
            }
        }
    })
}
