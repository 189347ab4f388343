//! Twisted: <https://twisted.org>.

use std::path::Path;

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};
use crate::detect::tool::{Tool, ends_in};
use crate::plan::OwnPort;

pub(super) const ROW: Row = Row {
    key: "twisted",
    label: "Twisted",
    package: "twisted",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["twisted.web.server.Site"],
    start: Starting::Script,
    note: None,
};

/// Resource scripts: <https://docs.twisted.org/en/stable/web/howto/using-twistedweb.html#resource-scripts>.
pub(super) const SCRIPTS: Tool = Tool {
    row: &ROW,
    belongs: is_script,
    command: &[
        "twist",
        "web",
        "--listen=tcp:$PORT:interface=127.0.0.1",
        "--path={folder}",
    ],
    several: None,
    own_port: OwnPort::Given,
    note: Some((
        "every file of this folder is served, not only the resource scripts",
        "keep them in a folder of their own",
    )),
};

fn is_script(file: &Path) -> bool {
    ends_in(file, &["rpy"])
}
