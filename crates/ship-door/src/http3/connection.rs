//! A visitor's connection over QUIC, from its handshake to its last answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h3::error::{Code, ConnectionError};
use h3::server::RequestResolver;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::endpoint::Guest;
use super::request;
use super::transport::{Exchange, Limit, Transport, code};
use crate::core::Core;
use crate::head::Scheme;
use crate::visit::{Open, Visit};

/// Requests of one connection that a visitor may take back before they are answered, beyond those
/// that it let us answer (CVE-2023-44487).
const TAKEN_BACK: u32 = 100;

/// Serves a connection until it ends.
pub(crate) async fn serve(core: Rc<Core>, guest: Guest) {
    let Guest {
        incoming,
        place,
        handshake,
        agreed,
    } = guest;
    let _open = Open::new(&core.setting.counters, place);
    let peer = incoming.remote_address();
    let shaken = tokio::select! {
        shaken = shake(&core, incoming) => shaken,
        () = handshake.given_up() => {
            debug!(%peer, "a handshake makes room for another");
            None
        }
    };
    let Some(connection) = shaken else {
        return;
    };
    drop(handshake);
    let _agreed = Agreed::new(agreed);
    let visit = Visit::new(core.clone(), Scheme::Https, peer, 0);
    if let Err(error) = Conversation::new(visit, connection.clone()).run().await {
        debug!(%error, "a connection ended early");
    }
    connection.close(code(Code::H3_NO_ERROR), b"");
    // The core may end with its last task; what closes the connection is to leave before.
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

/// Counts a connection that has come to an agreement.
struct Agreed(Arc<AtomicUsize>);

impl Agreed {
    fn new(all: Arc<AtomicUsize>) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self(all)
    }
}

impl Drop for Agreed {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Agrees on a certificate, in the time that a head has.
async fn shake(core: &Core, incoming: quinn::Incoming) -> Option<quinn::Connection> {
    let shaking = match incoming.accept() {
        Ok(shaking) => shaking,
        Err(error) => {
            debug!(%error, "no agreement on QUIC");
            return None;
        }
    };
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(core.setting.limits.head_time, shaking) => shaken,
        () = core.stopped.cancelled() => return None,
    };
    match shaken {
        Ok(Ok(connection)) => Some(connection),
        Ok(Err(error)) => {
            debug!(%error, "no agreement on QUIC");
            None
        }
        Err(_) => {
            debug!("the handshake took too long");
            None
        }
    }
}

/// The requests of one connection.
struct Conversation {
    visit: Rc<Visit>,
    connection: quinn::Connection,
    /// Requests in hand.
    requests: TaskTracker,
    taken_back: Rc<Cell<u32>>,
}

type Resolver = RequestResolver<Transport, Bytes>;

impl Conversation {
    fn new(visit: Rc<Visit>, connection: quinn::Connection) -> Self {
        let requests = TaskTracker::new();
        requests.close();
        Self {
            visit,
            connection,
            requests,
            taken_back: Rc::default(),
        }
    }

    async fn run(self) -> Result<(), ConnectionError> {
        let core = &self.visit.core;
        let limit = Limit {
            head: core.setting.limits.head,
            patience: core.setting.limits.read_patience,
        };
        let transport = Transport::new(self.connection.clone(), limit);
        let last = transport.last();
        let mut http3 = super::http3(&core.setting.limits).build(transport).await?;
        tokio::select! {
            ended = self.take_all(&mut http3, &last) => return ended,
            () = core.stopping.cancelled() => {}
            () = self.visit.until_idle() => {}
        }
        // `h3` names the last request that it took plus so many, and RFC 9114, 5.2 the first that is
        // not taken.
        http3.shutdown(1).await?;
        tokio::select! {
            ended = self.refuse_all(&mut http3, &last) => ended,
            () = self.requests.wait() => Ok(()),
            () = core.stopped.cancelled() => Ok(()),
        }
    }

    async fn take_all(
        &self,
        http3: &mut h3::server::Connection<Transport, Bytes>,
        last: &RefCell<Option<Exchange>>,
    ) -> Result<(), ConnectionError> {
        while let Some(resolver) = http3.accept().await? {
            let exchange = last.borrow_mut().take();
            let exchange = exchange.expect("a stream that was accepted");
            if self.is_too_much() {
                break;
            }
            self.take(resolver, exchange);
        }
        Ok(())
    }

    /// After the farewell: who comes now was told to come again elsewhere.
    async fn refuse_all(
        &self,
        http3: &mut h3::server::Connection<Transport, Bytes>,
        last: &RefCell<Option<Exchange>>,
    ) -> Result<(), ConnectionError> {
        while let Some(resolver) = http3.accept().await? {
            if let Some(exchange) = last.borrow_mut().take() {
                exchange.otherwise.set(Some(Code::H3_REQUEST_REJECTED));
            }
            drop(resolver);
        }
        self.requests.wait().await;
        Ok(())
    }

    fn take(&self, resolver: Resolver, exchange: Exchange) {
        // Another network: what was said of the visitor's address no longer holds. Its browser comes
        // again by itself. Before that not even a proof of the new address is there.
        if self.connection.remote_address().ip() != self.visit.peer.ip() {
            debug!(peer = %self.visit.peer, "a visitor has another address");
            exchange.otherwise.set(Some(Code::H3_REQUEST_REJECTED));
            self.connection.close(code(Code::H3_NO_ERROR), b"");
            return;
        }
        let (visit, taken_back) = (self.visit.clone(), self.taken_back.clone());
        let answering = self.requests.track_future(async move {
            let count = match request::answer(&visit, resolver, exchange).await {
                request::End::Answered => taken_back.get().saturating_sub(1),
                request::End::TakenBack => taken_back.get().saturating_add(1),
            };
            taken_back.set(count);
        });
        self.visit.core.tasks.spawn_local(answering);
    }

    fn is_too_much(&self) -> bool {
        let too_much = self.taken_back.get() > TAKEN_BACK;
        if too_much {
            debug!(peer = %self.visit.peer, "a visitor takes back too many requests");
            self.connection.close(code(Code::H3_EXCESSIVE_LOAD), b"");
        }
        too_much
    }
}
