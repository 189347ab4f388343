//! CherryPy: <https://cherrypy.dev>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};
use crate::plan::Interface::Wsgi;

pub(super) const ROW: Row = Row {
    key: "cherrypy",
    label: "CherryPy",
    package: "cherrypy",
    classes: &[
        ("cherrypy.Application", Wsgi),
        ("cherrypy._cptree.Application", Wsgi),
    ],
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
