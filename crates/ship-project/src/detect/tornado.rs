//! Tornado: <https://www.tornadoweb.org>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "tornado",
    label: "Tornado",
    package: "tornado",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["tornado.web.Application", "tornado.httpserver.HTTPServer"],
    start: Starting::Script,
    note: None,
};
