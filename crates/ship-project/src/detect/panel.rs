//! Panel: <https://panel.holoviz.org>.

use std::path::Path;

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};
use crate::detect::tool::{Tool, ends_in};
use crate::plan::OwnPort;

pub(super) const ROW: Row = Row {
    key: "panel",
    label: "Panel",
    package: "panel",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["panel."],
    start: Starting::Command(COMMAND),
    note: None,
};

const COMMAND: &[&str] = &[
    "panel",
    "serve",
    "{file}",
    "--port=$PORT",
    "--address=127.0.0.1",
    "--allow-websocket-origin=*",
    "--use-xheaders",
];

/// A program that starts its server itself: `pn.serve(app)`. Bokeh looks at the port that it got, and
/// gives up where that is another: it is told before the program runs.
pub(super) const SERVE: OwnServer = OwnServer {
    row: &ROW,
    signs: &["panel.serve"],
    start: Starting::Command(&[
        "env",
        "BOKEH_ALLOW_WS_ORIGIN=*",
        "python",
        "-c",
        SERVE_TOLD,
        "{file}",
    ]),
    note: None,
};

/// Runs the file that is its argument. The file finds its own arguments and the modules beside it as
/// when Python runs it. Its name is no part of the code: it may hold what ends a text.
const SERVE_TOLD: &str = "import os, runpy, sys, panel; del sys.argv[0]; sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0]))); serve = panel.serve; told = dict(port=int(os.environ['PORT']), address='127.0.0.1', show=False); panel.serve = lambda *args, **more: serve(*args, **{**more, **told}); runpy.run_path(sys.argv[0], run_name='__main__')";

/// A notebook with `.servable()` in it; where Voilà is named as well, it is Voilà's.
pub(super) const NOTEBOOK: Tool = Tool {
    row: &ROW,
    belongs,
    command: COMMAND,
    several: None,
    own_port: OwnPort::Given,
    note: None,
};

fn belongs(file: &Path) -> bool {
    ends_in(file, &["ipynb"])
}
