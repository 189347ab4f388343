//! marimo: <https://marimo.io>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "marimo",
    label: "marimo",
    package: "marimo",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["marimo.App"],
    start: Starting::Command(&[
        "marimo",
        "run",
        "{file}",
        "--headless",
        "--host",
        "127.0.0.1",
        "--port",
        "$PORT",
        "--no-token",
    ]),
    note: None,
};
