//! The door that suites are run against: the example of `ship-door`, with a program of the suite
//! behind it.

use std::path::PathBuf;
use std::process::Command;

use super::running::Running;
use crate::{Result, workspace};

/// The door that a suite wants; ports are those of loopback.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) http: u16,
    /// With TLS.
    pub(super) https: Option<u16>,
    /// The app's.
    pub(super) behind: u16,
    /// The app speaks HTTP/2.
    pub(super) h2c: bool,
    /// `/prefix=FOLDER` or `/prefix=https://…`, beside the app.
    pub(super) routes: Vec<String>,
    /// Answers are kept for so many percent of their age where they do not say for how long.
    pub(super) share: Option<u32>,
    /// It serves all names, not those of this machine alone.
    pub(super) all_names: bool,
}

impl Wish {
    /// Without TLS, and the app alone.
    pub(super) fn new(http: u16, behind: u16) -> Self {
        Self {
            http,
            https: None,
            behind,
            h2c: false,
            routes: Vec::new(),
            share: None,
            all_names: false,
        }
    }
}

/// Builds and starts it.
pub(super) fn start(wish: &Wish) -> Result<Running> {
    let built = Command::new(env!("CARGO"))
        .current_dir(workspace::root())
        .args([
            "build",
            "--quiet",
            "--package",
            "ship-door",
            "--example",
            "door",
        ])
        .status()?;
    if !built.success() {
        return Err("the door does not build".into());
    }
    let ports = [Some(wish.http), wish.https].into_iter().flatten();
    let addresses: Vec<String> = ports.map(|port| format!("127.0.0.1:{port}")).collect();
    let door = workspace::target().join("debug/examples/door");
    Running::start(
        Command::new(door)
            .args([addresses.join(","), "2".to_owned()])
            .arg(format!(
                "{}127.0.0.1:{}",
                if wish.h2c { "h2c:" } else { "" },
                wish.behind
            ))
            .args(&wish.routes)
            .args(wish.share.map(|share| format!("cache={share}")))
            .args(wish.all_names.then_some("hosts=*")),
        wish.https.unwrap_or(wish.http),
    )
}

/// The authority that its certificates are of, in PEM.
pub(super) fn local_ca(door: &Running) -> PathBuf {
    let folder = format!("ship-door-{}", door.pid());
    std::env::temp_dir().join(folder).join("local-ca.pem")
}
