//! Panel: <https://panel.holoviz.org>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "panel",
    label: "Panel",
    package: "panel",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["panel."],
    start: Starting::Command(&[
        "panel",
        "serve",
        "{file}",
        "--port=$PORT",
        "--address=127.0.0.1",
        "--allow-websocket-origin=*",
        "--use-xheaders",
    ]),
    note: None,
};
