//! The door that suites are run against: the example of `ship-door`, with a program of the suite
//! behind it.

use std::process::Command;

use super::running::Running;
use crate::{Result, workspace};

/// Builds and starts it on these ports of loopback, the second with TLS; `behind` is the app's.
pub(super) fn start(http: u16, https: Option<u16>, behind: u16) -> Result<Running> {
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
    let ports = [Some(http), https].into_iter().flatten();
    let addresses: Vec<String> = ports.map(|port| format!("127.0.0.1:{port}")).collect();
    let door = workspace::target().join("debug/examples/door");
    Running::start(
        Command::new(door).args([
            addresses.join(","),
            "2".to_owned(),
            format!("127.0.0.1:{behind}"),
        ]),
        https.unwrap_or(http),
    )
}
