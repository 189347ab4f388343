//! MCP server: <https://modelcontextprotocol.io>.

use crate::detect::{Found, Row};
use crate::plan::Note;

pub(super) const ROW: Row = Row {
    key: "mcp",
    label: "MCP server",
    package: "mcp",
    classes: &[],
};

/// Where clients find it, and what keeps them out.
pub(super) fn note(found: &Found) -> Option<Note> {
    (found.row.key == ROW.key).then(|| Note {
        text: "clients of this MCP server connect to the path `/mcp`".to_owned(),
        hint: Some(
            "one that is refused with 421 is not among its hosts: `transport_security` of the application, `allowed_hosts=[\"NAME.localhost:*\"]`"
                .to_owned(),
        ),
        place: found.places.first().cloned(),
    })
}
