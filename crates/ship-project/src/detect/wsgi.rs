//! A plain WSGI application: a callable of `environ` and `start_response` (PEP 3333).

use crate::detect::Row;
use crate::plan::Interface::Wsgi;
use crate::python::module::{Class, Function};

pub(super) const ROW: Row = Row {
    key: "wsgi",
    label: "WSGI application",
    package: "",
    classes: &[
        ("socketio.WSGIApp", Wsgi),
        ("engineio.WSGIApp", Wsgi),
        // Smaller frameworks.
        ("microdot.wsgi.Microdot", Wsgi),
        ("spyne.server.wsgi.WsgiApplication", Wsgi),
        ("webapp2.WSGIApplication", Wsgi),
    ],
};

/// Whether `function` takes what a WSGI server gives; a method's `self` is left out before.
pub(super) fn fits(function: &Function, parameters: &[String]) -> bool {
    !function.is_async
        && parameters.len() == 2
        && parameters[0].trim_start_matches('_').starts_with("env")
        && parameters[1].trim_start_matches('_').starts_with("start")
}

/// A class that a WSGI server calls and then iterates, as in PEP 3333's second example.
pub(super) fn is_iterated(class: &Class) -> bool {
    let has = |name: &str| class.methods.iter().any(|method| method.name == name);
    let mut methods = class.methods.iter();
    let start = methods.find(|method| method.name == "__init__");
    let takes = start.and_then(|start| Some(fits(start, start.parameters.get(1..)?)));
    takes == Some(true) && (has("__iter__") || has("__next__"))
}
