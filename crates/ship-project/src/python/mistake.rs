//! The first syntax error of a file, where its author looks for it.

use std::ops::Range;
use std::path::Path;

use ruff_python_ast::ModModule;
use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_parser::Parsed;
use ruff_text_size::Ranged as _;

use crate::excerpt::Excerpt;

/// A syntax error.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) message: String,
    pub(crate) excerpt: Excerpt,
}

impl Mistake {
    /// The first of a parsed file. A bracket that is never closed is one where it is opened, as
    /// Python itself tells it, and not where the parser gave up.
    pub(crate) fn first(file: &Path, source: &str, parsed: &Parsed<ModModule>) -> Option<Self> {
        let error = parsed.errors().first()?;
        let at: Range<usize> = error.location.into();
        let open = never_closed(parsed.tokens()).filter(|open| open.start < at.start);
        Some(match open {
            Some(open) => Self {
                message: format!("`{}` is never closed", &source[open.clone()]),
                excerpt: Excerpt::new(file, source, open),
            },
            None => Self {
                message: error.error.to_string(),
                excerpt: Excerpt::new(file, source, at),
            },
        })
    }
}

/// The innermost bracket that is still open at the end.
fn never_closed(tokens: &Tokens) -> Option<Range<usize>> {
    let mut open: Vec<(TokenKind, Range<usize>)> = Vec::new();
    for token in tokens {
        let closed_by = match token.kind() {
            kind @ (TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace) => {
                open.push((kind, token.range().into()));
                continue;
            }
            TokenKind::Rpar => TokenKind::Lpar,
            TokenKind::Rsqb => TokenKind::Lsqb,
            TokenKind::Rbrace => TokenKind::Lbrace,
            _ => continue,
        };
        // One of another kind closes nothing: that is the parser's to tell.
        if open.pop().is_none_or(|(kind, _)| kind != closed_by) {
            return None;
        }
    }
    open.pop().map(|(_, range)| range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::module::Module;
    use proptest::prelude::*;

    fn told(text: &str) -> Option<String> {
        let mistake = Module::read(Path::new("main.py"), text).mistake?;
        let Excerpt { line, column, .. } = mistake.excerpt;
        Some(format!("{}:{}: {}", line, column, mistake.message))
    }

    #[test]
    fn a_bracket_that_is_never_closed_is_told_where_it_is_opened() {
        for (text, wanted) in [
            ("from a import A\napp = A(\n", "2:8: `(` is never closed"),
            ("x = [\n  'a',\ny = {}\n", "1:5: `[` is never closed"),
            (
                "x = f(1, '(', \"{\")  # (\ny = {1: (2,\n",
                "2:9: `(` is never closed",
            ),
            ("x = f'{a}'\ny = (\n", "2:5: `(` is never closed"),
            ("x = (1]\n", "1:7: Expected `)`, found `]`"),
        ] {
            assert_eq!(told(text).as_deref(), Some(wanted), "{text}");
        }
        assert_eq!(told("x = (1)\n"), None);
    }

    proptest! {
        #[test]
        fn any_mistake_has_a_place(text in "[(){}\\[\\]a=,'\\n f]{0,30}") {
            let _ = told(&text);
        }
    }
}
