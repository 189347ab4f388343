//! http.server: <https://docs.python.org/3/library/http.server.html>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Remark, Starting};

pub(super) const ROW: Row = Row {
    key: "http-server",
    label: "http.server",
    package: "",
    classes: &[],
};

const SIGNS: &[&str] = &[
    "http.server.HTTPServer",
    "http.server.ThreadingHTTPServer",
    "socketserver.TCPServer",
    "socketserver.ThreadingTCPServer",
    "wsgiref.simple_server.make_server",
    "xmlrpc.server.SimpleXMLRPCServer",
];

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: SIGNS,
    start: Starting::Script,
    note: Some(Remark {
        calls: SIGNS,
        text: "Python's own `http.server` is meant for development",
        hint: "a framework such as Flask or Starlette gets a server for visitors",
    }),
};
