//! A plain WSGI application: a callable of `environ` and `start_response` (PEP 3333).

use crate::detect::Row;
use crate::plan::Interface::Wsgi;
use crate::python::module::Function;

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
