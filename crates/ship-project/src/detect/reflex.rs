//! Reflex: <https://reflex.dev>.

use std::path::Path;

use crate::detect::Row;
use crate::detect::tool::Tool;
use crate::plan::OwnPort;

pub(super) const ROW: Row = Row {
    key: "reflex",
    label: "Reflex",
    package: "reflex",
    classes: &[],
};

pub(super) const TOOL: Tool = Tool {
    row: &ROW,
    belongs,
    command: &[
        "reflex",
        "run",
        "--env",
        "prod",
        "--single-port",
        "--backend-host",
        "127.0.0.1",
        "--frontend-port",
        "$PORT",
        "--backend-port",
        "$PORT",
    ],
    several: None,
    own_port: OwnPort::Given,
    note: Some((
        "Reflex builds its front end when it starts, with Node.js from the network: the first start takes minutes",
        "give it time: `[web]` with `ready_within = \"10m\"` in `ship.toml`",
    )),
};

fn belongs(file: &Path) -> bool {
    file == Path::new("rxconfig.py")
}
