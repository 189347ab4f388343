//! What the command line takes, as `docs/reference/commands.md` tells it.

use std::collections::BTreeMap;

use crate::Result;

/// What stands for something that a page leaves to its reader.
const LEFT_OPEN: &[char] = &['…'];

/// Every command with what it takes.
pub(super) struct Reference {
    /// By its words without the first: `env set`.
    commands: BTreeMap<String, Takes>,
}

#[derive(Default)]
struct Takes {
    /// `--detach`, `-d`, and whether a value follows.
    options: BTreeMap<String, bool>,
    /// The most arguments that are no options; `None` where there is no end to them.
    arguments: Option<usize>,
    /// Whether one of its subcommands has to follow.
    needs_subcommand: bool,
}

impl Reference {
    /// Reads the page.
    pub(super) fn read(page: &str) -> Result<Self> {
        let mut commands = BTreeMap::new();
        let sections = page.split("\n#").skip(1);
        for section in sections {
            let (heading, text) = section.split_once('\n').unwrap_or((section, ""));
            let heading = heading.trim_start_matches('#').trim();
            if let Some(name) = heading.strip_prefix("ship ") {
                commands.insert(name.to_owned(), Takes::read(text));
            }
        }
        if commands.is_empty() {
            return Err("no command stands in docs/reference/commands.md".into());
        }
        Ok(Self { commands })
    }

    /// Whether the command line takes these words, `ship` being the first; and why not. With `open`
    /// the last option may be without its value.
    pub(super) fn takes(&self, words: &[String], open: bool) -> std::result::Result<(), String> {
        let words = words.get(1..).unwrap_or_default();
        if matches!(words, [word] if ["--help", "-h", "--version", "-V"].contains(&word.as_str())) {
            return Ok(());
        }
        let (takes, rest) = self.command(words)?;
        let mut arguments = 0;
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            match word.as_str() {
                // What follows is somebody else's.
                "--" => break,
                word if word.contains(LEFT_OPEN) => return Ok(()),
                word if word.len() > 1 && word.starts_with('-') => {
                    let name = word.split('=').next().unwrap_or(word);
                    let has_value = takes.options.get(name);
                    let has_value = has_value.ok_or(format!("there is no option `{name}`"))?;
                    if *has_value && !word.contains('=') && rest.next().is_none() && !open {
                        return Err(format!("`{name}` is given no value"));
                    }
                }
                _ => arguments += 1,
            }
        }
        match takes.arguments {
            Some(most) if arguments > most => Err(format!(
                "it takes {most} arguments and is given {arguments}"
            )),
            _ => Ok(()),
        }
    }

    /// The longest command that the words begin with, and what follows it.
    fn command<'a>(
        &self,
        words: &'a [String],
    ) -> std::result::Result<(&Takes, &'a [String]), String> {
        let most = words.len().min(3);
        let found = (1..=most).rev().find_map(|length| {
            let takes = self.commands.get(&words[..length].join(" "))?;
            Some((takes, &words[length..]))
        });
        let (takes, rest) = found.ok_or("there is no such command")?;
        let follows = rest.iter().find(|word| !word.starts_with('-'));
        match follows {
            // The group itself may be talked about: `ship env`.
            Some(word) if takes.needs_subcommand && !word.contains(LEFT_OPEN) => {
                Err(format!("it has no subcommand `{word}`"))
            }
            _ => Ok((takes, rest)),
        }
    }
}

impl Takes {
    fn read(text: &str) -> Self {
        let mut takes = Self {
            arguments: Some(0),
            ..Self::default()
        };
        for line in text.lines() {
            if let Some(usage) = line.strip_prefix("Usage: ") {
                takes.arguments = arguments(usage);
            }
            takes.needs_subcommand |= line == "Commands:";
            let indented = line.starts_with("  ") && !line.starts_with("          ");
            if indented && line.trim_start().starts_with('-') {
                takes.options.extend(options(line));
            }
        }
        takes
    }
}

/// `  -d, --domain <NAME>`
fn options(line: &str) -> Vec<(String, bool)> {
    let has_value = line.contains('<') || line.contains('[');
    let names = line.split([',', ' ']).filter(|word| word.starts_with('-'));
    names
        .map(|name| {
            (
                name.split(['=', '[']).next().unwrap_or(name).to_owned(),
                has_value,
            )
        })
        .collect()
}

/// How many arguments a usage names: `ship deploy [OPTIONS] [DEST] [PATH]` has two.
fn arguments(usage: &str) -> Option<usize> {
    if usage.contains("...") {
        return None;
    }
    let words = usage.split_whitespace();
    let places = words.filter(|word| word.starts_with(['[', '<']) && *word != "[OPTIONS]");
    Some(places.count())
}

/// A page as it is made.
#[cfg(test)]
pub(super) const EXAMPLE: &str = "# Commands\n\n## ship up\n\n```text\nUsage: ship up [OPTIONS] [PATH]\n\n\
    Options:\n  -d, --detach\n          Return once it serves; `--attach` is none\n```\n\
    \n## ship deploy\n\n```text\nUsage: ship deploy [OPTIONS] [DEST] [PATH]\n\nOptions:\n  -d, --domain <NAME>\n          A name\n```\n\
    \n## ship env\n\n```text\nUsage: ship env <COMMAND>\n\nCommands:\n  set  Set\n```\n\
    \n### ship env set\n\n```text\nUsage: ship env set [OPTIONS] <NAME[=VALUE]>...\n```\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(command: &str) -> std::result::Result<(), String> {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        Reference::read(EXAMPLE).unwrap().takes(&words, false)
    }

    #[test]
    fn what_the_page_has_is_taken() {
        for command in [
            "ship up",
            "ship up -d .",
            "ship deploy prod . --domain a.example -d b.example",
            "ship deploy --domain=a.example",
            "ship env",
            "ship env set A=1 B=2 C",
            "ship --version",
            "ship deploy …",
        ] {
            assert_eq!(taken(command), Ok(()), "{command}");
        }
    }

    #[test]
    fn what_the_page_has_not_is_refused_with_the_reason() {
        for (command, why) in [
            ("ship down", "there is no such command"),
            ("ship up --attach", "there is no option `--attach`"),
            ("ship up . .", "it takes 1 arguments and is given 2"),
            ("ship deploy --domain", "`--domain` is given no value"),
            ("ship env put", "it has no subcommand `put`"),
        ] {
            assert_eq!(taken(command), Err(why.to_owned()), "{command}");
        }
    }
}
