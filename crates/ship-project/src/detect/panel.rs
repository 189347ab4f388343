//! Panel: <https://panel.holoviz.org>.

use std::path::Path;

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};
use crate::detect::tool::{Tool, ends_in};
use crate::plan::OwnPort;

pub(super) const ROW: Row = Row {
    key: "panel",
    label: "Panel",
    package: "panel",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["panel."],
    start: Starting::Command(COMMAND),
    note: None,
};

const COMMAND: &[&str] = &[
    "panel",
    "serve",
    "{file}",
    "--port=$PORT",
    "--address=127.0.0.1",
    "--allow-websocket-origin=*",
    "--use-xheaders",
];

/// A program that starts its server itself: `pn.serve(app)`.
pub(super) const SERVE: OwnServer = OwnServer {
    row: &ROW,
    signs: &["panel.serve", "panel.io.serve", "panel.io.server.serve"],
    start: Starting::Settings(&["BOKEH_ALLOW_WS_ORIGIN=*"]),
    note: None,
};

/// A notebook with `.servable()` in it; where Voilà is named as well, it is Voilà's.
pub(super) const NOTEBOOK: Tool = Tool {
    row: &ROW,
    belongs,
    command: COMMAND,
    several: None,
    own_port: OwnPort::Given,
    note: None,
};

fn belongs(file: &Path) -> bool {
    ends_in(file, &["ipynb"])
}
