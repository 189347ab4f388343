//! BlackSheep: <https://www.neoteroi.dev/blacksheep>.

use crate::detect::Row;
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "blacksheep",
    label: "BlackSheep",
    package: "blacksheep",
    classes: &[
        ("blacksheep.Application", Asgi),
        ("blacksheep.server.Application", Asgi),
    ],
};
