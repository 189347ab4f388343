//! A visitor's connection, from its first byte to its last.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::header::HeaderValue;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use crate::core::{Core, Counters};
use crate::crowd::Place;
use crate::head::{Marks, Scheme};
use crate::host::Host;
use crate::http1;
use crate::http2;
use crate::outlet::{Outlet, Socket};
use crate::patience::Patience;
use crate::strict::Told;
use crate::tls;
use crate::tracked::Tracked;

/// Serves a connection until it ends.
pub(crate) async fn serve(visit: Rc<Visit>, stream: TcpStream, place: Place) {
    let core = visit.core.clone();
    let open = Open::new(&core.setting.counters, place);
    // An answer in two small packets must not wait for the first one's acknowledgement.
    let _ = stream.set_nodelay(true);
    let stream = Socket::new(stream, visit.outlet.clone());
    let stream = Patience::new(stream, core.setting.limits.read_patience);
    match visit.scheme {
        Scheme::Http => told(http1::serve(visit, stream).await),
        Scheme::Https => {
            if let Some(stream) = shake(&core, stream).await {
                // A task of its own: what a handshake needs is not kept for the hours in which a
                // connection waits.
                let speaking = speak(visit, stream);
                core.tasks.spawn_local(async move {
                    told(speaking.await);
                    drop(open);
                });
            }
        }
    }
}

/// Speaks what was agreed on. Boxed, since it would lie twice in the task that waits for it.
fn speak(
    visit: Rc<Visit>,
    stream: TlsStream<Patience<Socket>>,
) -> Pin<Box<dyn Future<Output = hyper::Result<()>>>> {
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Box::pin(http2::serve(visit, stream)),
        // An authority has seen the certificate that it asked for, and wants nothing more.
        Some(tls::ACME) => Box::pin(std::future::ready(Ok(()))),
        _ => Box::pin(http1::serve(visit, stream)),
    }
}

fn told(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        debug!(error = %ship_base::hint::chain(&error), "a connection ended early");
    }
}

/// Agrees on a certificate and a protocol, in the time that a head has.
async fn shake(core: &Core, stream: Patience<Socket>) -> Option<TlsStream<Patience<Socket>>> {
    let shaking = TlsAcceptor::from(core.setting.tls.clone()).accept(stream);
    let within = core.setting.limits.head_time;
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(within, shaking) => shaken,
        () = core.stopped.cancelled() => return None,
    };
    match shaken {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            debug!(%error, "no agreement on TLS");
            None
        }
        Err(_) => {
            debug!("the handshake took too long");
            None
        }
    }
}

/// Counts an open connection, and holds its place.
pub(crate) struct Open {
    counters: Arc<Counters>,
    _place: Place,
}

impl Open {
    pub(crate) fn new(counters: &Arc<Counters>, place: Place) -> Self {
        counters.connections.fetch_add(1, Ordering::Relaxed);
        Self {
            counters: counters.clone(),
            _place: place,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.counters.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection of a visitor.
pub(crate) struct Visit {
    pub(crate) core: Rc<Core>,
    pub(crate) scheme: Scheme,
    /// Where it came from when it came.
    pub(crate) peer: SocketAddr,
    /// The port of TCP that it came to.
    pub(crate) port: u16,
    pub(crate) activity: Rc<Activity>,
    /// What the connection knows and a request cannot.
    pub(crate) told: Arc<Told>,
    /// What its socket sends by itself.
    pub(crate) outlet: Arc<Outlet>,
    /// Of the request before: visitors hardly ever change the host on a connection.
    marks: RefCell<Option<Rc<Marks>>>,
}

impl Visit {
    pub(crate) fn new(core: Rc<Core>, scheme: Scheme, peer: SocketAddr, port: u16) -> Rc<Self> {
        Rc::new(Self {
            core,
            scheme,
            peer,
            port,
            activity: Rc::new(Activity::new()),
            told: Arc::default(),
            outlet: Arc::default(),
            marks: RefCell::new(None),
        })
    }

    /// What is known of requests on this connection that name the host `written`; `None` when
    /// that is not a host.
    pub(crate) fn marks(&self, written: &HeaderValue) -> Option<Rc<Marks>> {
        if let Some(marks) = &*self.marks.borrow()
            && marks.written == written
        {
            return Some(marks.clone());
        }
        let host: Host<'_> = crate::host::parse(written.to_str().ok()?)?;
        let marks = Marks::new(written.clone(), &host, self.peer, self.scheme);
        let marks = Rc::new(marks);
        self.marks.replace(Some(marks.clone()));
        Some(marks)
    }

    /// Waits until nothing was asked for a while.
    pub(crate) async fn until_idle(&self) {
        self.without_work(self.activity.since(), self.core.setting.limits.idle)
            .await;
    }

    /// Waits until nothing has gone on for `most` from now.
    pub(crate) async fn until_idle_since_now(&self, most: Duration) {
        self.without_work(Instant::now(), most).await;
    }

    async fn without_work(&self, from: Instant, most: Duration) {
        loop {
            let since = self.activity.since().max(from);
            if since.elapsed() >= most {
                return;
            }
            tokio::time::sleep_until(since + most).await;
        }
    }
}

/// What goes on on a connection of HTTP/2 or 3, which carries many things at once.
pub(crate) struct Activity {
    /// Requests that are being answered, and WebSockets.
    busy: Cell<usize>,
    /// WebSockets alone.
    tunnels: Cell<usize>,
    /// When the last of them began or ended.
    active: Cell<Instant>,
    /// Wakes who waits for the end of a WebSocket.
    ended: Notify,
}

impl Activity {
    fn new() -> Self {
        Self {
            busy: Cell::new(0),
            tunnels: Cell::new(0),
            active: Cell::new(Instant::now()),
            ended: Notify::new(),
        }
    }

    /// Since when nothing goes on; now where something does.
    fn since(&self) -> Instant {
        if self.busy.get() > 0 {
            Instant::now()
        } else {
            self.active.get()
        }
    }

    /// A WebSocket begins; it ends with what is returned.
    pub(crate) fn tunnel(self: &Rc<Self>) -> OpenTunnel {
        self.tunnels.set(self.tunnels.get() + 1);
        OpenTunnel(Busy::of(self.clone()))
    }

    pub(crate) async fn without_tunnels(&self) {
        loop {
            let ended = self.ended.notified();
            if self.tunnels.get() == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// A request that is being answered.
pub(crate) struct Busy(Rc<Activity>);

impl Busy {
    pub(crate) fn new(visit: &Visit) -> Self {
        Self::of(visit.activity.clone())
    }

    fn of(activity: Rc<Activity>) -> Self {
        activity.busy.set(activity.busy.get() + 1);
        Self(activity)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
        self.0.active.set(Instant::now());
    }
}

/// A WebSocket of a connection.
pub(crate) struct OpenTunnel(Busy);

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        let activity = &self.0.0;
        activity.tunnels.set(activity.tunnels.get() - 1);
        activity.ended.notify_waiters();
    }
}

/// An answer, and something that is held until it has been given to its end.
pub(crate) struct Answered<H> {
    body: Tracked,
    _held: H,
}

impl<H> Answered<H> {
    pub(crate) fn new(body: Tracked, held: H) -> Self {
        Self { body, _held: held }
    }
}

impl<H: Unpin> hyper::body::Body for Answered<H> {
    type Data = <Tracked as hyper::body::Body>::Data;
    type Error = <Tracked as hyper::body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
