//! Who may use whom: the table in `docs/architecture.md` against cargo's graph.
//!
//! Only ordinary dependencies count; a test may use what it likes.

use ship_base::file;

use crate::workspace::{self, Graph};
use crate::{Result, page};

const PAGE: &str = "docs/architecture.md";
const HEADING: &str = "Crates";

/// What page and tree disagree about.
pub(crate) fn check() -> Result<Vec<String>> {
    let text = file::read_text(&workspace::root().join(PAGE))?;
    let mut tree = workspace::graph()?;
    tree.remove("xtask");
    Ok(compare(&allowed(&text)?, &tree))
}

/// What the page allows.
fn allowed(page: &str) -> Result<Graph> {
    let rows = page::rows(page, HEADING)?;
    Ok(rows
        .into_iter()
        .filter_map(|cells| {
            let name = page::names(cells.first()?).into_iter().next()?;
            let uses = page::names(cells.last()?).into_iter().collect();
            Some((name, uses))
        })
        .collect())
}

fn compare(allowed: &Graph, tree: &Graph) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, used) in tree {
        match allowed.get(name) {
            None => wrong.push(format!("`{name}` has no row in {PAGE}")),
            Some(may) => wrong.extend(
                used.difference(may)
                    .map(|other| format!("`{name}` uses `{other}`, which {PAGE} does not allow")),
            ),
        }
    }
    for (name, may) in allowed {
        if !tree.contains_key(name) {
            wrong.push(format!("`{name}` has a row in {PAGE} and no folder"));
        }
        for other in may.iter().filter(|other| !allowed.contains_key(*other)) {
            wrong.push(format!(
                "`{name}` may use `{other}`, which has no row in {PAGE}"
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(rows: &[(&str, &[&str])]) -> Graph {
        rows.iter()
            .map(|(name, uses)| {
                let uses = uses.iter().map(|other| (*other).to_owned()).collect();
                ((*name).to_owned(), uses)
            })
            .collect()
    }

    #[test]
    fn crates_use_only_what_the_page_allows() {
        assert_eq!(check().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_neighbour_that_is_used_is_found() {
        let page = graph(&[("base", &[]), ("door", &["base"]), ("run", &["base"])]);
        let tree = graph(&[("base", &[]), ("door", &["run"]), ("run", &["base"])]);
        assert_eq!(
            compare(&page, &tree),
            ["`door` uses `run`, which docs/architecture.md does not allow"]
        );
    }

    #[test]
    fn rows_and_folders_without_each_other_are_found() {
        let page = graph(&[("gone", &["never"])]);
        let tree = graph(&[("new", &[])]);
        assert_eq!(
            compare(&page, &tree),
            [
                "`new` has no row in docs/architecture.md",
                "`gone` has a row in docs/architecture.md and no folder",
                "`gone` may use `never`, which has no row in docs/architecture.md",
            ]
        );
    }
}
