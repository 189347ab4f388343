//! Responder: <https://responder.kennethreitz.org>.

use crate::detect::Row;
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "responder",
    label: "Responder",
    package: "responder",
    classes: &[("responder.API", Asgi), ("responder.api.API", Asgi)],
};
