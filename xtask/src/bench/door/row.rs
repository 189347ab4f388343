//! What is measured: the rows, and the load of each.

use std::time::Duration;

use clap::ValueEnum;

use super::idle;
use super::load::{Load, Path};
use super::peer::Peer;
use super::process::{memory, processor};
use super::stage::Stage;
use crate::Result;

/// Connections that stay open without a request, in the row of that.
const IDLE: usize = 1000;

/// How long they have waited when they are measured.
const WAITED: Duration = Duration::from_secs(2);

/// Host names with a route each, in the row of that.
pub(crate) const ROUTES: usize = 10_000;

/// What is measured, in the order in which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// An answer of 100 bytes from the app, over connections that stay open
    Small,
    /// An answer of 100 kB from the app
    Large,
    /// A file of 1 kB
    #[value(name = "static-1k")]
    File1k,
    /// A file of 1 MB
    #[value(name = "static-1m")]
    File1m,
    /// An answer of 1 kB that is kept
    Cached,
    /// A new connection with a full handshake of TLS 1.3, and one small answer
    Handshake,
    /// A small answer from the app over HTTP/2 with 100 requests at once
    Http2,
    /// Memory for each of 1,000 TLS connections that wait
    Idle,
    /// A small answer from the app, with 10,000 hosts that are asked in turn
    Routes,
}

impl Row {
    pub(crate) const ALL: [Self; 9] = [
        Self::Small,
        Self::Large,
        Self::File1k,
        Self::File1m,
        Self::Cached,
        Self::Handshake,
        Self::Http2,
        Self::Idle,
        Self::Routes,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
            Self::File1k => "static-1k",
            Self::File1m => "static-1m",
            Self::Cached => "cached",
            Self::Handshake => "handshake",
            Self::Http2 => "http2",
            Self::Idle => "idle",
            Self::Routes => "routes",
        }
    }

    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Idle => "kB",
            _ => "µs",
        }
    }

    /// How many hosts have a route.
    pub(crate) fn hosts(self) -> usize {
        match self {
            Self::Routes => ROUTES,
            _ => 0,
        }
    }

    /// Starts the program anew, warms it, and gives what the row costs it.
    pub(crate) fn measure(self, stage: &Stage, peer: &Peer) -> Result<f64> {
        let running = (peer.start)(stage, self)?;
        let load = |path| Load::new(stage, &running, path);
        match self {
            Self::Small => per_request(&load(Path::Small)),
            Self::Large => per_request(&load(Path::Large)),
            Self::File1k => per_request(&load(Path::File1k)),
            Self::File1m => per_request(&load(Path::File1m)),
            Self::Cached => per_request(&load(Path::Cached)),
            Self::Handshake => per_request(&load(Path::Small).over_tls().closing()),
            Self::Http2 => per_request(&load(Path::Small).over_http2()),
            Self::Routes => per_request(&load(Path::Small).over_many_hosts(ROUTES)?),
            Self::Idle => {
                // What is made with the first visitor is not counted.
                load(Path::Small).over_tls().warm_up()?;
                let before = memory(running.processes()?)?;
                let open = idle::open(stage, running.https, IDLE)?;
                // The last ones have to wait for a while as well.
                std::thread::sleep(WAITED);
                let after = memory(running.processes()?)?;
                open.close()?;
                Ok((after as f64 - before as f64) / 1000.0 / IDLE as f64)
            }
        }
    }
}

/// Microseconds of processor time for each request.
fn per_request(load: &Load<'_>) -> Result<f64> {
    load.warm_up()?;
    let before = processor(load.running.processes()?)?;
    let requests = load.run(load.measured())?;
    let after = processor(load.running.processes()?)?;
    Ok(after.saturating_sub(before).as_secs_f64() * 1e6 / requests as f64)
}
