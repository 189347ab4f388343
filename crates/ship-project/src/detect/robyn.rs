//! Robyn: <https://robyn.tech>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "robyn",
    label: "Robyn",
    package: "robyn",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["robyn.Robyn"],
    start: Starting::Settings(&["ROBYN_HOST=127.0.0.1", "ROBYN_PORT=$PORT"]),
    note: None,
};
