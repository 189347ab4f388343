//! HTTP/3 (RFC 9114): what QUIC (RFC 9000) needs of a thread, of memory and of limits.
//!
//! `endpoint.rs` has the UDP socket and decides who comes in, `connection.rs` is one visitor's
//! connection, `request.rs` one request on it; what a visitor sends is read through `frames.rs`.
//! From a request on everything is as for the other protocols: [`crate::stack`].

mod body;
mod connection;
mod endpoint;
mod frames;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod request;
mod shaking;
mod transport;

use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{IdleTimeout, ServerConfig, TransportConfig};

use crate::limit::Limits;
use crate::protocol::{PING, PONG};

pub(crate) use body::{Body, BodyError};
pub(crate) use connection::serve;
pub(crate) use endpoint::{Endpoint, Guest};

/// What is asked of one connection. The first three are what HTTP/2 has here.
mod most {
    /// Requests at once; RFC 9114, 6.1 wants 100 at least.
    pub(super) const REQUESTS: u32 = 100;
    /// Bytes of one body that may wait for its app.
    pub(super) const STREAM_WINDOW: u32 = 64 << 10;
    /// The same for all bodies of a connection.
    pub(super) const CONNECTION_WINDOW: u32 = 1 << 20;
    /// Streams that carry no request: one for control and two for packing heads, which RFC 9114, 6.2
    /// wants to be possible, and some that a browser opens for no reason (6.2.3).
    pub(super) const OTHERS: u32 = 8;
    /// Bytes of answers that may be on their way without an acknowledgement. They are kept here, where
    /// the kernel keeps those of TCP: more would let one address, with all the connections it may
    /// have, take more than 50 MiB. So much fills 40 Mbit/s over a twentieth of a second.
    pub(super) const SEND_WINDOW: u64 = 256 << 10;
}

/// Connection attempts that may wait for the thread that looks at them, and bytes that come with
/// them meanwhile: each and in all. They wait for microseconds.
const WAITING: usize = 256;
const WAITING_BYTES: u64 = 16 << 10;
const ALL_WAITING_BYTES: u64 = 1 << 20;

/// How connections are made. No early data: it can be replayed.
fn server_config(tls: Arc<rustls::ServerConfig>) -> Result<ServerConfig, String> {
    let tls = QuicServerConfig::try_from(tls).map_err(|error| error.to_string())?;
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    config
        .transport_config(Arc::new(transport_config()))
        // A router that gives a visitor another port; `request.rs` looks at the address.
        .migration(true)
        .max_incoming(WAITING)
        .incoming_buffer_size(WAITING_BYTES)
        .incoming_buffer_size_total(ALL_WAITING_BYTES);
    Ok(config)
}

fn transport_config() -> TransportConfig {
    let silent = IdleTimeout::try_from(PING + PONG).expect("less than an hour");
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(most::REQUESTS.into())
        .max_concurrent_uni_streams(most::OTHERS.into())
        .stream_receive_window(most::STREAM_WINDOW.into())
        .receive_window(most::CONNECTION_WINDOW.into())
        .send_window(most::SEND_WINDOW)
        .keep_alive_interval(Some(PING))
        .max_idle_timeout(Some(silent))
        // Nothing here is sent in datagrams (RFC 9221).
        .datagram_receive_buffer_size(None);
    config
}

/// What `h3` is told. Heads are packed without a table that visitors could fill (RFC 9204): `h3` has
/// none for what comes.
fn http3(limits: &Limits) -> h3::server::Builder {
    let mut builder = h3::server::builder();
    builder
        .max_field_section_size(limits.head as u64)
        .send_grease(false);
    builder
}
