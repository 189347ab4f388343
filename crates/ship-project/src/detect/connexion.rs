//! Connexion: <https://connexion.readthedocs.io>.

use crate::detect::Row;
use crate::plan::Interface::Asgi;

pub(super) const ROW: Row = Row {
    key: "connexion",
    label: "Connexion",
    package: "connexion",
    classes: &[
        ("connexion.AsyncApp", Asgi),
        ("connexion.FlaskApp", Asgi),
        ("connexion.App", Asgi),
    ],
};
