//! aiohttp: <https://docs.aiohttp.org>.

use crate::detect::Row;
use crate::detect::own_server::{OwnServer, Starting};

pub(super) const ROW: Row = Row {
    key: "aiohttp",
    label: "aiohttp",
    package: "aiohttp",
    classes: &[],
};

pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &[
        "aiohttp.web.run_app",
        "aiohttp.web.AppRunner",
        "aiohttp.web.TCPSite",
    ],
    start: Starting::Script,
    note: None,
};
