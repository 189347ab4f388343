//! Scrapyd: <https://scrapyd.readthedocs.io>.

use std::path::Path;

use crate::detect::Row;
use crate::detect::tool::Tool;
use crate::plan::OwnPort;

pub(super) const ROW: Row = Row {
    key: "scrapyd",
    label: "Scrapyd",
    package: "scrapyd",
    classes: &[],
};

pub(super) const TOOL: Tool = Tool {
    row: &ROW,
    belongs,
    command: &["scrapyd"],
    several: None,
    own_port: OwnPort::First,
    note: Some((
        "visitors can upload and run spiders: Scrapyd asks for no password by itself",
        "set `username` and `password` in the section `[scrapyd]` of `scrapyd.conf`",
    )),
};

fn belongs(file: &Path) -> bool {
    let names = [
        "scrapyd.conf",
        "scrapy.cfg",
        "requirements.txt",
        "pyproject.toml",
    ];
    file.components().count() == 1 && names.iter().any(|name| file == Path::new(name))
}
