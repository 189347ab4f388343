//! `Procfile`: `name: command`, one a line.
//!
//! Rules: <https://devcenter.heroku.com/articles/procfile>. Unlike there, a line that is neither
//! blank, a comment nor a process is an error: it would silently not run.

use std::path::Path;

use crate::command::CommandLine;
use crate::error::{Error, Result};
use crate::excerpt::Excerpt;
use crate::plan::Place;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As it is written: `web`, `worker`, `celery_beat`.
    pub(crate) name: String,
    pub(crate) command: CommandLine,
    pub(crate) place: Place,
}

/// Reads a Procfile. A name that comes twice is an error.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for (line, start, content) in lines(text) {
        let span = start..start + content.len();
        let wrong = |message: String| Error::Manifest {
            excerpt: Box::new(Excerpt::new(file, text, span.clone())),
            message,
            hint: Some("write `web: gunicorn app:app`".to_owned()),
        };
        let (name, command) = split(content)
            .ok_or_else(|| wrong("a line of a Procfile is `name: command`".to_owned()))?;
        let command = CommandLine::parse(command)
            .map_err(|error| wrong(format!("the command of `{name}` cannot be read: {error}")))?;
        if entries.iter().any(|entry| entry.name == name) {
            return Err(wrong(format!("`{name}` is already there above")));
        }
        entries.push(Entry {
            name: name.to_owned(),
            command,
            place: Place::line(file, line),
        });
    }
    Ok(entries)
}

/// Number, offset and content of every line that says something.
fn lines(text: &str) -> impl Iterator<Item = (u32, usize, &str)> {
    let mut start = 0;
    (1..)
        .zip(text.split('\n'))
        .filter_map(move |(number, line)| {
            let at = start + line.len() - line.trim_start().len();
            start += line.len() + 1;
            let content = line.trim();
            let says = !content.is_empty() && !content.starts_with('#');
            says.then_some((number, at, content))
        })
}

fn split(line: &str) -> Option<(&str, &str)> {
    let (name, command) = line.split_once(':')?;
    let name = name.trim_end();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!name.is_empty() && name.chars().all(plain)).then_some((name, command.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<Entry>> {
        parse(Path::new("Procfile"), text)
    }

    #[test]
    fn processes_are_read_with_their_lines() {
        let entries =
            read("# ours\nweb: gunicorn a:b --bind 0.0.0.0:$PORT\n\nworker_1:   python w.py  \n")
                .unwrap();
        let told: Vec<String> = entries
            .iter()
            .map(|e| format!("{} = {} ({})", e.name, e.command, e.place))
            .collect();
        assert_eq!(
            told,
            [
                "web = gunicorn a:b --bind 0.0.0.0:$PORT (Procfile:2)",
                "worker_1 = python w.py (Procfile:4)"
            ]
        );
    }

    #[test]
    fn a_line_that_is_no_process_is_shown() {
        let error = read("web: a\nworker python w.py\n").unwrap_err();
        insta::assert_snapshot!(error, @r#"
        a line of a Procfile is `name: command`
         --> Procfile:2:1
          |
        2 | worker python w.py
          | ^^^^^^^^^^^^^^^^^^
        "#);
        assert!(read("web: a\nweb: b").is_err());
        assert!(read("web:").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = read(&text);
        }

        #[test]
        fn what_is_written_reads_back(names in prop::collection::btree_set("[a-z][a-z0-9_-]{0,8}", 0..5), words in "[a-z]{1,5}( [a-z$:.]{1,9}){0,4}") {
            let lines: Vec<String> = names.iter().map(|name| format!("{name}: {words}")).collect();
            let text = lines.join("\n");
            let entries = read(&text).unwrap();
            let read_back: Vec<&str> = entries.iter().map(|e| e.name.as_str()).collect();
            prop_assert_eq!(read_back, names.iter().map(String::as_str).collect::<Vec<_>>());
            for entry in &entries {
                prop_assert_eq!(entry.command.to_string(), words.clone());
            }
        }
    }
}
