//! Shiny: <https://shiny.posit.co/py>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "shiny",
    label: "Shiny",
    package: "shiny",
    classes: &[("shiny.App", Asgi)],
};

/// Shiny Express: the file is the application, and only Shiny's own command makes it one.
pub(super) const EXPRESS: OwnServer = OwnServer {
    row: &ROW,
    signs: &["shiny.express."],
    start: Starting::Command(&[
        "shiny",
        "run",
        "{file}",
        "--host",
        "127.0.0.1",
        "--port",
        "$PORT",
    ]),
    note: None,
};
