//! Datasette: <https://datasette.io>.

use std::path::Path;

use crate::detect::Row;
use crate::detect::tool::{Tool, ends_in};
use crate::plan::OwnPort;

pub(super) const ROW: Row = Row {
    key: "datasette",
    label: "Datasette",
    package: "datasette",
    classes: &[],
};

pub(super) const TOOL: Tool = Tool {
    row: &ROW,
    belongs,
    command: &[
        "datasette",
        "serve",
        "{folder}",
        "--host",
        "127.0.0.1",
        "--port",
        "$PORT",
    ],
    several: None,
    own_port: OwnPort::Given,
    note: None,
};

fn belongs(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str());
    let depth = file.components().count();
    let is_configuration = name.is_some_and(|name| {
        [
            "datasette.yaml",
            "datasette.yml",
            "datasette.json",
            "metadata.yaml",
            "metadata.yml",
            "metadata.json",
        ]
        .contains(&name)
    });
    depth == 1 && is_configuration || depth <= 2 && ends_in(file, &["db", "sqlite", "sqlite3"])
}
