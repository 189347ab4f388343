//! What a keeper is told: one instance, how to start it, when it is ready, how it ends.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ship_base::name::{InstanceId, ReleaseId};
use ship_base::secret::Secret;
use ship_sandbox::Caps;

/// One instance, completely. It reaches the keeper through a socket and is never written
/// to a disk, because `env` holds secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// Which copy of which process: `blog/web.1`.
    pub instance: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// Program and arguments; `$PORT` in them is replaced when `listen` is [`Listen::Port`].
    pub argv: Vec<String>,
    /// The whole environment; nothing is inherited.
    pub env: BTreeMap<String, Secret<String>>,
    /// The folder it starts in.
    pub folder: PathBuf,
    /// Where it listens; `None` for workers and jobs.
    pub listen: Option<Listen>,
    /// How readiness is asked of what listens; `None`: it is ready once it accepts or, where it does
    /// not listen, once it has lived for [`Spec::settle`].
    pub health: Option<Health>,
    /// A process without a health check counts as ready after living this long; 1 s by default.
    pub settle: Duration,
    /// What happens when it ends by itself.
    pub restart: Restart,
    /// SIGTERM, this long, then SIGKILL for the whole tree.
    pub grace: Duration,
    /// The folder of its process's log segments.
    pub logs: PathBuf,
    /// Cap on the bytes that all segments in that folder may take together.
    pub log_cap: u64,
    /// State file and control socket of this keeper go here.
    pub keepers: PathBuf,
    /// What the whole instance may take.
    pub caps: Caps,
}

/// Where an instance listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listen {
    /// A unix socket; a stale file there is removed before each start.
    Unix(PathBuf),
    /// A port on 127.0.0.1 that the keeper chooses, hands over as `PORT` and reports.
    Port,
}

/// Where an instance can be reached, as the keeper reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// A loopback port.
    Tcp(SocketAddr),
}

/// A readiness check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "speaks", rename_all = "kebab-case")]
pub enum Health {
    /// A request of HTTP/1.1: any answer below 500 is alive.
    Http1 {
        /// The path to ask, such as `/healthz`.
        path: String,
        /// The real host name visitors use; sent with `X-Forwarded-Proto: https`.
        host: String,
        /// The value of `X-Forwarded-Proto`: what visitors use.
        scheme: String,
    },
    /// The first words of HTTP/2 without TLS: what answers with its settings is alive (RFC 9113, 3.4).
    H2c,
}

/// What happens when an instance ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Started again after 0.1 s, doubling to 30 s with jitter, for ever; from the beginning after
    /// 60 s of health.
    Always,
    /// Its end is the end of the keeper: jobs and release commands.
    Never,
}
