//! The web servers that a project may lock, as rows of a table: how each is told where to listen,
//! what to serve and with how many workers.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A production web server for Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebServer {
    /// <https://github.com/emmett-framework/granian>; added where no other is locked.
    Granian,
    /// <https://gunicorn.org>; WSGI, and ASGI through uvicorn's worker class.
    Gunicorn,
    /// <https://www.uvicorn.org>; ASGI.
    Uvicorn,
    /// <https://hypercorn.readthedocs.io>; ASGI and WSGI.
    Hypercorn,
    /// <https://docs.pylonsproject.org/projects/waitress>; WSGI.
    Waitress,
    /// <https://uwsgi-docs.readthedocs.io>; WSGI.
    Uwsgi,
    /// <https://github.com/django/daphne>; ASGI.
    Daphne,
}

/// Where an instance listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listen {
    /// A unix socket.
    Unix(PathBuf),
    /// A loopback port.
    Tcp(SocketAddr),
}
