//! The projects that tests bring up: each folder has its row in `fixtures/README.md`.

use std::collections::BTreeSet;

use ship_base::file;

use crate::{Result, page, workspace};

const PAGE: &str = "fixtures/README.md";
const HEADINGS: [&str; 2] = ["What comes up", "What does not, and why"];

/// What page and tree disagree about.
pub(crate) fn check() -> Result<Vec<String>> {
    let root = workspace::root();
    let text = file::read_text(&root.join(PAGE))?;
    let mut told = BTreeSet::new();
    for heading in HEADINGS {
        for row in page::rows(&text, heading)? {
            told.extend(row.first().into_iter().flat_map(|cell| page::names(cell)));
        }
    }
    let there: BTreeSet<String> = file::entries(&root.join("fixtures/apps"))?
        .iter()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    Ok(compare(&told, &there))
}

fn compare(told: &BTreeSet<String>, there: &BTreeSet<String>) -> Vec<String> {
    let untold = there.difference(told);
    let missing = told.difference(there);
    untold
        .map(|name| format!("`fixtures/apps/{name}` has no row in {PAGE}"))
        .chain(missing.map(|name| format!("`{name}` has a row in {PAGE} and no folder")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fixture_has_its_row() {
        assert_eq!(check().unwrap(), Vec::<String>::new());
    }
}
