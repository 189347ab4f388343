//! `environment.md`: the variables that Shipsmith reads and hands on.

use std::fmt::Write as _;

use ship::variables::{READ, ROLES, TOOLS};

/// The page.
pub(crate) fn page() -> String {
    let mut page = "# Environment variables\n\n| variable | meaning |\n|---|---|\n".to_owned();
    for (name, text) in READ {
        let _ = writeln!(page, "| `{name}` | {text} |");
    }
    let _ = write!(
        page,
        "\n## What is handed on\n\nThe environment of your shell does not reach your app: its \
         settings come from `ship env`, `.env` and `[env]` in `ship.toml`.\n\n- `ship up` hands \
         these to uv, Python and build commands, and nothing else: {}.\n- The server, the front \
         door and the keepers are started with these: {}.\n",
        list(TOOLS),
        list(ROLES)
    );
    page
}

fn list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
