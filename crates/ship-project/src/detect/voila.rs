//! Voilà: <https://voila.readthedocs.io>.

use std::path::Path;

use crate::detect::Row;
use crate::detect::tool::{Tool, ends_in};
use crate::plan::OwnPort;

pub(super) const ROW: Row = Row {
    key: "voila",
    label: "Voilà",
    package: "voila",
    classes: &[],
};

pub(super) const TOOL: Tool = Tool {
    row: &ROW,
    belongs,
    command: &[
        "voila",
        "{file}",
        "--no-browser",
        "--port=$PORT",
        "--Voila.ip=127.0.0.1",
    ],
    several: Some("several notebooks: visitors get the list of them"),
    own_port: OwnPort::Given,
    note: None,
};

fn belongs(file: &Path) -> bool {
    ends_in(file, &["ipynb"])
}
