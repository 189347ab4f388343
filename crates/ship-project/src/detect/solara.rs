//! Solara: <https://solara.dev>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "solara",
    label: "Solara",
    package: "solara",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["solara."],
    start: Starting::Command(&[
        "solara",
        "run",
        "{file}",
        "--production",
        "--no-open",
        "--host=127.0.0.1",
        "--port=$PORT",
    ]),
    note: None,
};
