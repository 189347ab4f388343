//! Third-party crates: each `[workspace.dependencies]` line has its reason in
//! `docs/dependencies.md`.

use std::collections::BTreeSet;

use ship_base::file;

use crate::{Result, page, workspace};

const PAGE: &str = "docs/dependencies.md";
const HEADINGS: [&str; 2] = ["In the product", "In tests and chores"];

/// What page and tree disagree about.
pub(crate) fn check() -> Result<Vec<String>> {
    let root = workspace::root();
    let text = file::read_text(&root.join(PAGE))?;
    let manifest = file::read_text(&root.join("Cargo.toml"))?;
    Ok(compare(&told(&text)?, &named(&manifest)?))
}

fn told(page: &str) -> Result<BTreeSet<String>> {
    let mut told = BTreeSet::new();
    for heading in HEADINGS {
        for row in page::rows(page, heading)? {
            told.extend(row.first().into_iter().flat_map(|cell| page::names(cell)));
        }
    }
    Ok(told)
}

/// The crates that the workspace names and that are not its own.
fn named(manifest: &str) -> Result<BTreeSet<String>> {
    let manifest: toml::Table = manifest.parse()?;
    let dependencies = manifest["workspace"]["dependencies"]
        .as_table()
        .ok_or("`workspace.dependencies` is no table")?;
    Ok(dependencies
        .iter()
        .filter(|(_, value)| value.get("path").is_none())
        .map(|(name, _)| name.clone())
        .collect())
}

fn compare(told: &BTreeSet<String>, named: &BTreeSet<String>) -> Vec<String> {
    let untold = named.difference(told);
    let unnamed = told.difference(named);
    untold
        .map(|name| format!("`{name}` is in Cargo.toml and {PAGE} gives no reason"))
        .chain(unnamed.map(|name| format!("`{name}` is in {PAGE} and Cargo.toml does not name it")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_party_crate_has_its_reason() {
        assert_eq!(check().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn own_crates_need_no_reason() {
        let manifest =
            "[workspace.dependencies]\nown = { path = \"crates/own\" }\ntheirs = \"1\"\n";
        assert_eq!(
            named(manifest).unwrap().into_iter().collect::<Vec<_>>(),
            ["theirs"]
        );
    }

    #[test]
    fn both_directions_are_found() {
        let told = BTreeSet::from(["old".to_owned()]);
        let named = BTreeSet::from(["new".to_owned()]);
        assert_eq!(
            compare(&told, &named),
            [
                "`new` is in Cargo.toml and docs/dependencies.md gives no reason",
                "`old` is in docs/dependencies.md and Cargo.toml does not name it",
            ]
        );
    }
}
