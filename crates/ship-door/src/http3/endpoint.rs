//! The UDP socket of HTTP/3, on a thread of its own, and who comes in through it.
//!
//! One socket and one thread that reads it: a visitor whose address changes stays with its
//! connection, which sockets shared out by the kernel would lose. The thread only looks at where a
//! packet belongs; what is in it is the business of the core that has the connection, and cores get
//! connections in turn.
//!
//! Nobody has proved its address with its first packet. So few unproved ones are answered at once,
//! each with three times at most of what it sent (RFC 9000, 8.1); beyond, a visitor has to come again
//! with a token (8.1.2), which costs us nothing to remember. `shaking.rs` counts those that came with one.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use quinn::{EndpointConfig, Incoming, TokioRuntime, VarInt};
use tokio::runtime::Builder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::server_config;
use super::shaking::{Shakers, Shaking};
use crate::core::{Order, Setting};
use crate::crowd::Place;

/// How long the last packets may take to leave.
const FAREWELL: Duration = Duration::from_millis(500);

/// One that may come in.
pub(crate) struct Guest {
    pub(super) incoming: Incoming,
    pub(super) place: Place,
    pub(super) handshake: Handshake,
    /// How many have come to an agreement and are here.
    pub(super) agreed: Arc<AtomicUsize>,
}

/// Counts a handshake until it is dropped.
pub(crate) enum Handshake {
    /// Of one whose address is not proved.
    Unproved {
        _permit: OwnedSemaphorePermit,
    },
    Proved(Shaking),
}

impl Handshake {
    /// Until it has to make room for others.
    pub(super) async fn given_up(&self) {
        match self {
            Self::Unproved { .. } => std::future::pending().await,
            Self::Proved(shaking) => shaking.given_up().await,
        }
    }
}

/// A socket that is served; stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Lets nobody in any more.
    stopping: CancellationToken,
    /// Serves nobody any more.
    stopped: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Serves `socket`; guests go to the cores in turn.
    pub(crate) fn start(
        socket: OwnedFd,
        setting: &Setting,
        cores: Vec<mpsc::UnboundedSender<Order>>,
    ) -> io::Result<Self> {
        let config = server_config(setting.tls_of_http3.clone()).map_err(io::Error::other)?;
        let lobby = Lobby {
            setting: setting.clone(),
            cores,
            turn: 0,
            unproved: Arc::new(Semaphore::new(setting.limits.unproved_handshakes)),
            proved: Shakers::new(setting.limits.handshakes),
            agreed: Arc::default(),
        };
        let endpoint = Self {
            stopping: CancellationToken::new(),
            stopped: CancellationToken::new(),
            thread: None,
        };
        let (stopping, stopped) = (endpoint.stopping.clone(), endpoint.stopped.clone());
        let (report, started) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("door-quic".to_owned())
            .spawn(move || {
                let runtime = match Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(report.send(Err(error))),
                };
                runtime.block_on(async {
                    let socket = std::net::UdpSocket::from(socket);
                    let runtime = Arc::new(TokioRuntime);
                    let plain = EndpointConfig::default();
                    match quinn::Endpoint::new(plain, Some(config), socket, runtime) {
                        Ok(endpoint) => {
                            let _ = report.send(Ok(()));
                            lobby.run(endpoint, stopping, stopped).await;
                        }
                        Err(error) => drop(report.send(Err(error))),
                    }
                });
            })?;
        started.recv().map_err(io::Error::other)??;
        Ok(Self {
            thread: Some(thread),
            ..endpoint
        })
    }

    /// Lets nobody in any more; who is in stays.
    pub(crate) fn close(&self) {
        self.stopping.cancel();
    }

    /// Ends, once no core has a connection.
    pub(crate) fn end(mut self) {
        self.stopping.cancel();
        self.stopped.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the thread of HTTP/3 ended by a panic");
        }
    }
}

/// Where visitors are looked at before they come in.
struct Lobby {
    setting: Setting,
    cores: Vec<mpsc::UnboundedSender<Order>>,
    turn: usize,
    unproved: Arc<Semaphore>,
    proved: Shakers,
    agreed: Arc<AtomicUsize>,
}

impl Lobby {
    async fn run(
        mut self,
        endpoint: quinn::Endpoint,
        stopping: CancellationToken,
        stopped: CancellationToken,
    ) {
        loop {
            tokio::select! {
                incoming = endpoint.accept() => match incoming {
                    // Who is told at once comes by TCP, and does not wait for an answer first.
                    Some(incoming) if stopping.is_cancelled() => incoming.refuse(),
                    Some(incoming) if self.unfinished(&endpoint) >= self.setting.limits.unfinished => {
                        // Who is honest sends its first packet again before long.
                        debug!(peer = %incoming.remote_address(), "there are too many unfinished connections");
                        incoming.ignore();
                    }
                    Some(incoming) => self.admit(incoming),
                    None => return,
                },
                () = stopped.cancelled() => break,
            }
        }
        endpoint.close(VarInt::from_u32(0), b"");
        let _ = tokio::time::timeout(FAREWELL, endpoint.wait_idle()).await;
    }

    /// Connections without an agreement. One that was given up is among them for some seconds: until
    /// its last packets must have arrived, quinn keeps all of it (RFC 9000, 10.2).
    fn unfinished(&self, endpoint: &quinn::Endpoint) -> usize {
        let agreed = self.agreed.load(Ordering::Relaxed);
        endpoint.open_connections().saturating_sub(agreed)
    }

    fn admit(&mut self, incoming: Incoming) {
        let peer = incoming.remote_address();
        let handshake = if incoming.remote_address_validated() {
            Handshake::Proved(self.proved.begin())
        } else if let Ok(permit) = self.unproved.clone().try_acquire_owned() {
            Handshake::Unproved { _permit: permit }
        } else {
            return ask_again(incoming, peer);
        };
        let crowd = &self.setting.crowd;
        let place = crowd
            .room_now()
            .and_then(|room| crowd.place(room, peer.ip()));
        let Some(place) = place else {
            debug!(%peer, "there is no room for this connection");
            return incoming.refuse();
        };
        let guest = Guest {
            incoming,
            place,
            handshake,
            agreed: self.agreed.clone(),
        };
        self.turn = self.turn.wrapping_add(1);
        // A core that has ended lets the guest fall, which refuses it.
        let _ = self.cores[self.turn % self.cores.len()].send(Order::Welcome(Box::new(guest)));
    }
}

/// Has a visitor prove its address.
fn ask_again(incoming: Incoming, peer: SocketAddr) {
    if let Err(error) = incoming.retry() {
        debug!(%peer, %error, "a visitor cannot be asked to come again");
    }
}
