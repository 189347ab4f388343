//! NiceGUI: <https://nicegui.io>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "nicegui",
    label: "NiceGUI",
    package: "nicegui",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["nicegui.ui.run"],
    start: Starting::Script,
    note: None,
};
