//! Klein: <https://klein.readthedocs.io>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "klein",
    label: "Klein",
    package: "klein",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["klein.Klein", "klein.run", "klein.app.Klein"],
    start: Starting::Script,
    note: None,
};
