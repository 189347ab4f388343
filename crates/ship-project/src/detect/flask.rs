//! Flask: <https://flask.palletsprojects.com>.

use crate::detect::Row;
use crate::plan::Interface::Wsgi;

pub(super) const ROW: Row = Row {
    key: "flask",
    label: "Flask",
    package: "flask",
    classes: &[
        ("flask.Flask", Wsgi),
        ("flask.app.Flask", Wsgi),
        // Subclasses of other packages.
        ("apiflask.APIFlask", Wsgi),
        ("apiflask.app.APIFlask", Wsgi),
        ("eve.Eve", Wsgi),
        ("flask_api.FlaskAPI", Wsgi),
        ("flask_openapi3.OpenAPI", Wsgi),
    ],
};
