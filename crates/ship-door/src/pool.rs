//! Connections to one instance, kept by one core.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep};

use crate::app_connection::{AppConnection, AppStream};
use crate::app_streams::{Connection, Stream};
use crate::instance::{InFlight, Instance};
use crate::table::Address;

/// Idle connections that one core keeps to one instance.
const MOST_IDLE: usize = 64;

/// The same while there is a burst: none of its connections is closed only to be made anew for the
/// next request. What was not used for [`BURST`] goes.
const MOST_IN_BURST: usize = 512;

/// Short, because some apps have room for a hundred connections and no more.
const BURST: Duration = Duration::from_secs(1);

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
    /// The one used last is the last.
    idle: RefCell<Vec<Idle>>,
    /// Where the instance speaks HTTP/2.
    streams: Connection,
    /// There are more than [`MOST_IDLE`], and somebody looks after that.
    bursts: Cell<bool>,
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
            streams: Connection::default(),
            bursts: Cell::new(false),
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
        let stream = self.dial_within(within).await?;
        let connection = AppConnection::new(stream, self.instance.cut().clone());
        let alarm = Box::pin(tokio::time::sleep(within));
        Ok(self.link(Box::new(connection), alarm, in_flight, false))
    }

    /// A stream of the connection of HTTP/2 that there is, or of a new one.
    pub(crate) async fn stream(&self, within: Duration) -> io::Result<Stream> {
        let in_flight = self.instance.begin();
        if let Some(requests) = self.streams.open() {
            return Ok(Stream::new(requests, in_flight, true));
        }
        let requests = self.streams.begin(self.dial_within(within).await?).await?;
        Ok(Stream::new(requests, in_flight, false))
    }

    async fn dial_within(&self, within: Duration) -> io::Result<AppStream> {
        let dialled = tokio::time::timeout(within, self.dial()).await;
        dialled.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
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

    fn put(self: &Rc<Self>, mut connection: Box<AppConnection>, alarm: Pin<Box<Sleep>>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MOST_IN_BURST && connection.rests() {
            let since = Instant::now();
            idle.push(Idle {
                connection,
                alarm,
                since,
            });
        }
        if idle.len() > MOST_IDLE && !self.bursts.replace(true) {
            tokio::task::spawn_local(end_burst(Rc::downgrade(self)));
        }
    }

    /// Closes what has been idle for longer than [`KEEP_IDLE`], or is closed already.
    pub(crate) fn close_idle(&self) {
        let keep = |idle: &Idle| idle.connection.is_quiet() && idle.since.elapsed() < KEEP_IDLE;
        self.idle.borrow_mut().retain(keep);
    }

    /// Closes what a burst has left; whether it goes on.
    fn close_surplus(&self) -> bool {
        let mut idle = self.idle.borrow_mut();
        let surplus = idle.len().saturating_sub(MOST_IDLE);
        let unused = idle.partition_point(|idle| idle.since.elapsed() >= BURST);
        idle.drain(..surplus.min(unused));
        idle.len() > MOST_IDLE
    }
}

/// Looks after a burst to its end.
async fn end_burst(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(BURST).await;
        let Some(pool) = pool.upgrade() else { return };
        if !pool.close_surplus() {
            pool.bursts.set(false);
            return;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::Instances;
    use crate::table::{Protocol, Upstream};

    #[tokio::test(start_paused = true)]
    async fn what_a_burst_leaves_is_kept_for_a_second_and_then_as_much_as_always() {
        const LINKS: usize = MOST_IDLE + 10;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.sock");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let pool = Pool::new(Instances::default().get(&Upstream {
            key: "blog/web.1@r7".to_owned(),
            address: Address::Unix(path),
            protocol: Protocol::Http1,
        }));
        let burst = async {
            let mut links = Vec::new();
            for _ in 0..LINKS {
                links.push(pool.connect(Duration::from_hours(1)).await.unwrap());
            }
            links.into_iter().for_each(Link::give_back);
            let idle = || pool.idle.borrow().len();
            assert_eq!(idle(), LINKS);
            tokio::time::sleep(BURST / 2).await;
            assert_eq!(idle(), LINKS);
            tokio::time::sleep(BURST).await;
            assert_eq!(idle(), MOST_IDLE);
            assert!(!pool.bursts.get());
        };
        tokio::task::LocalSet::new().run_until(burst).await;
        drop(listener);
    }
}
