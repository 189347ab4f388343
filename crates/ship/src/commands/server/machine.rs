//! The machine that a server is installed on: what has to be true of it, and how it becomes so.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use ship_base::fault::FaultKind;
use ship_base::file;

use crate::error::{CommandError, Result};

/// Where the program lies.
pub(super) const PROGRAM: &str = "/usr/local/bin/ship";
/// The unit, and where systemd looks for it.
pub(super) const UNIT: &str = "/etc/systemd/system/ship.service";
/// The configuration of a server.
pub(super) const CONFIG: &str = crate::config::PATH;

/// The unit of its apps' control groups, likewise.
pub(super) const APPS_UNIT: &str = "/etc/systemd/system/ship-apps.service";

const UNIT_TEXT: &str = include_str!("ship.service");
const APPS_UNIT_TEXT: &str = include_str!("ship-apps.service");
const CONFIG_TEXT: &str = include_str!("server.toml");

/// One thing that an installation sees to.
pub(super) struct Step {
    /// What it says before and after: `write /etc/ship/server.toml`.
    pub(super) what: &'static str,
    /// Whether nothing is to be done.
    pub(super) is_done: fn() -> bool,
    /// Does it.
    pub(super) go: fn() -> Result<()>,
}

/// An installation, in order. Each step may be there already, from an earlier one.
pub(super) const STEPS: &[Step] = &[
    Step {
        what: "put this program at /usr/local/bin/ship",
        is_done: program_is_there,
        go: put_program,
    },
    Step {
        what: "write /etc/ship/server.toml: ports 80 and 443, certificates by Let's Encrypt, whose terms you accept with it",
        is_done: || Path::new(CONFIG).exists(),
        go: || {
            file::create_folder(Path::new(CONFIG).parent().unwrap_or(Path::new("/")))?;
            Ok(file::write_whole_with_mode(
                Path::new(CONFIG),
                CONFIG_TEXT.as_bytes(),
                0o600,
            )?)
        },
    },
    Step {
        what: "write the unit /etc/systemd/system/ship-apps.service",
        is_done: || is_current(APPS_UNIT, APPS_UNIT_TEXT),
        go: || put_unit(APPS_UNIT, APPS_UNIT_TEXT),
    },
    Step {
        what: "write the unit /etc/systemd/system/ship.service",
        is_done: || is_current(UNIT, UNIT_TEXT),
        go: || put_unit(UNIT, UNIT_TEXT),
    },
    Step {
        what: "start it now and with the machine",
        is_done: || is(&["is-enabled", "--quiet", "ship"]) && is(&["is-active", "--quiet", "ship"]),
        go: || systemctl(&["enable", "--now", "--quiet", "ship"]),
    },
];

/// Refuses a machine of which we do not know enough, with the reason.
pub(super) fn check() -> Result<()> {
    if !rustix::process::getuid().is_root() {
        return Err(refused("installing a server needs root")
            .hint("`ssh root@host`, or `sudo ship server install`"));
    }
    if !Path::new("/run/systemd/system").is_dir() {
        return Err(refused("this machine is not run by systemd: a server's processes need one that starts them again")
            .hint("`ship up --detach` runs apps without it"));
    }
    if !Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        return Err(refused(
            "this machine has no cgroup v2, which Debian 11 and Ubuntu 22.04 bring",
        ));
    }
    let ports =
        crate::config::Config::read()?.map_or([80, 443], |config| [config.http, config.https]);
    ports.into_iter().try_for_each(is_free)
}

/// Control holds the sockets too, and one of the two is found first.
fn is_free(port: u16) -> Result<()> {
    match ship_server::port_holder(port) {
        Some(holder) if !holder.starts_with("ship-") => Err(refused(&format!(
            "port {port} of this machine is taken by {holder}"
        ))
        .hint("stop and disable it first: visitors come in through Shipsmith's front door alone")),
        _ => Ok(()),
    }
}

fn refused(why: &str) -> CommandError {
    CommandError::user(why)
}

fn program_is_there() -> bool {
    let own = crate::world::World::program();
    match (file::read(&own), file::read(Path::new(PROGRAM))) {
        (Ok(own), Ok(there)) => own == there,
        _ => false,
    }
}

/// In place of an older one, which goes on running where it runs.
fn put_program() -> Result<()> {
    let content = file::read(&crate::world::World::program())?;
    file::write_whole_with_mode(Path::new(PROGRAM), &content, 0o755)?;
    Ok(())
}

fn is_current(unit: &str, wanted: &str) -> bool {
    file::read_text(Path::new(unit)).is_ok_and(|text| text == wanted)
}

fn put_unit(unit: &str, text: &str) -> Result<()> {
    file::write_whole_with_mode(Path::new(unit), text.as_bytes(), 0o644)?;
    systemctl(&["daemon-reload"])
}

/// Whether systemd says yes.
pub(super) fn is(arguments: &[&str]) -> bool {
    run(arguments).is_ok_and(|output| output.status.success())
}

/// Asks systemd for something that must be done.
pub(super) fn systemctl(arguments: &[&str]) -> Result<()> {
    let failed = || {
        let words = arguments.join(" ");
        CommandError::new(FaultKind::Outside, format!("`systemctl {words}` failed"))
            .hint("`systemctl status ship` and `journalctl -u ship` tell more")
    };
    let output = run(arguments).map_err(|error| failed().cause(error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed().cause(String::from_utf8_lossy(&output.stderr).trim_end()))
}

fn run(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new("systemctl")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
}
