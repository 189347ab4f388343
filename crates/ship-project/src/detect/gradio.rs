//! Gradio: <https://www.gradio.app>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "gradio",
    label: "Gradio",
    package: "gradio",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &[
        "gradio.Interface",
        "gradio.Blocks",
        "gradio.ChatInterface",
        "gradio.TabbedInterface",
        "gradio.load",
    ],
    start: Starting::Settings(&[
        "GRADIO_SERVER_NAME=127.0.0.1",
        "GRADIO_SERVER_PORT=$PORT",
        "GRADIO_ANALYTICS_ENABLED=False",
    ]),
    note: None,
};
