//! One core of the door: a thread with its own event loop, its own view of the table and its own
//! connections to the apps. Cores share nothing that a request must wait for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::header::HeaderValue;
use hyper::server::conn::{http1, http2};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::access_log::AccessLog;
use crate::crowd::{Crowd, Place};
use crate::head::Scheme;
use crate::http2::Streams;
use crate::http3;
use crate::limit::Limits;
use crate::pool::{self, Pool};
use crate::protocol;
use crate::room::Room;
use crate::route::Routes;
use crate::signal::Signal;
use crate::stack;
use crate::tls::Store;
use crate::visit::{self, Visit};
use crate::wrong_port;

/// How long a core waits before it accepts again when the process has no descriptor left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// Threads for reads that must wait for a disk; each core has its own.
const DISK_THREADS: usize = 4;

/// What the door's main thread tells a core; each is acknowledged.
pub(crate) enum Order {
    /// Use these routes from now on.
    Use(Arc<Routes>, oneshot::Sender<()>),
    /// Accept on this socket.
    Accept(Scheme, std::net::TcpListener, oneshot::Sender<()>),
    /// Serve a connection over QUIC.
    Welcome(Box<http3::Guest>),
    /// Accept no more, finish within the given time, end.
    Stop(Duration, oneshot::Sender<()>),
    /// The same, and close no connection of HTTP/1 that waits for its next request.
    Leave(Duration, oneshot::Sender<()>),
}

/// Counters that all cores write and the main thread reads.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) failures: AtomicU64,
}

/// What a core is started with.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    /// How many there are.
    pub(crate) cores: usize,
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) tls_of_http3: Arc<ServerConfig>,
    /// The port where HTTP/3 is spoken; 0 while it is not.
    pub(crate) http3: Arc<AtomicU16>,
    pub(crate) certificates: Arc<Store>,
    pub(crate) access_log: AccessLog,
    /// Error pages speak to the developer.
    pub(crate) developer: bool,
}

/// What every request on this core may use.
pub(crate) struct Core {
    /// Counted from 0.
    pub(crate) number: usize,
    pub(crate) setting: Setting,
    table: RefCell<Rc<View>>,
    /// Wakes requests that wait for an instance to come back.
    pub(crate) swapped: Notify,
    /// Rotates the choice among instances with the same load.
    pub(crate) turn: Cell<usize>,
    /// For answers that are compressed on their way.
    pub(crate) room: Room,
    /// Fires when no new connection is accepted and open ones are to end after their request.
    pub(crate) stopping: CancellationToken,
    /// The same, for who only asks: each request does.
    pub(crate) is_stopping: Cell<bool>,
    /// Fires when those of HTTP/1 that wait for a request are closed.
    pub(crate) closing: Signal,
    /// Fires when the grace of a stop is over.
    pub(crate) stopped: CancellationToken,
    /// Fires when nothing is left to do.
    ended: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) http1: http1::Builder,
    pub(crate) http2: http2::Builder<Streams>,
    ids: Ids,
}

/// The routes of now with this core's connections.
pub(crate) struct View {
    /// Of this core; no two views have the same.
    pub(crate) number: u64,
    pub(crate) routes: Arc<Routes>,
    /// One per instance, in the order of [`Routes::instances`].
    pub(crate) pools: Vec<Rc<Pool>>,
}

/// Starts a core on a thread of its own.
pub(crate) fn start(
    number: usize,
    setting: Setting,
) -> io::Result<(mpsc::UnboundedSender<Order>, JoinHandle<()>)> {
    let (sender, orders) = mpsc::unbounded_channel();
    let (report, started) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new()
        .name(format!("door-{number}"))
        .spawn(move || {
            let _pieces = ship_sandbox::keep_pieces();
            // Built here, because it may not move to another thread.
            let built = Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads(DISK_THREADS)
                .build_local(LocalOptions::default());
            match built {
                Ok(runtime) => {
                    let _ = report.send(Ok(()));
                    runtime.block_on(run(number, setting, orders));
                }
                Err(error) => drop(report.send(Err(error))),
            }
        })?;
    started.recv().map_err(io::Error::other)??;
    Ok((sender, thread))
}

async fn run(number: usize, setting: Setting, mut orders: mpsc::UnboundedReceiver<Order>) {
    let core = Rc::new(Core::new(number, setting));
    tokio::task::spawn_local(close_idle(core.clone()));
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => core.follow(order),
                None => return,
            },
            () = core.ended.cancelled() => return,
        }
    }
}

impl Core {
    fn new(number: usize, setting: Setting) -> Self {
        Self {
            number,
            http1: protocol::http1(&setting.limits),
            http2: protocol::http2(&setting.limits),
            setting,
            table: RefCell::new(Rc::new(View {
                number: 0,
                routes: Arc::default(),
                pools: Vec::new(),
            })),
            swapped: Notify::new(),
            turn: Cell::new(0),
            room: Room::default(),
            stopping: CancellationToken::new(),
            is_stopping: Cell::new(false),
            closing: Signal::default(),
            stopped: CancellationToken::new(),
            ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
            ids: Ids::new(),
        }
    }

    fn follow(self: &Rc<Self>, order: Order) {
        match order {
            Order::Use(routes, done) => {
                self.use_routes(routes);
                let _ = done.send(());
            }
            Order::Accept(scheme, socket, done) => {
                self.accept_on(scheme, socket);
                let _ = done.send(());
            }
            // One that comes while the core stops is refused when it is dropped.
            Order::Welcome(guest) => {
                if !self.stopping.is_cancelled() {
                    self.tasks.spawn_local(http3::serve(self.clone(), *guest));
                }
            }
            Order::Stop(within, done) => {
                self.closing.fire();
                tokio::task::spawn_local(self.clone().stop(within, done));
            }
            // A visitor may just be sending on a connection that would be closed: the answer to
            // that request says that it was the last, or none comes and the pause ends it.
            Order::Leave(within, done) => {
                tokio::task::spawn_local(self.clone().stop(within, done));
            }
        }
    }

    /// The table of now.
    pub(crate) fn view(&self) -> Rc<View> {
        self.table.borrow().clone()
    }

    /// Swaps the table. Pools of instances that it does not name any more are dropped with the
    /// connections that idle in them.
    fn use_routes(&self, routes: Arc<Routes>) {
        let old = self.view();
        let known: HashMap<u64, &Rc<Pool>> = old
            .pools
            .iter()
            .map(|pool| (pool.instance.id, pool))
            .collect();
        let pools = routes.instances.iter().map(|instance| {
            let pool = known.get(&instance.id).copied().cloned();
            pool.unwrap_or_else(|| Pool::new(instance.clone()))
        });
        let pools = pools.collect();
        let number = old.number + 1;
        let view = View {
            number,
            routes,
            pools,
        };
        self.table.replace(Rc::new(view));
        self.swapped.notify_waiters();
    }

    fn accept_on(self: &Rc<Self>, scheme: Scheme, socket: std::net::TcpListener) {
        match TcpListener::from_std(socket) {
            Ok(socket) => {
                self.tasks.spawn_local(accept(self.clone(), scheme, socket));
            }
            Err(error) => warn!(%error, "a listening socket cannot be used"),
        }
    }

    /// Ends the core: politely for `within`, then not. Further orders are followed meanwhile, so that
    /// a second stop with less patience ends what the first still waits for.
    async fn stop(self: Rc<Self>, within: Duration, done: oneshot::Sender<()>) {
        self.is_stopping.set(true);
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(within, self.tasks.wait())
            .await
            .is_err()
        {
            self.stopped.cancel();
            let _ = tokio::time::timeout(stack::FAREWELL, self.tasks.wait()).await;
        }
        let _ = done.send(());
        self.ended.cancel();
    }

    /// A name for one request, of this run of the door.
    pub(crate) fn next_id(&self) -> HeaderValue {
        self.ids.next()
    }
}

async fn close_idle(core: Rc<Core>) {
    loop {
        tokio::time::sleep(pool::KEEP_IDLE / 4).await;
        core.view().pools.iter().for_each(|pool| pool.close_idle());
    }
}

async fn accept(core: Rc<Core>, scheme: Scheme, socket: TcpListener) {
    let port = socket.local_addr().map_or(0, |address| address.port());
    loop {
        let crowd = &core.setting.crowd;
        let (room, accepted) = tokio::select! {
            next = async { (crowd.room().await, socket.accept().await) } => next,
            () = core.stopping.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(place) = crowd.place(room, peer.ip()) {
                    let visit = Visit::new(core.clone(), scheme, peer, port);
                    match scheme {
                        Scheme::Http => {
                            core.tasks.spawn_local(visit::serve(visit, stream, place));
                        }
                        Scheme::Https => {
                            core.tasks.spawn_local(welcome_to_tls(visit, stream, place));
                        }
                    }
                } else {
                    debug!(%peer, "there are too many connections from this address");
                }
            }
            Err(error) if is_of_one_connection(&error) => debug!(%error, "a visitor was gone"),
            Err(error) => {
                warn!(%error, "cannot accept connections");
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
}

/// Serves who speaks TLS, and sends others where they meant to go.
async fn welcome_to_tls(visit: Rc<Visit>, stream: TcpStream, place: Place) {
    let core = visit.core.clone();
    let sorting = wrong_port::sort_out(stream, visit.port, core.setting.limits.head_time);
    let sorted = tokio::select! {
        sorted = sorting => sorted,
        () = core.stopped.cancelled() => None,
    };
    if let Some(stream) = sorted {
        visit::serve(visit, stream, place).await;
    }
}

/// Errors that accept(2) passes on from the connection it would have returned.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Names for requests: a random start per core, then counted.
struct Ids {
    start: u64,
    next: Cell<u32>,
}

impl Ids {
    fn new() -> Self {
        Self {
            start: RandomState::new().hash_one(std::process::id()),
            next: Cell::new(0),
        }
    }

    fn next(&self) -> HeaderValue {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        let mut text = [0; 24];
        write_hex(&mut text[..16], self.start);
        write_hex(&mut text[16..], u64::from(number));
        HeaderValue::from_bytes(&text).expect("hexadecimal digits")
    }
}

fn write_hex(text: &mut [u8], mut number: u64) {
    for digit in text.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_requests_have_one_name() {
        let ids = Ids::new();
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        assert_eq!(first.len(), 24);
        assert!(second.to_str().unwrap().ends_with("00000001"));
    }
}
