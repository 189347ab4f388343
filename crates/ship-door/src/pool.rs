//! Connections to one instance, kept by one core.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep};

use crate::app_connection::{AppConnection, AppStream};
use crate::instance::{InFlight, Instance};
use crate::table::Address;

/// Idle connections that one core keeps to one instance.
const MOST_IDLE: usize = 64;

/// How long an idle connection is kept.
pub(crate) const KEEP_IDLE: Duration = Duration::from_mins(1);

/// How long a connection may have been idle to carry a request that must not be sent twice. The
/// shortest keep-alive among the servers we start is gunicorn's, 2 s: a connection idle for less
/// than this is not about to be closed under our request.
const FRESH: Duration = Duration::from_millis(500);

/// The idle connections of one core to one instance.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) instance: Arc<Instance>,
    idle: RefCell<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: Box<AppConnection>,
    alarm: Pin<Box<Sleep>>,
    since: Instant,
}

/// A connection that carries one request, and the count that goes with it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Box<AppConnection>,
    /// For the time that an answer may take. One for all requests of the connection: to put it off is
    /// much cheaper than to make a new one.
    pub(crate) alarm: Pin<Box<Sleep>>,
    in_flight: InFlight,
    /// Weak: where the table has dropped the instance, the connection ends with its request.
    pool: Weak<Pool>,
    /// Whether the connection has carried a request before; if so it may be dying, and a failure
    /// says nothing about the instance.
    pub(crate) reused: bool,
}

impl Pool {
    pub(crate) fn new(instance: Arc<Instance>) -> Rc<Self> {
        Rc::new(Self {
            instance,
            idle: RefCell::new(Vec::new()),
        })
    }

    /// An idle connection, the one used last (so that a burst's surplus ages out). `replayable`:
    /// the request may be sent again should the connection turn out to be dead.
    pub(crate) fn take(self: &Rc<Self>, replayable: bool) -> Option<Link> {
        let mut idle = self.idle.borrow_mut();
        for at in (0..idle.len()).rev() {
            if !idle[at].connection.is_quiet() {
                idle.remove(at);
            } else if !replayable && idle[at].since.elapsed() > FRESH {
                // All others have been idle for longer.
                return None;
            } else {
                let Idle {
                    connection, alarm, ..
                } = idle.remove(at);
                return Some(self.link(connection, alarm, self.instance.begin(), true));
            }
        }
        None
    }

    /// A new connection.
    pub(crate) async fn connect(self: &Rc<Self>, within: Duration) -> io::Result<Link> {
        let in_flight = self.instance.begin();
        let stream = match tokio::time::timeout(within, self.dial()).await {
            Ok(dialled) => dialled?,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        let connection = AppConnection::new(stream, self.instance.cut().clone());
        let alarm = Box::pin(tokio::time::sleep(within));
        Ok(self.link(Box::new(connection), alarm, in_flight, false))
    }

    async fn dial(&self) -> io::Result<AppStream> {
        match &self.instance.address {
            Address::Unix(path) => Ok(AppStream::Unix(UnixStream::connect(path).await?)),
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(AppStream::Tcp(stream))
            }
        }
    }

    fn link(
        self: &Rc<Self>,
        connection: Box<AppConnection>,
        alarm: Pin<Box<Sleep>>,
        in_flight: InFlight,
        reused: bool,
    ) -> Link {
        Link {
            connection,
            alarm,
            in_flight,
            pool: Rc::downgrade(self),
            reused,
        }
    }

    fn put(&self, mut connection: Box<AppConnection>, alarm: Pin<Box<Sleep>>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MOST_IDLE && connection.rests() {
            let since = Instant::now();
            idle.push(Idle {
                connection,
                alarm,
                since,
            });
        }
    }

    /// Closes what has been idle for longer than [`KEEP_IDLE`], or is closed already.
    pub(crate) fn close_idle(&self) {
        let keep = |idle: &Idle| idle.connection.is_quiet() && idle.since.elapsed() < KEEP_IDLE;
        self.idle.borrow_mut().retain(keep);
    }
}

impl Link {
    /// The answer is complete: the connection may carry the next request, once all of this one was
    /// sent. An answer can come before the end of an upload.
    pub(crate) fn give_back(self) {
        let Self {
            mut connection,
            alarm,
            pool,
            ..
        } = self;
        let put = move |connection| {
            if let Some(pool) = pool.upgrade() {
                pool.put(connection, alarm);
            }
        };
        if !connection.is_sending() {
            return put(connection);
        }
        tokio::task::spawn_local(async move {
            if connection.finish_sending().await {
                put(connection);
            }
        });
    }

    /// The connection has become something else (a WebSocket); the count goes on.
    pub(crate) fn into_tunnel(self) -> (AppConnection, InFlight) {
        (*self.connection, self.in_flight)
    }
}
