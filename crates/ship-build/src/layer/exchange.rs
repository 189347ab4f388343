//! The exchange of ports: a program that is its own server and asks for a port of its own choice
//! listens on the one that its instance was given, on the loopback interface. So its instances
//! stand beside each other, the new release beside the old one while they are switched, and what
//! says `0.0.0.0` is not reachable from outside.
//!
//! Python imports `sitecustomize` before the program; ours does nothing unless the variable
//! `SHIP_OWN_PORT` is set, which only that process gets (`start.rs` of ship-project).

use std::path::Path;

use ship_base::file;

use crate::error::Error;

/// The module.
pub(super) const SCRIPT: &str = include_str!("../scripts/sitecustomize.py");

/// Puts it into the layer.
pub(super) fn add(folder: &Path) -> Result<(), Error> {
    Ok(file::write_whole(
        &folder.join("sitecustomize.py"),
        SCRIPT.as_bytes(),
    )?)
}
