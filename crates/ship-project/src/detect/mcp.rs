//! MCP server: <https://modelcontextprotocol.io>.

use crate::detect::Row;

pub(super) const ROW: Row = Row {
    key: "mcp",
    label: "MCP server",
    package: "mcp",
    classes: &[],
};
