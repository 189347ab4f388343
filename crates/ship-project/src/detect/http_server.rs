//! http.server: <https://docs.python.org/3/library/http.server.html>.

use crate::detect::own_server::{OwnServer, Remark, Starting};
use crate::detect::program::spoken;
use crate::detect::{Found, Row, unfinished};
use crate::project::Project;
use crate::python::module::Module;

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

/// What serves is Python's own, what is served a framework's application that nobody else can come
/// to: it is called by the framework's name, and its author told what gives it another server.
pub(super) fn retell(project: &Project, entry: &Module, found: &mut Found) {
    let Some(made) = unfinished::made_in(project, entry) else {
        return;
    };
    found.row = made.row;
    found.reason = format!("{}'s application, run as it is", made.row.label);
    if let Some(program) = &mut found.program {
        let port = program.own_port.map(spoken).unwrap_or_default();
        program.reason = format!("with Python's own server, {port}");
    }
    for note in &mut found.notes {
        "Python's own `wsgiref` is meant for development".clone_into(&mut note.text);
        note.hint = Some(format!(
            "write {} at the top level of the file, outside of {}: the application then gets a server for visitors",
            made.written(),
            made.inside,
        ));
        note.place = Some(entry.place(made.line));
    }
}
