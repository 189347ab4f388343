//! Starlette: <https://www.starlette.io>.

use crate::detect::Row;
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "starlette",
    label: "Starlette",
    package: "starlette",
    classes: &[
        ("starlette.applications.Starlette", Asgi),
        ("starlette.routing.Router", Asgi),
    ],
};
