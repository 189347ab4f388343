//! `.env` and `.flaskenv`: `NAME=value`, by the rules of python-dotenv, except that values are
//! opaque: `$` and `${…}` in them stay as they are.
//!
//! Rules: <https://saurabh-kumar.com/python-dotenv/#file-format>. Values may be bare, in single or
//! double quotes, over several lines within quotes; `export` may stand before a name; ` #` begins a
//! comment after a bare value; escapes mean something in double quotes, and `\\` and `\'` in single.

use std::path::Path;

use ship_base::secret::Secret;

use crate::error::{Error, Result};
use crate::excerpt::{Excerpt, line_of};
use crate::plan::Place;

/// One setting of a `.env` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DotenvEntry {
    /// Its name.
    pub name: String,
    /// Its value, as python-dotenv reads it but without interpolation.
    pub value: Secret<String>,
    /// Where it stands.
    pub place: Place,
}

/// Reads settings, in order. A name without `=` is not set, as there; a name that comes twice has
/// its last value. What cannot be read is an error, without showing any value.
pub fn parse(file: &Path, text: &str) -> Result<Vec<DotenvEntry>> {
    let mut entries: Vec<DotenvEntry> = Vec::new();
    let mut reader = Reader { text, at: 0 };
    while reader.skip_to_content() {
        let start = reader.at;
        let entry = reader
            .entry()
            .map_err(|message| wrong(file, text, start, message))?;
        let (name, value) = entry;
        entries.retain(|entry| entry.name != name);
        if let Some(value) = value {
            entries.push(DotenvEntry {
                name,
                value: Secret::new(value),
                place: Place::line(file, line_of(text, start)),
            });
        }
    }
    Ok(entries)
}

/// The line is shown up to its `=` only: what follows may be a password.
fn wrong(file: &Path, text: &str, start: usize, message: &str) -> Error {
    let line_end = text[start..]
        .find('\n')
        .map_or(text.len(), |end| start + end);
    let end = text[start..line_end]
        .find('=')
        .map_or(start, |at| start + at);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let blank: String = text[..line_start].chars().filter(|&c| c == '\n').collect();
    let shown = format!("{blank}{}=…", &text[line_start..end]);
    let from = blank.len() + (start - line_start);
    Error::Manifest {
        excerpt: Box::new(Excerpt::new(file, &shown, from..shown.len())),
        message: message.to_owned(),
        hint: Some("a setting is `NAME=value` or `NAME=\"value with blanks\"`".to_owned()),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

type Part<T> = std::result::Result<T, &'static str>;

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_while(&mut self, skip: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !skip(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip_blanks(&mut self) -> &'a str {
        self.skip_while(|c| c.is_whitespace() && c != '\n')
    }

    /// To the next line that is neither blank nor a comment; false at the end.
    fn skip_to_content(&mut self) -> bool {
        loop {
            self.skip_while(char::is_whitespace);
            if self.peek() != Some('#') {
                return self.peek().is_some();
            }
            self.skip_while(|c| c != '\n');
        }
    }

    fn entry(&mut self) -> Part<(String, Option<String>)> {
        if let Some(after) = self.rest().strip_prefix("export")
            && after.starts_with([' ', '\t'])
        {
            self.at += "export".len();
            self.skip_blanks();
        }
        let name = self.name()?;
        if name.is_empty() {
            return Err("a setting needs a name before its `=`");
        }
        if name.contains(['=', '\0']) {
            return Err("a setting's name holds neither `=` nor NUL");
        }
        self.skip_blanks();
        let mut value = None;
        if self.peek() == Some('=') {
            self.at += 1;
            let blanks = self.skip_blanks();
            // `A= # note` is empty; `A=#1` is not.
            let only_comment = !blanks.is_empty() && self.peek() == Some('#');
            value = Some(if only_comment {
                String::new()
            } else {
                self.value()?
            });
        }
        self.end_of_line()?;
        // It ends a C string: no program could be given it.
        if value.as_ref().is_some_and(|value| value.contains('\0')) {
            return Err("a setting's value holds no NUL");
        }
        Ok((name, value))
    }

    fn name(&mut self) -> Part<String> {
        if self.peek() == Some('\'') {
            self.at += 1;
            let name = self.skip_while(|c| c != '\'' && c != '\n');
            return self.close('\'').map(|()| name.to_owned());
        }
        let name = self.skip_while(|c| !c.is_whitespace() && c != '=' && c != '#');
        Ok(name.to_owned())
    }

    fn close(&mut self, quote: char) -> Part<()> {
        if self.peek() != Some(quote) {
            return Err("a quote is opened here and never closed");
        }
        self.at += quote.len_utf8();
        Ok(())
    }

    fn value(&mut self) -> Part<String> {
        match self.peek() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            _ => Ok(self.bare()),
        }
    }

    fn quoted(&mut self, quote: char) -> Part<String> {
        self.at += 1;
        let mut value = String::new();
        loop {
            value.push_str(self.skip_while(|c| c != quote && c != '\\'));
            if self.peek() != Some('\\') {
                self.close(quote)?;
                return Ok(value);
            }
            self.at += 1;
            let Some(escaped) = self.peek() else {
                return Err("a quote is opened here and never closed");
            };
            self.at += escaped.len_utf8();
            match escape(quote, escaped) {
                Some(meant) => value.push(meant),
                None => value.extend(['\\', escaped]),
            }
        }
    }

    /// Up to a blank before `#`, or the end of the line.
    fn bare(&mut self) -> String {
        let line = self.skip_while(|c| c != '\n');
        let comment = line
            .char_indices()
            .zip(line.chars().skip(1))
            .find(|((_, blank), hash)| blank.is_whitespace() && *hash == '#');
        let value = comment.map_or(line, |((at, _), _)| &line[..at]);
        value.trim_end().to_owned()
    }

    fn end_of_line(&mut self) -> Part<()> {
        self.skip_blanks();
        if self.peek() == Some('#') {
            self.skip_while(|c| c != '\n');
        }
        match self.peek() {
            None | Some('\n') => Ok(()),
            _ => Err("something follows the value"),
        }
    }
}

fn escape(quote: char, escaped: char) -> Option<char> {
    match (quote, escaped) {
        (_, '\\') => Some('\\'),
        (_, '\'') => Some('\''),
        ('"', '"') => Some('"'),
        ('"', 'n') => Some('\n'),
        ('"', 'r') => Some('\r'),
        ('"', 't') => Some('\t'),
        ('"', 'a') => Some('\u{7}'),
        ('"', 'b') => Some('\u{8}'),
        ('"', 'f') => Some('\u{c}'),
        ('"', 'v') => Some('\u{b}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<(String, String)>> {
        let entries = parse(Path::new(".env"), text)?;
        Ok(entries
            .into_iter()
            .map(|entry| (entry.name, entry.value.into_inner()))
            .collect())
    }

    #[test]
    fn values_read_as_python_dotenv_reads_them() {
        for (text, value) in [
            ("A=b", "b"),
            (" A = b ", "b"),
            ("export A=b", "b"),
            ("A=", ""),
            ("A=b # note", "b"),
            ("A=b#c", "b#c"),
            ("A=#c", "#c"),
            ("A= # note", ""),
            ("A='b # c' # note", "b # c"),
            ("A=\"b\\nc\"", "b\nc"),
            ("A='b\\nc'", "b\\nc"),
            ("A='it\\'s'", "it's"),
            ("A=\"one\ntwo\"", "one\ntwo"),
            ("A=b c d", "b c d"),
            ("A=$HOME/${X}", "$HOME/${X}"),
            ("A=postgres://u:p=w@h/d?x=y", "postgres://u:p=w@h/d?x=y"),
            ("A=\"say \\\"hi\\\"\"", "say \"hi\""),
            ("'A'=b", "b"),
        ] {
            let expected = vec![("A".to_owned(), value.to_owned())];
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn the_last_value_counts_and_bare_names_set_nothing() {
        let read = read("A=1\nB\n# C=3\nD=4\nD\nA=2\n").unwrap();
        assert_eq!(read, [("A".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn an_unreadable_line_is_named_without_its_value() {
        let error = read("A=1\nPASSWORD='hunter2\nB=3\n").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
        insta::assert_snapshot!(error, @r#"
        a quote is opened here and never closed
         --> .env:2:1
          |
        2 | PASSWORD=…
          | ^^^^^^^^^^
        "#);
    }

    #[test]
    fn what_no_program_can_be_given_is_refused() {
        for text in ["''=b", "=b", "'A=B'=c", "A\0=b", "A=b\0c", "A='b\0'"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = read(&text);
        }

        #[test]
        fn double_quoted_values_read_back(value in "(?s)[^\r\0]*") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let read = read(&format!("A=\"{quoted}\"\n")).unwrap();
            prop_assert_eq!(&read[0].1, &value);
        }
    }
}
