//! Sanic: <https://sanic.dev>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "sanic",
    label: "Sanic",
    package: "sanic",
    classes: &[("sanic.Sanic", Asgi), ("sanic.app.Sanic", Asgi)],
};

/// A program that starts Sanic's own server for an application of a factory:
/// <https://sanic.dev/en/guide/deployment/app-loader.html>.
pub(super) const LOADER: OwnServer = OwnServer {
    row: &ROW,
    signs: &[
        "sanic.worker.loader.AppLoader",
        "sanic.Sanic.serve",
        "sanic.Sanic.serve_single",
    ],
    start: Starting::Script,
    note: None,
};
