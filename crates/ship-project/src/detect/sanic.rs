//! Sanic: <https://sanic.dev>.

use crate::detect::Row;
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "sanic",
    label: "Sanic",
    package: "sanic",
    classes: &[("sanic.Sanic", Asgi), ("sanic.app.Sanic", Asgi)],
};
