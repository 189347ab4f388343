//! FastHTML: <https://fastht.ml>.

use crate::detect::Row;
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "fasthtml",
    label: "FastHTML",
    package: "python-fasthtml",
    classes: &[
        ("fasthtml.common.FastHTML", Asgi),
        ("fasthtml.core.FastHTML", Asgi),
        ("fasthtml.FastHTML", Asgi),
        ("fasthtml.common.fast_app", Asgi),
        ("fasthtml.fastapp.fast_app", Asgi),
    ],
};
