//! Command lines: a list of arguments, or a shell line where the author's command asks for one.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

mod sequence;

pub(crate) use sequence::Sequence;

/// A command as it will be executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CommandLine {
    /// Program and arguments, executed directly. `$NAME` and `${NAME:-default}` in an argument
    /// are replaced at start from the process's own environment, as one argument, never re-split.
    Argv(Vec<String>),
    /// A line with `&&`, pipes, redirections or the like, given to `sh -c` as the author wrote it.
    Shell {
        /// The line.
        shell: String,
    },
}

/// Why a command line was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Nothing but blanks.
    #[error("the command is empty")]
    Empty,
    /// A quote is opened and never closed.
    #[error("the quote {0} is never closed")]
    OpenQuote(char),
    /// NUL ends a C string: no program could be given it.
    #[error("the command holds a NUL character")]
    Nul,
}

impl CommandLine {
    /// Reads a command as people write it in a Procfile: words with quotes, and the shell only
    /// where something in it needs one (`&&`, `|`, `>`, `;`, `$(…)`, globs, a leading `NAME=value`).
    ///
    /// ```
    /// use ship_project::command::CommandLine;
    /// let plain = CommandLine::parse("gunicorn 'my app':app --bind 0.0.0.0:$PORT").unwrap();
    /// assert!(matches!(&plain, CommandLine::Argv(argv) if argv[1] == "my app:app"));
    /// let shell = CommandLine::parse("python manage.py migrate && gunicorn app:app").unwrap();
    /// assert!(matches!(shell, CommandLine::Shell { .. }));
    /// ```
    pub fn parse(text: &str) -> Result<Self, CommandError> {
        let text = text.trim();
        if text.contains('\0') {
            return Err(CommandError::Nul);
        }
        match Words::split(text)? {
            Words::Plain(words) if words.is_empty() => Err(CommandError::Empty),
            Words::Plain(words) if starts_in_shell(&words[0]) => Ok(Self::shell(text)),
            Words::Plain(words) => Ok(Self::Argv(words)),
            Words::NeedsShell => Ok(Self::shell(text)),
        }
    }

    /// Program and arguments to execute, with `$NAME`, `${NAME}` and `${NAME:-default}` replaced
    /// from `env`. An unset name gives nothing, as in a shell, except `$PORT`: it stays, because
    /// the port may only be known to the one who starts the program.
    pub fn resolve(&self, env: &BTreeMap<String, String>) -> Vec<String> {
        match self {
            Self::Argv(argv) => argv.iter().map(|word| substitute(word, env)).collect(),
            Self::Shell { shell } => vec!["sh".to_owned(), "-c".to_owned(), shell.clone()],
        }
    }

    /// The words, when no shell is needed.
    pub fn words(&self) -> Option<&[String]> {
        match self {
            Self::Argv(argv) => Some(argv),
            Self::Shell { .. } => None,
        }
    }

    fn shell(text: &str) -> Self {
        Self::Shell {
            shell: text.to_owned(),
        }
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argv(argv) => {
                let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
                f.write_str(&words.join(" "))
            }
            Self::Shell { shell } => f.write_str(shell),
        }
    }
}

/// Words that only a shell understands at the start of a line.
fn starts_in_shell(first: &str) -> bool {
    const BUILT_IN: [&str; 9] = [
        "cd", "export", "source", ".", "exec", "set", "if", "for", "while",
    ];
    let assigns = first
        .split_once('=')
        .is_some_and(|(name, _)| is_variable(name));
    assigns || BUILT_IN.contains(&first)
}

fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

enum Words {
    Plain(Vec<String>),
    NeedsShell,
}

impl Words {
    /// Splits as POSIX sh does (XCU 2.2 Quoting), and gives up as soon as something means more
    /// than a word. A `$` that must stay literal also goes to the shell: [`CommandLine::Argv`]
    /// has no way to say so.
    fn split(text: &str) -> Result<Self, CommandError> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            // What would be joined to a `$` that stands alone here would be a name to us.
            let joins = word.as_deref().is_some_and(|word| word.ends_with('$'));
            match c {
                '\'' | '"' | '\\' if joins => return Ok(Self::NeedsShell),
                ' ' | '\t' | '\r' => words.extend(word.take()),
                '\'' => {
                    let part = until_quote(&mut chars)?;
                    if part.contains('$') {
                        return Ok(Self::NeedsShell);
                    }
                    word.get_or_insert_default().push_str(&part);
                }
                '"' => match until_double_quote(&mut chars)? {
                    Some(part) if part.ends_with('$') && goes_on(&mut chars) => {
                        return Ok(Self::NeedsShell);
                    }
                    Some(part) => word.get_or_insert_default().push_str(&part),
                    None => return Ok(Self::NeedsShell),
                },
                '\\' => match chars.next() {
                    None | Some('$' | '\n') => return Ok(Self::NeedsShell),
                    Some(next) => word.get_or_insert_default().push(next),
                },
                '$' if chars.peek() == Some(&'(') => return Ok(Self::NeedsShell),
                '|' | '&' | ';' | '<' | '>' | '(' | ')' | '`' | '\n' => {
                    return Ok(Self::NeedsShell);
                }
                '#' | '~' if word.is_none() => return Ok(Self::NeedsShell),
                // `--allow-ips=*` names no file; `data/*.csv` does.
                '*' | '?' | '[' if !word.as_deref().is_some_and(|w| w.starts_with('-')) => {
                    return Ok(Self::NeedsShell);
                }
                '{' if !word.as_deref().is_some_and(|w| w.ends_with('$')) => {
                    return Ok(Self::NeedsShell);
                }
                _ => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        Ok(Self::Plain(words))
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Whether the word that is being read has not ended.
fn goes_on(chars: &mut Chars<'_>) -> bool {
    chars.peek().is_some_and(|next| !next.is_whitespace())
}

fn until_quote(chars: &mut Chars<'_>) -> Result<String, CommandError> {
    let mut part = String::new();
    for c in chars {
        if c == '\'' {
            return Ok(part);
        }
        part.push(c);
    }
    Err(CommandError::OpenQuote('\''))
}

/// `None` when the text in quotes needs a shell.
fn until_double_quote(chars: &mut Chars<'_>) -> Result<Option<String>, CommandError> {
    let mut part = String::new();
    let mut needs_shell = false;
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok((!needs_shell).then_some(part)),
            '`' => needs_shell = true,
            '$' if chars.peek() == Some(&'(') => needs_shell = true,
            '\\' => match chars.next() {
                Some('$') => needs_shell = true,
                Some(next @ ('"' | '\\' | '`')) => part.push(next),
                Some(next) => part.extend(['\\', next]),
                None => break,
            },
            _ => part.push(c),
        }
    }
    Err(CommandError::OpenQuote('"'))
}

fn substitute(word: &str, env: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        let (reference, after) = Reference::read(&rest[at..]);
        match reference {
            Some(reference) => result.push_str(&reference.value(env)),
            None => result.push_str(&rest[at..rest.len() - after.len()]),
        }
        rest = after;
    }
    result + rest
}

/// `$NAME`, `${NAME}` or `${NAME:-default}`.
struct Reference<'a> {
    text: &'a str,
    name: &'a str,
    default: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Reads at a `$`; gives what follows, too. A lone `$` is no reference.
    fn read(text: &'a str) -> (Option<Self>, &'a str) {
        let after = &text[1..];
        if let Some((inner, rest)) = after.strip_prefix('{').and_then(|t| t.split_once('}')) {
            let (name, default) = match inner.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inner, None),
            };
            if is_variable(name) {
                let text = &text[..text.len() - rest.len()];
                let reference = Self {
                    text,
                    name,
                    default,
                };
                return (Some(reference), rest);
            }
        }
        let end = after
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(after.len());
        let (name, rest) = after.split_at(end);
        if !is_variable(name) {
            return (None, after);
        }
        let text = &text[..=end];
        let reference = Self {
            text,
            name,
            default: None,
        };
        (Some(reference), rest)
    }

    fn value(&self, env: &BTreeMap<String, String>) -> String {
        match (env.get(self.name), self.default) {
            (Some(value), _) if !value.is_empty() => value.clone(),
            (None, _) if self.name == "PORT" => self.port().to_owned(),
            (_, Some(default)) => default.to_owned(),
            _ => String::new(),
        }
    }

    /// Whoever starts the program replaces `$PORT` and `${PORT}`; a default would only be in the way.
    fn port(&self) -> &str {
        if self.default.is_some() {
            "$PORT"
        } else {
            self.text
        }
    }
}

/// `word` so that a shell, and [`CommandLine::parse`], read it back as one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+:,./@%$".contains(c);
    if !word.is_empty() && (word.chars().all(plain) || word.starts_with('-') && harmless(word)) {
        return word.to_owned();
    }
    let mut text = String::from('"');
    for c in word.chars() {
        if matches!(c, '"' | '\\' | '`') {
            text.push('\\');
        }
        text.push(c);
    }
    text + "\""
}

fn harmless(word: &str) -> bool {
    word.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_=+:,./@%$*".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn argv(words: &[&str]) -> CommandLine {
        CommandLine::Argv(words.iter().map(|&word| word.to_owned()).collect())
    }

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn plain_commands_are_split_without_a_shell() {
        for (text, words) in [
            ("python  worker.py", vec!["python", "worker.py"]),
            ("a 'b c' \"d e\" f\\ g", vec!["a", "b c", "d e", "f g"]),
            ("a ''", vec!["a", ""]),
            ("a \"say \\\"hi\\\"\"", vec!["a", "say \"hi\""]),
            (
                "gunicorn --forwarded-allow-ips=* a:b",
                vec!["gunicorn", "--forwarded-allow-ips=*", "a:b"],
            ),
            (
                "gunicorn -b :${PORT:-8000} a",
                vec!["gunicorn", "-b", ":${PORT:-8000}", "a"],
            ),
        ] {
            assert_eq!(CommandLine::parse(text), Ok(argv(&words)), "{text}");
        }
    }

    #[test]
    fn what_only_a_shell_understands_goes_to_a_shell_unchanged() {
        for text in [
            "echo $\\HOME",
            "echo \"$\"HOME",
            "echo $\"HOME\"",
            "echo $'HOME'",
            "a && b",
            "a | b",
            "a > log",
            "a; b",
            "a $(b)",
            "a `b`",
            "FOO=1 a",
            "cd app",
            "a '$HOME'",
            "a \\$HOME",
            "cat data/*.csv",
            "ls ~/x",
            "cp a{b,c}",
        ] {
            let shell = text.to_owned();
            assert_eq!(
                CommandLine::parse(text),
                Ok(CommandLine::Shell { shell }),
                "{text}"
            );
        }
    }

    #[test]
    fn unfinished_commands_are_refused() {
        assert_eq!(CommandLine::parse("  "), Err(CommandError::Empty));
        assert_eq!(
            CommandLine::parse("a 'b"),
            Err(CommandError::OpenQuote('\''))
        );
        assert_eq!(
            CommandLine::parse("a \"b"),
            Err(CommandError::OpenQuote('"'))
        );
    }

    #[test]
    fn values_with_blanks_and_quotes_stay_one_argument() {
        let command = argv(&[
            "a",
            "$X",
            "${X}y",
            "${MISSING:-d e}",
            "$MISSING",
            "5$",
            "$5",
        ]);
        let resolved = command.resolve(&env(&[("X", "b c; \"d\"")]));
        assert_eq!(
            resolved,
            ["a", "b c; \"d\"", "b c; \"d\"y", "d e", "", "5$", "$5"]
        );
    }

    #[test]
    fn a_port_that_is_not_known_yet_stays_a_reference() {
        let command = argv(&["a", "--bind=:$PORT", "${PORT:-8000}"]);
        assert_eq!(command.resolve(&env(&[])), ["a", "--bind=:$PORT", "$PORT"]);
        assert_eq!(
            command.resolve(&env(&[("PORT", "9")])),
            ["a", "--bind=:9", "9"]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = CommandLine::parse(&text);
        }

        #[test]
        fn what_is_shown_reads_back(words in prop::collection::vec("[^$\0]{0,12}", 1..5)) {
            prop_assume!(!starts_in_shell(&words[0]));
            let command = CommandLine::Argv(words);
            prop_assert_eq!(CommandLine::parse(&command.to_string()), Ok(command));
        }

        #[test]
        fn arguments_are_never_split_again(value in ".*") {
            let resolved = argv(&["a", "$X"]).resolve(&env(&[("X", &value)]));
            prop_assert_eq!(resolved, ["a".to_owned(), value]);
        }
    }
}
