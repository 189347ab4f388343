//! FastAPI: <https://fastapi.tiangolo.com>.

use crate::detect::Row;
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "fastapi",
    label: "FastAPI",
    package: "fastapi",
    classes: &[
        ("fastapi.FastAPI", Asgi),
        ("fastapi.applications.FastAPI", Asgi),
    ],
};
