//! Chainlit: <https://chainlit.io>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "chainlit",
    label: "Chainlit",
    package: "chainlit",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["chainlit."],
    start: Starting::Command(&[
        "chainlit",
        "run",
        "{file}",
        "--headless",
        "--host",
        "127.0.0.1",
        "--port",
        "$PORT",
    ]),
    note: None,
};
