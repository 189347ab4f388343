//! Servers that a program starts by a call, with an application that nobody else can come to: made
//! in a function, or of a package that no row knows. The program is run as it is.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

const fn row(key: &'static str, label: &'static str, package: &'static str) -> Row {
    Row {
        key,
        label,
        package,
        classes: &[],
    }
}

const fn server(row: &'static Row, signs: &'static [&'static str]) -> OwnServer {
    OwnServer {
        row,
        signs,
        start: Starting::Script,
        note: None,
    }
}

/// <https://uvicorn.dev/#running-programmatically>
pub(super) const UVICORN: OwnServer = server(
    &row("uvicorn", "Uvicorn", "uvicorn"),
    &["uvicorn.run", "uvicorn.Server"],
);

/// <https://hypercorn.readthedocs.io/en/latest/how_to_guides/api_usage.html>
pub(super) const HYPERCORN: OwnServer = server(
    &row("hypercorn", "Hypercorn", "hypercorn"),
    &[
        "hypercorn.asyncio.serve",
        "hypercorn.trio.serve",
        "hypercorn.run.run",
    ],
);

/// <https://docs.pylonsproject.org/projects/waitress/en/stable/usage.html>
pub(super) const WAITRESS: OwnServer = server(
    &row("waitress", "Waitress", "waitress"),
    &[
        "waitress.serve",
        "waitress.create_server",
        "waitress.server.create_server",
    ],
);

/// <https://cheroot.cherrypy.dev>
pub(super) const CHEROOT: OwnServer = server(
    &row("cheroot", "Cheroot", "cheroot"),
    &["cheroot.wsgi.Server", "cheroot.wsgi.WSGIServer"],
);

/// <https://www.gevent.org/servers.html>
pub(super) const GEVENT: OwnServer = server(
    &row("gevent", "gevent", "gevent"),
    &["gevent.pywsgi.WSGIServer"],
);

/// <https://eventlet.readthedocs.io/en/latest/modules/wsgi.html>
pub(super) const EVENTLET: OwnServer = server(
    &row("eventlet", "eventlet", "eventlet"),
    &["eventlet.wsgi.server"],
);

/// <https://websockets.readthedocs.io/en/stable/reference/asyncio/server.html>
pub(super) const WEBSOCKETS: OwnServer = server(
    &row("websockets", "websockets", "websockets"),
    &[
        "websockets.serve",
        "websockets.server.serve",
        "websockets.asyncio.server.serve",
        "websockets.sync.server.serve",
        "websockets.legacy.server.serve",
    ],
);
