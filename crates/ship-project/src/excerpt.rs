//! A place in a file as people look at it: line, column, and the line itself with a caret under it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The line of a file that an error is about. It shows as
///
/// ```text
///  --> ship.toml:2:1
///   |
/// 2 | comand = "gunicorn"
///   | ^^^^^^
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The line without its end; long lines are cut around the column.
    pub text: String,
    /// Where the carets begin in `text`, in characters.
    indent: usize,
    /// How many carets.
    carets: usize,
}

/// Longer lines are cut: generated files have lines of a megabyte.
const WIDTH: usize = 120;

impl Excerpt {
    /// The line of `source` that holds the first byte of `span`. A span beyond the end is the end.
    pub fn new(file: &Path, source: &str, span: Range<usize>) -> Self {
        let start = floor_boundary(source, span.start);
        let end = floor_boundary(source, span.end.max(start));
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let rest = &source[line_start..];
        let whole = rest.lines().next().unwrap_or_default();
        let column = source[line_start..start].chars().count();
        let line_end = line_start + whole.len();
        let carets = source[start..end.clamp(start, line_end.max(start))]
            .chars()
            .count();
        let skip = column.saturating_sub(WIDTH / 2) * usize::from(whole.chars().count() > WIDTH);
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        Self {
            file: file.to_owned(),
            line: line_of(source, start),
            column: column as u32 + 1,
            text: whole
                .chars()
                .skip(skip)
                .take(WIDTH)
                .map(printable)
                .collect(),
            indent: column - skip,
            carets: carets.clamp(1, WIDTH - (column - skip).min(WIDTH - 1)),
        }
    }
}

impl Excerpt {
    /// A whole line, from 1.
    pub(crate) fn of_line(file: &Path, source: &str, line: u32) -> Self {
        let above = source
            .split_inclusive('\n')
            .take(line.saturating_sub(1) as usize);
        let start: usize = above.map(str::len).sum();
        let length = source[start..].lines().next().map_or(0, str::len);
        Self::new(file, source, start..start + length)
    }
}

/// The line of the byte at `offset`, from 1.
pub(crate) fn line_of(source: &str, offset: usize) -> u32 {
    let before = &source[..floor_boundary(source, offset)];
    before.matches('\n').count() as u32 + 1
}

fn floor_boundary(source: &str, at: usize) -> usize {
    (0..=at.min(source.len()))
        .rev()
        .find(|&at| source.is_char_boundary(at))
        .unwrap_or(0)
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(self.indent);
        let carets = "^".repeat(self.carets);
        let place = format!("{}:{}:{}", self.file.display(), self.line, self.column);
        writeln!(f, "{margin}--> {place}")?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", self.text)?;
        write!(f, "{margin} | {indent}{carets}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_caret_stands_under_the_word() {
        let source = "name = \"ä\"\ncomand = \"x\"\n";
        let at = source.find("comand").unwrap();
        let excerpt = Excerpt::new(Path::new("ship.toml"), source, at..at + 6);
        insta::assert_snapshot!(excerpt, @r#"
         --> ship.toml:2:1
          |
        2 | comand = "x"
          | ^^^^^^
        "#);
    }

    proptest! {
        #[test]
        fn any_span_of_any_text_has_a_line(text in ".*", start in 0usize..300, length in 0usize..300) {
            let excerpt = Excerpt::new(Path::new("f"), &text, start..start + length);
            prop_assert!(excerpt.line >= 1 && excerpt.text.chars().count() <= WIDTH);
        }
    }
}
