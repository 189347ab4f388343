//! Shiny: <https://shiny.posit.co/py>.

use crate::detect::Row;
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "shiny",
    label: "Shiny",
    package: "shiny",
    classes: &[("shiny.App", Asgi)],
};
