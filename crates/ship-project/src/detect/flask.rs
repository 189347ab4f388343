//! Flask: <https://flask.palletsprojects.com>.

use crate::detect::Row;
use crate::plan::Interface::Wsgi;

pub(super) const ROW: Row = Row {
    key: "flask",
    label: "Flask",
    package: "flask",
    classes: &[("flask.Flask", Wsgi), ("flask.app.Flask", Wsgi)],
};
