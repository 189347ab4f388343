//! What a program is told that was not written for it, by the module `sitecustomize`, which Python
//! imports before anything else. Ours does nothing without its variables.
//!
//! Ports: a program that is its own server and asks for a port of its own choice listens on the one
//! that its instance was given, on the loopback interface. So its instances stand beside each other,
//! the new release beside the old one while they are switched, and what says `0.0.0.0` is not
//! reachable from outside. Only that process gets `SHIP_OWN_PORT` (`start.rs` of ship-project).
//!
//! Hosts: Django allows the names that the door routes to the app (`SHIP_HOSTS`) beside those of its
//! settings. The door lets no others through, so that nothing is lost of what `ALLOWED_HOSTS` is for.

use std::path::Path;

use ship_base::file;

use crate::error::Error;

/// The module.
pub(super) const SCRIPT: &str = include_str!("../scripts/sitecustomize.py");

/// Puts it into the layer, for whoever the app runs as: Python passes silently over a module that it
/// may not read.
pub(super) fn add(folder: &Path) -> Result<(), Error> {
    Ok(file::write_whole_with_mode(
        &folder.join("sitecustomize.py"),
        SCRIPT.as_bytes(),
        0o644,
    )?)
}
