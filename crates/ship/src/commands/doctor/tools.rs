//! The programs that builds need: uv and Python.

use std::collections::BTreeMap;

use ship_base::count::plural;
use ship_base::hint::{self, Hints as _};
use ship_base::paths::Folders;
use ship_base::secret::Secret;

use super::finding::Finding;

/// How many Pythons are named.
const NAMED: usize = 6;

/// The uv that a build would take.
pub(crate) fn uv(tools: &BTreeMap<String, Secret<String>>, folders: &Folders) -> Finding {
    match ship_build::uv::find(tools, folders) {
        Ok(Some(uv)) => Finding::good("uv", format!("{} at {}", uv.version, uv.path.display())),
        Ok(None) => Finding::notable(
            "uv",
            "not here; the first build fetches it from the package index",
            "`SHIP_UV=/path/to/uv` names one where there is no network",
        ),
        Err(error) => {
            let remedy = error.hints().into_iter().next();
            Finding::broken("uv", hint::chain(&error), remedy.unwrap_or_default())
        }
    }
}

/// The Pythons that a build could take.
pub(crate) fn pythons(tools: &BTreeMap<String, Secret<String>>, folders: &Folders) -> Finding {
    let found = ship_build::python::discover(tools, folders);
    let Some(first) = found.first() else {
        return Finding::notable(
            "python",
            "none found; a build lets uv fetch one",
            "`sudo apt install python3`, or `uv python install` where there is a network",
        );
    };
    let named = found
        .iter()
        .take(NAMED)
        .map(|python| python.about.version.to_string());
    let named: Vec<String> = named.collect();
    let more = match found.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {}", plural(more, "other")),
    };
    let what = format!(
        "{}{more}; the first at {}",
        named.join(", "),
        first.path.display()
    );
    Finding::good("python", what)
}
