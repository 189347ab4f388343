//! How HTTP is spoken with visitors. Everything that limits one is set here on purpose, also where
//! hyper's own default is the same today.

use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::TokioTimer;

use crate::http2::Streams;
use crate::limit::Limits;

/// What is asked of one connection of HTTP/2.
mod h2 {
    /// Requests at once.
    pub(super) const STREAMS: u32 = 100;
    /// Bytes of one body that may wait for its app.
    pub(super) const STREAM_WINDOW: u32 = 64 << 10;
    /// The same for all bodies of a connection.
    pub(super) const CONNECTION_WINDOW: u32 = 1 << 20;
    pub(super) const FRAME: u32 = 16 << 10;
    /// Bytes of answers that may wait for the visitor, per stream.
    pub(super) const SEND_BUFFER: usize = 64 << 10;
    /// Streams that a visitor opened and reset before they were looked at (CVE-2023-44487).
    pub(super) const PENDING_RESETS: usize = 20;
    /// Streams that we had to reset for what a visitor did (CVE-2025-8671).
    pub(super) const OWN_RESETS: usize = 100;
    /// Bytes of the table in which heads are packed.
    pub(super) const HEADER_TABLE: u32 = 4096;
}

/// How often a silent visitor of HTTP/2 or 3 is asked whether it lives, and how long it may take.
pub(crate) const PING: Duration = Duration::from_secs(30);
pub(crate) const PONG: Duration = Duration::from_secs(20);

pub(crate) fn http1(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // `http1.rs` keeps the time, for less than a timer for each request.
        .header_read_timeout(None)
        .max_header_size(limits.head)
        .half_close(false);
    // Told the number that it has anyway, hyper would write its room for them for each request.
    if limits.fields != HYPERS_FIELDS {
        builder.max_headers(limits.fields);
    }
    builder
}

/// The most fields that hyper takes where it is told nothing (`http1::Builder::max_headers`).
const HYPERS_FIELDS: usize = 100;

pub(crate) fn http2(limits: &Limits) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(Streams::new(limits.read_patience));
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .max_concurrent_streams(h2::STREAMS)
        .initial_stream_window_size(h2::STREAM_WINDOW)
        .initial_connection_window_size(h2::CONNECTION_WINDOW)
        .adaptive_window(false)
        // WebSockets (RFC 8441); any other protocol that a CONNECT names is refused.
        .enable_connect_protocol()
        .max_frame_size(h2::FRAME)
        .max_send_buf_size(h2::SEND_BUFFER)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .header_table_size(h2::HEADER_TABLE)
        .max_pending_accept_reset_streams(h2::PENDING_RESETS)
        .max_local_error_reset_streams(h2::OWN_RESETS);
    builder
}

/// Streams of HTTP/2 stay on the core of their connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnThisCore;

impl<F> hyper::rt::Executor<F> for OnThisCore
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, stream: F) {
        tokio::task::spawn_local(stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const SETTINGS: u8 = 4;
    const WINDOW_UPDATE: u8 = 8;

    /// The kind and content of the next frame (RFC 9113, 4.1).
    async fn next_frame(stream: &mut tokio::io::DuplexStream) -> (u8, Vec<u8>) {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let mut content = vec![0; usize::from(head[2])];
        stream.read_exact(&mut content).await.unwrap();
        (head[3], content)
    }

    /// The settings that a visitor is told: identifier and value (RFC 9113, 6.5.2).
    #[tokio::test]
    async fn every_limit_of_http2_is_told_to_the_visitor() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let service = service_fn(async |_| {
            Ok::<_, Infallible>(hyper::Response::new(crate::body::Body::Empty))
        });
        let builder = super::http2(&Limits::default());
        let serving = builder.serve_connection(TokioIo::new(ours), service);
        let asking = async {
            let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
            theirs.write_all(hello).await.unwrap();
            let settings = next_frame(&mut theirs).await;
            let mut window = next_frame(&mut theirs).await;
            while window.0 != WINDOW_UPDATE {
                window = next_frame(&mut theirs).await;
            }
            (settings, window.1)
        };
        let (settings, window) = tokio::select! {
            told = asking => told,
            ended = serving => panic!("{ended:?}"),
        };
        assert_eq!(settings.0, SETTINGS);
        let setting = |wanted: u16| {
            let mut each = settings.1.chunks(6);
            let found = each.find(|one| one[..2] == wanted.to_be_bytes());
            found.map(|one| u32::from_be_bytes(one[2..].try_into().unwrap()))
        };
        assert_eq!(setting(3), Some(100), "streams");
        assert_eq!(setting(4), Some(64 << 10), "window of a stream");
        assert_eq!(setting(6), Some(16 << 10), "list of headers");
        assert_eq!(setting(8), Some(1), "extended CONNECT (RFC 8441, 3)");
        // 65,535 is where every connection begins (RFC 9113, 6.9.2).
        let grown = u32::from_be_bytes(window.try_into().unwrap());
        assert_eq!(grown + 65_535, 1 << 20, "window of the connection");
    }
}
