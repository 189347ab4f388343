//! Connections to one instance, kept by one core.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep};

use crate::body::RequestBody;
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
    sender: SendRequest<RequestBody>,
    alarm: Pin<Box<Sleep>>,
    since: Instant,
}

/// A connection that carries one request, and the count that goes with it.
#[derive(Debug)]
pub(crate) struct Link {
    sender: SendRequest<RequestBody>,
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
            if idle[at].sender.is_closed() {
                idle.remove(at);
            } else if !replayable && idle[at].since.elapsed() > FRESH {
                // All others have been idle for longer.
                return None;
            } else if idle[at].sender.is_ready() {
                let Idle { sender, alarm, .. } = idle.remove(at);
                return Some(self.link(sender, alarm, self.instance.begin(), true));
            }
            // Else it is still busy with an upload whose answer came early.
        }
        None
    }

    /// A new connection.
    pub(crate) async fn connect(self: &Rc<Self>, within: Duration) -> io::Result<Link> {
        let in_flight = self.instance.begin();
        let sender = match tokio::time::timeout(within, self.dial()).await {
            Ok(dialled) => dialled?,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        let alarm = Box::pin(tokio::time::sleep(within));
        Ok(self.link(sender, alarm, in_flight, false))
    }

    async fn dial(&self) -> io::Result<SendRequest<RequestBody>> {
        match &self.instance.address {
            Address::Unix(path) => self.shake(UnixStream::connect(path).await?).await,
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                self.shake(stream).await
            }
        }
    }

    async fn shake<S>(&self, stream: S) -> io::Result<SendRequest<RequestBody>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shaken = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(io::Error::other)?;
        let instance = self.instance.clone();
        // Ends when its sender is dropped, its app closes, or its instance is cut; then hyper makes
        // an answer on its way an error, so that it does not look whole.
        tokio::task::spawn_local(async move {
            tokio::select! {
                _ = connection.with_upgrades() => {}
                () = instance.cut().cancelled() => {}
            }
        });
        Ok(sender)
    }

    fn link(
        self: &Rc<Self>,
        sender: SendRequest<RequestBody>,
        alarm: Pin<Box<Sleep>>,
        in_flight: InFlight,
        reused: bool,
    ) -> Link {
        Link {
            sender,
            alarm,
            in_flight,
            pool: Rc::downgrade(self),
            reused,
        }
    }

    fn put(&self, sender: SendRequest<RequestBody>, alarm: Pin<Box<Sleep>>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MOST_IDLE && !sender.is_closed() {
            let since = Instant::now();
            idle.push(Idle {
                sender,
                alarm,
                since,
            });
        }
    }

    /// Closes what has been idle for longer than [`KEEP_IDLE`], or is closed already.
    pub(crate) fn close_idle(&self) {
        let keep = |idle: &Idle| !idle.sender.is_closed() && idle.since.elapsed() < KEEP_IDLE;
        self.idle.borrow_mut().retain(keep);
    }
}

impl Link {
    /// Sends a request; where nothing of it was written, the error holds it.
    pub(crate) fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<
        Output = Result<hyper::Response<hyper::body::Incoming>, TrySendError<Request<RequestBody>>>,
    > + use<> {
        self.sender.try_send_request(request)
    }

    /// The answer is complete: the connection may carry the next request.
    pub(crate) fn give_back(self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.put(self.sender, self.alarm);
        }
    }

    /// The connection has become something else (a WebSocket); the count goes on.
    pub(crate) fn into_in_flight(self) -> InFlight {
        self.in_flight
    }
}
