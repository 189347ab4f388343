//! The programs that are measured, one line each.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::process::descendants;
use super::row::Row;
use super::stage::Stage;
use super::{caddy, haproxy, nginx, ship, traefik};
use crate::Result;

/// How long a program may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(2);

/// A program that stands between visitors and an app.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Whether it does by itself what a row is about.
    pub(crate) can: fn(Row) -> bool,
    /// Starts it on the core of programs, with what a row needs.
    pub(crate) start: fn(&Stage, Row) -> Result<Running>,
}

/// HAProxy serves no files; Traefik neither, and keeps no answers; Caddy keeps none without a
/// plug-in.
pub(crate) static PEERS: [Peer; 5] = [
    Peer {
        name: "ship",
        can: |_| true,
        start: ship::start,
    },
    Peer {
        name: "nginx",
        can: |_| true,
        start: nginx::start,
    },
    Peer {
        name: "haproxy",
        can: |row| !matches!(row, Row::File1k | Row::File1m),
        start: haproxy::start,
    },
    Peer {
        name: "caddy",
        can: |row| row != Row::Cached,
        start: caddy::start,
    },
    Peer {
        name: "traefik",
        can: |row| !matches!(row, Row::File1k | Row::File1m | Row::Cached),
        start: traefik::start,
    },
];

/// The one with this name, for the command line.
pub(crate) fn named(name: &str) -> std::result::Result<&'static Peer, String> {
    let found = PEERS.iter().find(|peer| peer.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = PEERS.iter().map(|peer| peer.name).collect();
        format!("there are: {}", names.join(", "))
    })
}

/// A program that runs; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) http: u16,
    pub(crate) https: u16,
}

impl Running {
    pub(crate) fn new(child: Child, http: u16, https: u16) -> Self {
        Self { child, http, https }
    }

    /// Itself and what it started.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        descendants(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Those that have workers end them only when they are asked to end.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
