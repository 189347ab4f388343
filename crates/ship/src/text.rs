//! Text that fits a terminal, and text from programs that must not play with it.

use anstyle::{AnsiColor, Style};

/// Done, alive.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Failed.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// To be looked at.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
/// Advice.
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default();
/// Beside the point.
pub(crate) const DIM: Style = Style::new().dimmed();
/// The point.
pub(crate) const STRONG: Style = Style::new().bold();

/// `text` in `style`.
pub(crate) fn styled(style: Style, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("{style}{text}{style:#}")
}

/// How many columns `text` takes, one per character; it must hold no style.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

/// `text` in at most `most` columns; what is cut off leaves a `…`.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    if most == 0 { kept } else { kept + "…" }
}

/// `text` with spaces up to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// A line of a program for a terminal: its colours stay, everything else that moves the cursor,
/// sets titles or rings does not. Tabs stay.
pub(crate) fn tame(line: &str) -> String {
    let mut tame = String::with_capacity(line.len());
    let mut rest = line;
    let mut coloured = false;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
        tame.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(length) = colour_sequence(rest) {
            tame.push_str(&rest[..length]);
            rest = &rest[length..];
            coloured = true;
        } else {
            rest = after_sequence(rest);
        }
    }
    tame.push_str(rest);
    if coloured {
        tame.push_str("\x1b[0m");
    }
    tame
}

/// The length of `ESC [ digits and ; m` (ECMA-48, SGR) at the start of `text`.
fn colour_sequence(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}

/// What follows the control character, or the whole escape sequence, at the start of `text`.
fn after_sequence(text: &str) -> &str {
    let mut rest = text.chars();
    let first = rest.next();
    let rest = rest.as_str();
    match (first, rest.chars().next()) {
        // CSI: ends with its final byte, 0x40 to 0x7E.
        (Some('\x1b'), Some('[')) => {
            let body = &rest[1..];
            let end = body.find(|c: char| ('\x40'..='\x7e').contains(&c));
            end.map_or("", |end| &body[end + 1..])
        }
        // OSC, as for titles: ends with BEL or ST.
        (Some('\x1b'), Some(']')) => {
            let end = rest.find(['\x07', '\x1b']);
            end.map_or("", |end| rest[end..].trim_start_matches(['\x07', '\x1b']))
        }
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_fit_leaves_a_sign() {
        assert_eq!(cut("granian", 7), "granian");
        assert_eq!(cut("granian", 6), "grani…");
        assert_eq!(cut("granian", 1), "…");
        assert_eq!(cut("granian", 0), "");
        assert_eq!(pad("äb", 4), "äb  ");
    }

    #[test]
    fn programs_keep_their_colours_and_nothing_else() {
        assert_eq!(tame("plain\ttext"), "plain\ttext");
        assert_eq!(tame("\x1b[31mred"), "\x1b[31mred\x1b[0m");
        assert_eq!(tame("\x1b[2J\x1b[Hgone\x07"), "gone");
        assert_eq!(tame("\x1b]0;title\x07text"), "text");
        assert_eq!(tame("10%\r20%"), "10%20%");
    }

    proptest! {
        #[test]
        fn tame_text_holds_no_control_but_colours(line in "[\\x1b\\[\\];0-9mHJ\\x07\\r a-c]*") {
            let tame = tame(&line);
            let mut rest = tame.as_str();
            while let Some(at) = rest.find(char::is_control) {
                let length = colour_sequence(&rest[at..]);
                prop_assert!(length.is_some(), "{tame:?}");
                rest = &rest[at + length.unwrap_or(1)..];
            }
        }
    }
}
