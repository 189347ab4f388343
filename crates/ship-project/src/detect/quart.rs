//! Quart: <https://quart.palletsprojects.com>.

use crate::detect::Row;
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "quart",
    label: "Quart",
    package: "quart",
    classes: &[
        ("quart.Quart", Asgi),
        ("quart.app.Quart", Asgi),
        ("quart_trio.QuartTrio", Asgi),
    ],
};
