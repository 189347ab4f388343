//! Litestar: <https://litestar.dev>.

use crate::detect::Row;
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "litestar",
    label: "Litestar",
    package: "litestar",
    classes: &[
        ("litestar.Litestar", Asgi),
        ("litestar.app.Litestar", Asgi),
        ("starlite.Starlite", Asgi),
    ],
};
