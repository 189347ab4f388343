//! Twisted application: <https://docs.twisted.org/en/stable/core/howto/application.html>.

use std::path::Path;

use crate::detect::Row;
use crate::detect::tool::{Tool, ends_in};
use crate::plan::OwnPort;

pub(super) const ROW: Row = Row {
    key: "twisted-tac",
    label: "Twisted application",
    package: "twisted",
    classes: &[],
};

pub(super) const TOOL: Tool = Tool {
    row: &ROW,
    belongs,
    command: &["twistd", "--nodaemon", "--pidfile=", "--python={file}"],
    several: None,
    own_port: OwnPort::First,
    note: None,
};

fn belongs(file: &Path) -> bool {
    ends_in(file, &["tac"])
}
