//! The commands that our pages show: each is one that the command line takes.
//!
//! What it takes stands in `docs/reference/commands.md`, which is made from the code and compared
//! with it by `cargo xtask generate --check`. So a page that shows a subcommand or an option which is
//! no more, or not yet, is found without running anything.

mod line;
mod reference;

use std::path::{Path, PathBuf};

use ship_base::file;

use crate::{Result, workspace};
use reference::Reference;

/// What users read. Pages for those who work on Shipsmith speak of roles, and of commands that are
/// none yet.
const PAGES: &[&str] = &["README.md", "docs/guides", "docs/concepts"];

/// What pages and command line disagree about.
pub(crate) fn check() -> Result<Vec<String>> {
    let root = workspace::root();
    let reference = Reference::read(&file::read_text(&root.join("docs/reference/commands.md"))?)?;
    let mut pages = Vec::new();
    for page in PAGES {
        collect(&root.join(page), &mut pages)?;
    }
    let mut wrong = Vec::new();
    for page in pages {
        let name = page.strip_prefix(&root).unwrap_or(&page).display();
        let objections = in_page(&file::read_text(&page)?, &reference);
        wrong.extend(objections.iter().map(|why| format!("{name}:{why}")));
    }
    Ok(wrong)
}

fn collect(path: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_dir() {
        for entry in file::entries(path)? {
            collect(&entry.path(), pages)?;
        }
    } else if path.extension().is_some_and(|extension| extension == "md") {
        pages.push(path.to_owned());
    }
    Ok(())
}

/// The objections to one page, each with its line.
fn in_page(page: &str, reference: &Reference) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut in_block = false;
    for (number, text) in (1..).zip(page.lines()) {
        if text.trim_start().starts_with("```") {
            in_block = !in_block;
            continue;
        }
        // Text may speak of an option without giving it a value.
        let (shown, open) = if in_block {
            (line::commands(text), false)
        } else {
            (line::spans(text), true)
        };
        for words in shown {
            if let Err(why) = reference.takes(&words, open) {
                wrong.push(format!("{number}: `{}`: {why}", words.join(" ")));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_a_page_shows_is_taken() {
        assert_eq!(check().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_command_that_is_no_more_is_found_with_its_line_in_blocks_and_in_text() {
        let reference = Reference::read(reference::EXAMPLE).unwrap();
        let page = "# Page\n```\nship up --detach\nship up --attach\n```\nSay `ship down`, or `ship deploy --domain`.\n\
                    ```yaml\nscript:\n  - cd blog && ship deploy prod a b\n```\n";
        let wrong = in_page(page, &reference);
        assert_eq!(
            wrong,
            [
                "4: `ship up --attach`: there is no option `--attach`",
                "6: `ship down`: there is no such command",
                "9: `ship deploy prod a b`: it takes 2 arguments and is given 3",
            ]
        );
    }
}
