//! Taipy: <https://www.taipy.io>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "taipy",
    label: "Taipy",
    package: "taipy",
    classes: &[],
};

/// Its programs read these arguments wherever they are, beside their own, and believe them more than
/// what is written in the code:
/// <https://docs.taipy.io/en/latest/userman/advanced_features/configuration/gui-config/>. Debug mode
/// and reloading would take Werkzeug's development server in place of gevent's.
pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["taipy.Gui", "taipy.gui.Gui", "taipy.run"],
    start: Starting::Arguments(&[
        "--taipy-host=127.0.0.1",
        "--taipy-port=$PORT",
        "--no-taipy-debug",
        "--no-taipy-reloader",
        "--no-taipy-run-browser",
    ]),
    note: None,
};
