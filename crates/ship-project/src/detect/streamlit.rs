//! Streamlit: <https://streamlit.io>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "streamlit",
    label: "Streamlit",
    package: "streamlit",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["streamlit."],
    start: Starting::Command(&[
        "streamlit",
        "run",
        "{file}",
        "--server.port=$PORT",
        "--server.address=127.0.0.1",
        "--server.headless=true",
        "--server.fileWatcherType=none",
        "--browser.gatherUsageStats=false",
    ]),
    note: None,
};
