//! Bottle: <https://bottlepy.org>.

use crate::detect::Row;
use crate::plan::Interface::Wsgi;

pub(super) const ROW: Row = Row {
    key: "bottle",
    label: "Bottle",
    package: "bottle",
    classes: &[("bottle.Bottle", Wsgi)],
};
