//! CherryPy: <https://cherrypy.dev>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "cherrypy",
    label: "CherryPy",
    package: "cherrypy",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &[
        "cherrypy.quickstart",
        "cherrypy.engine.start",
        "cherrypy.tree.mount",
    ],
    start: Starting::Script,
    note: None,
};
