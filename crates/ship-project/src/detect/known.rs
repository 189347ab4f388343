//! Names of other packages that have to do with application objects without being their classes.

use crate::plan::Interface::{self, Asgi, Wsgi};

/// Calls that take an application and give one. `None`: called as what it wraps.
pub(super) const WRAPPERS: [(&str, Option<Interface>); 14] = [
    ("werkzeug.middleware.proxy_fix.ProxyFix", Some(Wsgi)),
    (
        "werkzeug.middleware.dispatcher.DispatcherMiddleware",
        Some(Wsgi),
    ),
    ("whitenoise.WhiteNoise", Some(Wsgi)),
    ("asgiref.wsgi.WsgiToAsgi", Some(Asgi)),
    ("a2wsgi.WSGIMiddleware", Some(Asgi)),
    ("a2wsgi.ASGIMiddleware", Some(Wsgi)),
    ("uvicorn.middleware.wsgi.WSGIMiddleware", Some(Asgi)),
    (
        "sentry_sdk.integrations.wsgi.SentryWsgiMiddleware",
        Some(Wsgi),
    ),
    (
        "sentry_sdk.integrations.asgi.SentryAsgiMiddleware",
        Some(Asgi),
    ),
    ("socketio.ASGIApp", Some(Asgi)),
    ("socketio.WSGIApp", Some(Wsgi)),
    ("channels.routing.ProtocolTypeRouter", Some(Asgi)),
    ("gradio.mount_gradio_app", Some(Asgi)),
    ("gradio.routes.mount_gradio_app", Some(Asgi)),
];

/// Functions of other packages that give an application, with the key of its row.
pub(super) const GIVERS: [(&str, &str, Interface); 4] = [
    ("django.core.wsgi.get_wsgi_application", "django", Wsgi),
    ("django.core.asgi.get_asgi_application", "django", Asgi),
    ("bottle.default_app", "bottle", Wsgi),
    ("bottle.app", "bottle", Wsgi),
];

/// Functions that give an application where a keyword asks for one, and serve it themselves else.
pub(super) const EXPORTERS: [(&str, &str, &str, Interface); 2] = [
    ("flet.app", "export_asgi_app", "flet", Asgi),
    ("flet.run", "export_asgi_app", "flet", Asgi),
];

/// Methods that give an application: class, method, key of the row.
pub(super) const MAKERS: [(&str, &str, &str, Interface); 8] = [
    (
        "pyramid.config.Configurator",
        "make_wsgi_app",
        "pyramid",
        Wsgi,
    ),
    ("web.application", "wsgifunc", "wsgi", Wsgi),
    ("fastmcp.FastMCP", "http_app", "mcp", Asgi),
    ("mcp.server.MCPServer", "streamable_http_app", "mcp", Asgi),
    (
        "mcp.server.mcpserver.MCPServer",
        "streamable_http_app",
        "mcp",
        Asgi,
    ),
    (
        "mcp.server.fastmcp.FastMCP",
        "streamable_http_app",
        "mcp",
        Asgi,
    ),
    ("mcp.server.fastmcp.FastMCP", "sse_app", "mcp", Asgi),
    ("mcp.server.FastMCP", "streamable_http_app", "mcp", Asgi),
];

/// Decorators that make a WSGI application of a function that takes a request.
pub(super) const DECORATORS: [&str; 3] = [
    "werkzeug.Request.application",
    "werkzeug.wrappers.Request.application",
    "webob.dec.wsgify",
];

/// Functions that give several things, the application first.
pub(super) const FIRST_OF: [&str; 2] = ["fasthtml.common.fast_app", "fasthtml.fastapp.fast_app"];

/// An object that is no application itself and holds one.
pub(super) struct Inside {
    /// Its class.
    pub(super) class: &'static str,
    /// The attribute that is served.
    pub(super) attribute: &'static str,
    /// The attribute is a method that gives the application.
    pub(super) factory: bool,
    pub(super) interface: Interface,
    /// The key of its row.
    pub(super) row: &'static str,
}

const fn inside(
    class: &'static str,
    attribute: &'static str,
    factory: bool,
    interface: Interface,
    row: &'static str,
) -> Inside {
    Inside {
        class,
        attribute,
        factory,
        interface,
        row,
    }
}

pub(super) const INSIDE: [Inside; 9] = [
    // web.py: https://webpy.org
    inside("web.application", "wsgifunc", true, Wsgi, "wsgi"),
    inside("dash.Dash", "server", false, Wsgi, "dash"),
    inside("dash.dash.Dash", "server", false, Wsgi, "dash"),
    inside("jupyter_dash.JupyterDash", "server", false, Wsgi, "dash"),
    inside("fastmcp.FastMCP", "http_app", true, Asgi, "mcp"),
    inside(
        "mcp.server.fastmcp.FastMCP",
        "streamable_http_app",
        true,
        Asgi,
        "mcp",
    ),
    inside(
        "mcp.server.MCPServer",
        "streamable_http_app",
        true,
        Asgi,
        "mcp",
    ),
    inside(
        "mcp.server.mcpserver.MCPServer",
        "streamable_http_app",
        true,
        Asgi,
        "mcp",
    ),
    inside(
        "mcp.server.FastMCP",
        "streamable_http_app",
        true,
        Asgi,
        "mcp",
    ),
];

/// Packages whose programs keep what they know of a visitor in the memory of one process, with the
/// name that people use: each next request has to come to the same one.
pub(crate) const ONE_WORKER: [(&str, &str); 9] = [
    ("socketio", "Socket.IO"),
    ("flask_socketio", "Socket.IO"),
    ("engineio", "Engine.IO"),
    ("gradio", "Gradio"),
    ("nicegui", "NiceGUI"),
    ("shiny", "Shiny"),
    ("flet", "Flet"),
    ("fastmcp", "MCP"),
    ("mcp", "MCP"),
];
