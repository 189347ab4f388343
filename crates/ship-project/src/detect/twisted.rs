//! Twisted: <https://twisted.org>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

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
