//! How deep code nests, told by its tokens alone.
//!
//! The parser, the walks over its tree and the tree's own end are recursive: code that nests
//! without end would end the process. CPython refuses more than 200 brackets (`MAXLEVEL` in
//! `Parser/lexer/state.h`) and 100 indentations (`MAXINDENT`) itself; a chain such as `1 + 1 + …`
//! nests once per link and has no limit there.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::Mode;
use ruff_python_parser::lexer::lex;

/// Open brackets and indentations.
const BRACKETS: usize = 200;
const INDENTATIONS: usize = 100;
/// Tokens between two commas of one bracket, or of one line outside brackets.
const CHAIN: usize = 2000;

/// Four times what the deepest code that [`is_deep`] lets pass takes without optimisation.
pub(crate) const STACK: usize = 32 << 20;

/// Whether `source` nests deeper than is read.
pub(crate) fn is_deep(source: &str) -> bool {
    let mut lexer = lex(source, Mode::Module);
    let mut indentations = 0usize;
    let mut chains = vec![0usize];
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::Indent => indentations += 1,
            TokenKind::Dedent => indentations = indentations.saturating_sub(1),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => chains.push(0),
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if chains.len() > 1 => {
                chains.pop();
            }
            TokenKind::Newline | TokenKind::Semi => {
                chains.truncate(1);
                chains[0] = 0;
            }
            TokenKind::Comma => set_last(&mut chains, 0),
            _ => {}
        }
        let length = chains.last().copied().unwrap_or(0) + 1;
        set_last(&mut chains, length);
        if length > CHAIN || chains.len() > BRACKETS || indentations > INDENTATIONS {
            return true;
        }
    }
}

fn set_last(chains: &mut [usize], length: usize) {
    if let Some(last) = chains.last_mut() {
        *last = length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_code_is_not_deep_code() {
        let list = format!("X = [{}]\n", "(1, 'a'), ".repeat(20_000));
        let lines = "x = f(a, b)[c].d\n".repeat(20_000);
        let table = format!("Y = {{{}}}\n", "'a': [1, 2], ".repeat(5_000));
        for code in [list, lines, table] {
            assert!(!is_deep(&code));
        }
    }

    #[test]
    fn every_way_to_nest_is_seen() {
        for code in [
            "(".repeat(1000),
            "f(".repeat(1000),
            "1 + ".repeat(5000),
            "x".to_owned() + &".a".repeat(5000),
            "x".to_owned() + &"()".repeat(5000),
            "not ".repeat(5000),
            "lambda: ".repeat(5000),
            "a if b else ".repeat(5000),
            (0..200).map(|n| " ".repeat(n) + "if 1:\n").collect(),
        ] {
            assert!(is_deep(&code), "{}", &code[..20]);
        }
    }
}
