//! Falcon: <https://falconframework.org>.

use crate::detect::Row;
use crate::plan::Interface::{Asgi, Wsgi};

pub(super) const ROW: Row = Row {
    key: "falcon",
    label: "Falcon",
    package: "falcon",
    classes: &[
        ("falcon.App", Wsgi),
        ("falcon.API", Wsgi),
        ("falcon.asgi.App", Asgi),
    ],
};
