//! Bokeh: <https://bokeh.org>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "bokeh",
    label: "Bokeh",
    package: "bokeh",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["bokeh.io.curdoc", "bokeh.plotting.curdoc"],
    start: Starting::Command(&[
        "bokeh",
        "serve",
        "{file}",
        "--port=$PORT",
        "--address=127.0.0.1",
        "--allow-websocket-origin=*",
        "--use-xheaders",
    ]),
    note: None,
};
