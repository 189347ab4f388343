//! A plain ASGI application: a callable of `scope`, `receive`, `send`
//! (<https://asgi.readthedocs.io/en/latest/specs/main.html>).

use crate::detect::Row;
use crate::plan::Interface::Asgi;
use crate::python::module::Function;

pub(super) const ROW: Row = Row {
    key: "asgi",
    label: "ASGI application",
    package: "",
    classes: &[
        ("socketio.ASGIApp", Asgi),
        ("engineio.ASGIApp", Asgi),
        ("channels.routing.ProtocolTypeRouter", Asgi),
        // GraphQL.
        ("ariadne.asgi.GraphQL", Asgi),
        ("strawberry.asgi.GraphQL", Asgi),
        // Smaller frameworks.
        ("emmett.App", Asgi),
        ("esmerald.Esmerald", Asgi),
        ("flama.Flama", Asgi),
        ("lilya.apps.Lilya", Asgi),
        ("microdot.asgi.Microdot", Asgi),
        ("muffin.Application", Asgi),
        ("ravyn.Ravyn", Asgi),
        ("starlite.Starlite", Asgi),
    ],
};

/// Whether `function` takes what an ASGI server gives; a method's `self` is left out before.
pub(super) fn fits(function: &Function, parameters: &[String]) -> bool {
    function.is_async
        && parameters.len() == 3
        && parameters
            .iter()
            .zip(["scope", "receive", "send"])
            .all(|(is, name)| is.trim_start_matches('_') == name)
}
