//! The UDP socket of HTTP/3, on a thread of its own, and who comes in through it.
//!
//! One socket and one thread that reads it: a visitor whose address changes stays with its
//! connection, which sockets shared out by the kernel would lose. The thread only looks at where a
//! packet belongs; what is in it is the business of the core that has the connection, and cores get
//! connections in turn.
//!
//! Nobody has proved its address with its first packet. So few unproved ones are answered at once,
//! each with three times at most of what it sent (RFC 9000, 8.1); beyond, a visitor has to come again
//! with a token (8.1.2), which costs us nothing to remember.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use quinn::{EndpointConfig, Incoming, TokioRuntime, VarInt};
use tokio::runtime::Builder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::server_config;
use crate::core::{Order, Setting};
use crate::crowd::Place;

/// Handshakes at once of visitors that have not proved their address; with a few packets each.
const UNPROVED: usize = 64;

/// Handshakes at once of those that have.
const SHAKING: usize = 1000;

/// How long the last packets may take to leave.
const FAREWELL: Duration = Duration::from_millis(500);

/// One that may come in.
pub(crate) struct Guest {
    pub(super) incoming: Incoming,
    pub(super) place: Place,
    /// Given back after the handshake.
    pub(super) shaking: OwnedSemaphorePermit,
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
            unproved: Arc::new(Semaphore::new(UNPROVED)),
            proved: Arc::new(Semaphore::new(SHAKING)),
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
    proved: Arc<Semaphore>,
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
                    Some(incoming) => self.admit(incoming),
                    None => return,
                },
                () = stopped.cancelled() => break,
            }
        }
        endpoint.close(VarInt::from_u32(0), b"");
        let _ = tokio::time::timeout(FAREWELL, endpoint.wait_idle()).await;
    }

    fn admit(&mut self, incoming: Incoming) {
        let peer = incoming.remote_address();
        let shakers = if incoming.remote_address_validated() {
            &self.proved
        } else {
            &self.unproved
        };
        let Ok(shaking) = shakers.clone().try_acquire_owned() else {
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
            shaking,
        };
        self.turn = self.turn.wrapping_add(1);
        // A core that has ended lets the guest fall, which refuses it.
        let _ = self.cores[self.turn % self.cores.len()].send(Order::Welcome(Box::new(guest)));
    }
}

/// Has a visitor prove its address; one that did and finds no room is refused.
fn ask_again(incoming: Incoming, peer: SocketAddr) {
    if incoming.may_retry() {
        if let Err(error) = incoming.retry() {
            debug!(%peer, %error, "a visitor cannot be asked to come again");
        }
    } else {
        debug!(%peer, "there are too many handshakes");
        incoming.refuse();
    }
}
