//! Lines with several commands, one after another: what comes first, and the last, which stays.

use super::{CommandLine, Words, is_variable, quoted};

/// `cd shop && export A=1 && b; exec c d`, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// The folder that the line goes to first.
    pub(crate) folder: Option<String>,
    /// What it sets for the last command, in order.
    pub(crate) env: Vec<(String, String)>,
    /// The programs that run before the last, with everything that prepares them, as it is
    /// written; empty where nothing but the last one runs.
    pub(crate) before: String,
    /// The last command, without `exec` and settings.
    pub(crate) last: Vec<String>,
}

impl CommandLine {
    /// The line as a sequence, also of one command. `None` where anything else of the shell's is
    /// used: pipes, redirections, conditions.
    pub(crate) fn sequence(&self) -> Option<Sequence> {
        let shell = match self {
            Self::Argv(words) => {
                let mut env = Vec::new();
                let last = without_settings(words.clone(), &mut env);
                return Some(Sequence {
                    folder: None,
                    env,
                    before: String::new(),
                    last,
                });
            }
            Self::Shell { shell } => shell,
        };
        let mut parts = split(shell);
        let last = parts.pop()?;
        let (mut folder, mut env, mut runs) = (None, Vec::new(), false);
        for (number, part) in parts.iter().enumerate() {
            let words = plain_words(part.text)?;
            match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["cd", to] if number == 0 && !to.contains('$') => folder = Some(to.to_owned()),
                ["export", ..] => {
                    for word in &words[1..] {
                        env.push(setting(word)?);
                    }
                }
                ["set", ..] => {}
                _ if matches!(Self::parse(part.text), Ok(Self::Argv(_))) => runs = true,
                _ => return None,
            }
        }
        let before = shell[..last.start].trim_end();
        let before = before.trim_end_matches(['&', ';']).trim_end();
        let last = without_settings(plain_words(last.text)?, &mut env);
        let starts = Self::parse(&Self::Argv(last.clone()).to_string());
        matches!(starts, Ok(Self::Argv(_))).then(|| Sequence {
            folder,
            env,
            before: if runs { before } else { "" }.to_owned(),
            last,
        })
    }

    /// The words of the last command, without settings, whatever of the shell's stands before it.
    pub(crate) fn last_words(&self) -> Option<Vec<String>> {
        let words = match self {
            Self::Argv(words) => words.clone(),
            Self::Shell { shell } => plain_words(split(shell).pop()?.text)?,
        };
        Some(without_settings(words, &mut Vec::new()))
    }

    /// The line with `change` made to the words of its last command; `None` where that is not
    /// plain, or where nothing is changed.
    pub(crate) fn with_last(&self, change: impl FnOnce(&[String]) -> Vec<String>) -> Option<Self> {
        let shell = match self {
            Self::Argv(words) => {
                let changed = change(words);
                return (changed != *words).then_some(Self::Argv(changed));
            }
            Self::Shell { shell } => shell,
        };
        let last = split(shell).pop()?;
        let words = plain_words(last.text)?;
        let changed = change(&words);
        let blank = last.text.len() - last.text.trim_start().len();
        let kept = &shell[..last.start + blank];
        (changed != words).then(|| Self::Shell {
            shell: format!("{kept}{}", written(&changed)),
        })
    }
}

/// The words of a command that needs no more of a shell than to begin with a setting.
fn plain_words(text: &str) -> Option<Vec<String>> {
    match Words::split(text.trim()) {
        Ok(Words::Plain(words)) if !words.is_empty() => Some(words),
        _ => None,
    }
}

/// As a shell reads it: `"A=x y" c` would be a program named `A=x y`.
fn written(words: &[String]) -> String {
    let words = words.iter().map(|word| match setting(word) {
        Some((name, value)) => format!("{name}={}", quoted(&value)),
        None => quoted(word),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn setting(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    is_variable(name).then(|| (name.to_owned(), value.to_owned()))
}

/// `exec A=1 env B=2 c d` is `c d`, with what it sets.
fn without_settings(mut words: Vec<String>, env: &mut Vec<(String, String)>) -> Vec<String> {
    let leads = |word: &str| word == "exec" || word == "env";
    while words.len() > 1 {
        if let Some(pair) = setting(&words[0]) {
            env.push(pair);
        } else if !leads(&words[0]) || words[1].starts_with('-') {
            break;
        }
        words.remove(0);
    }
    words
}

struct Part<'a> {
    start: usize,
    text: &'a str,
}

/// Splits at `&&` and `;` outside quotes.
fn split(line: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut quote = None;
    let mut start = 0;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let separator = match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                0
            }
            (Some(open), _) if open == c => {
                quote = None;
                0
            }
            (None, ';') => 1,
            (None, '&') if line[at..].starts_with("&&") => {
                chars.next();
                2
            }
            _ => 0,
        };
        if separator > 0 {
            let text = &line[start..at];
            parts.push(Part { start, text });
            start = at + separator;
        }
    }
    let text = &line[start..];
    parts.push(Part { start, text });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str) -> Option<String> {
        let it = CommandLine::parse(text).unwrap().sequence()?;
        let env: Vec<String> = it
            .env
            .iter()
            .map(|(name, of)| format!("{name}={of}"))
            .collect();
        let folder = it.folder.unwrap_or_default();
        let last = CommandLine::Argv(it.last);
        Some(format!("{folder}|{}|{}|{last}", env.join(","), it.before))
    }

    #[test]
    fn a_sequence_is_taken_apart() {
        for (text, parts) in [
            ("c d", "|||c d"),
            ("a 1 && b; c d", "||a 1 && b|c d"),
            ("a 'x && y' && c", "||a 'x && y'|c"),
            ("A=1 B='x y' c $PORT", "|A=1,B=x y||c $PORT"),
            ("env A=1 c", "|A=1||c"),
            ("cd x && exec c", "x|||c"),
            ("cd x && a && c", "x||cd x && a|c"),
            ("set -e; export A=1 && c", "|A=1||c"),
        ] {
            assert_eq!(told(text).as_deref(), Some(parts), "{text}");
        }
        for text in [
            "a | b && c",
            "a && b > log",
            "a || b",
            "a & b",
            "a && ",
            "a && cd x && c",
            "cd $X && c",
            "a; if b; then c; fi",
            "env -i c && ",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_command_of_a_line_is_changed_in_its_place() {
        let without_x = |words: &[String]| {
            let kept = words.iter().filter(|word| *word != "-x");
            kept.cloned().collect()
        };
        for (text, changed) in [
            ("a -x b", Some("a b")),
            (
                "cd y && a -x || b;  A=1 c -x $PORT",
                Some("cd y && a -x || b;  A=1 c $PORT"),
            ),
            ("A='x y' c -x", Some("A=\"x y\" c")),
            ("a -x && b", None),
            ("a && b -x > log", None),
        ] {
            let line = CommandLine::parse(text).unwrap();
            let told = line.with_last(without_x).map(|line| line.to_string());
            assert_eq!(told.as_deref(), changed, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_taken_apart_or_left(text in "[ -~]{1,40}") {
            if let Ok(line) = CommandLine::parse(&text) {
                let _ = line.sequence();
                let _ = line.with_last(|words| words[1..].to_vec());
            }
        }
    }
}
