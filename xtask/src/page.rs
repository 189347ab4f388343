//! Tables in our Markdown pages, so that a page can be compared with what it describes.

use crate::Result;

/// The rows of the tables below the heading `heading`, each a list of cells, without the head.
///
/// A cell keeps its Markdown; blanks around it go. The section ends at the next heading. A section
/// without rows is an error: a comparison with nothing would always agree.
pub(crate) fn rows(page: &str, heading: &str) -> Result<Vec<Vec<String>>> {
    let section = page
        .lines()
        .skip_while(|line| line.trim_start_matches('#').trim() != heading || !line.starts_with('#'))
        .skip(1)
        .take_while(|line| !line.starts_with('#'));
    let mut rows = Vec::new();
    for line in section {
        match cells(line) {
            // A line of dashes: what came before it was the head.
            Some(cells) if cells.iter().all(|cell| is_dashes(cell)) => {
                rows.pop();
            }
            Some(cells) => rows.push(cells),
            None => {}
        }
    }
    if rows.is_empty() {
        return Err(format!("no table below the heading `{heading}`").into());
    }
    Ok(rows)
}

/// The words in backticks of a cell: names, as the pages write them.
pub(crate) fn names(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(
        inner
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect(),
    )
}

fn is_dashes(cell: &str) -> bool {
    !cell.is_empty() && cell.chars().all(|character| matches!(character, '-' | ':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Page\n| no | no |\n|---|---|\n| a | b |\n## Crates\nwords\n\n\
                        | crate | may use |\n|---|:--|\n| `one` | – |\n| `two` | `one`, `zero` |\n\n## After\n| x |\n|---|\n| y |\n";

    #[test]
    fn only_the_rows_of_the_section_are_read() {
        assert_eq!(
            rows(PAGE, "Crates").unwrap(),
            [["`one`", "–"], ["`two`", "`one`, `zero`"]]
        );
    }

    #[test]
    fn nothing_to_compare_with_is_an_error() {
        assert!(rows(PAGE, "Nothing").is_err());
    }

    #[test]
    fn names_are_what_stands_in_backticks() {
        assert_eq!(names("`one`, `zero`"), ["one", "zero"]);
        assert!(names("–").is_empty());
    }
}
