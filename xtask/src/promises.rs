//! Promises and the tests that prove them: each test that `docs/promises.md` names is there.

use std::collections::BTreeSet;
use std::path::Path;

use ship_base::file;

use crate::{Result, page, workspace};

const PAGE: &str = "docs/promises.md";
const HEADING: &str = "What is promised";

/// What page and tree disagree about.
pub(crate) fn check() -> Result<Vec<String>> {
    let root = workspace::root();
    let text = file::read_text(&root.join(PAGE))?;
    let mut tests = BTreeSet::new();
    for folder in ["crates", "xtask"] {
        collect(&root.join(folder), &mut tests)?;
    }
    missing(&text, &tests)
}

fn missing(page: &str, tests: &BTreeSet<String>) -> Result<Vec<String>> {
    let rows = page::rows(page, HEADING)?;
    Ok(rows
        .iter()
        .filter_map(|cells| cells.last())
        .flat_map(|cell| page::names(cell))
        .filter(|name| !tests.contains(name))
        .map(|name| format!("{PAGE} names the test `{name}`, which is nowhere"))
        .collect())
}

/// The names of all functions that follow a test attribute, in every Rust file below `folder`.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) -> Result<()> {
    for entry in file::entries(folder)? {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            tests.extend(tests_in(&file::read_text(&path)?));
        }
    }
    Ok(())
}

fn tests_in(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut expected = false;
    for line in source.lines().map(str::trim) {
        // `#[test]`, `#[tokio::test]`, `#[tokio::test(start_paused = true)]`.
        if line.starts_with("#[") && line.contains("test") && !line.contains("cfg(") {
            expected = true;
        } else if let Some(name) = function(line)
            && std::mem::take(&mut expected)
        {
            found.push(name.to_owned());
        }
    }
    found
}

fn function(line: &str) -> Option<&str> {
    let rest = line
        .strip_prefix("async ")
        .unwrap_or(line)
        .strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_that_the_page_names_is_there() {
        assert_eq!(check().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn tests_are_told_from_other_functions() {
        let source = "fn helper() {}\n#[test]\nfn one() {}\n#[tokio::test(start_paused = true)]\n\
                      #[expect(x)]\nasync fn two() {}\n#[cfg(test)]\nmod tests {\nfn three() {}\n}";
        assert_eq!(tests_in(source), ["one", "two"]);
    }

    #[test]
    fn a_test_that_is_gone_is_found() {
        let page = "## What is promised\n| promise | test |\n|---|---|\n| p | `here`, `gone` |\n";
        let tests = BTreeSet::from(["here".to_owned()]);
        assert_eq!(
            missing(page, &tests).unwrap(),
            ["docs/promises.md names the test `gone`, which is nowhere"]
        );
    }
}
