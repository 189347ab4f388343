//! A table of the manifest: values by kind, every mistake with its place.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::command::CommandLine;
use crate::error::{Error, Result};
use crate::excerpt::{Excerpt, line_of};
use crate::files::pyproject::find;
use crate::manifest::schema::keys_of;
use crate::manifest::{FILE, Located, quantity};
use crate::plan::Place;

/// The text of the file: turns spans into places and mistakes.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a str);

impl Text<'_> {
    pub(super) fn place(self, span: &Range<usize>) -> Place {
        Place::line(FILE, line_of(self.0, span.start))
    }

    pub(super) fn wrong(self, span: Range<usize>, message: String, hint: Option<String>) -> Error {
        Error::Manifest {
            excerpt: Box::new(Excerpt::new(Path::new(FILE), self.0, span)),
            message,
            hint,
        }
    }
}

/// A table and its path in the list of keys: `""`, `web`, `process.*`.
pub(super) struct Table<'a> {
    pub(super) text: Text<'a>,
    /// As it is called in messages: `[process.worker]`.
    pub(super) title: String,
    pub(super) span: Range<usize>,
    values: &'a DeTable<'a>,
}

type Value<'a> = Spanned<DeValue<'a>>;

impl<'a> Table<'a> {
    /// Checks that `table` has no key beside those of `path`; a table of names (`*`) may have any.
    pub(super) fn new(
        text: Text<'a>,
        path: &str,
        title: String,
        span: Range<usize>,
        table: &'a DeTable<'a>,
    ) -> Result<Self> {
        let known = keys_of(path);
        let table = Self {
            text,
            title,
            span,
            values: table,
        };
        if !known.contains(&"*") {
            table.only(&known)?;
        }
        Ok(table)
    }

    fn only(&self, known: &[&str]) -> Result<()> {
        let mut keys: Vec<_> = self.values.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        for key in keys {
            let name = key.get_ref();
            if !known.contains(&name.as_ref()) {
                let message = format!("{} has no key `{name}`", self.title);
                return Err(self
                    .text
                    .wrong(key.span(), message, Some(suggest(name, known))));
            }
        }
        Ok(())
    }

    /// An error about the whole table.
    pub(super) fn wrong(&self, message: impl Into<String>, hint: Option<&str>) -> Error {
        let hint = hint.map(str::to_owned);
        self.text.wrong(self.span.clone(), message.into(), hint)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value<'a>> {
        find(self.values, key)
    }

    /// Keys and values in the order of the file.
    pub(super) fn entries(&self) -> Vec<(&'a str, Range<usize>, &'a Value<'a>)> {
        let entries = self.values.iter();
        let mut entries: Vec<_> = entries
            .map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
            .collect();
        entries.sort_by_key(|(_, span, _)| span.start);
        entries
    }

    /// A table below this one.
    pub(super) fn table(&self, key: &str) -> Result<Option<Self>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        self.as_table(value, key, format!("`[{key}]`")).map(Some)
    }

    /// The tables of a table of names, in the order of the file: `[process.worker]`.
    pub(super) fn named(&self, key: &str) -> Result<Vec<(Located<String>, Self)>> {
        let Some(names) = self.table(key)? else {
            return Ok(Vec::new());
        };
        let mut tables = Vec::new();
        for (name, span, value) in names.entries() {
            let title = format!("`[{key}.{}]`", toml_key(name));
            let mut table = self.as_table(value, &format!("{key}.*"), title)?;
            // Dotted keys have no header of their own to point at.
            table.span = span.clone();
            let name = Located {
                value: name.to_owned(),
                place: self.text.place(&span),
            };
            tables.push((name, table));
        }
        Ok(tables)
    }

    fn as_table(&self, value: &'a Value<'a>, path: &str, title: String) -> Result<Self> {
        let Some(table) = value.get_ref().as_table() else {
            let message = format!("{title} is a table, not {}", with_article(value));
            return Err(self.text.wrong(value.span(), message, None));
        };
        Self::new(self.text, path, title, value.span(), table)
    }

    pub(super) fn text_of(&self, key: &str) -> Result<Option<Located<String>>> {
        self.get(key)
            .map(|value| self.as_text(key, value))
            .transpose()
    }

    pub(super) fn as_text(&self, key: &str, value: &Value<'_>) -> Result<Located<String>> {
        let Some(text) = value.get_ref().as_str() else {
            let message = format!("`{key}` is text, not {}", with_article(value));
            let hint = Some("write it in quotes".to_owned());
            return Err(self.text.wrong(value.span(), message, hint));
        };
        Ok(Located {
            value: text.to_owned(),
            place: self.text.place(&value.span()),
        })
    }

    /// A text that `read` must understand; else `expected` is said.
    pub(super) fn read<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Located<T>>> {
        let Some(text) = self.text_of(key)? else {
            return Ok(None);
        };
        match read(&text.value) {
            Some(value) => Ok(Some(Located {
                value,
                place: text.place,
            })),
            None => Err(self.value_wrong(key, format!("`{key}` is {expected}"), None)),
        }
    }

    /// An error about the value of `key`.
    pub(super) fn value_wrong(&self, key: &str, message: String, hint: Option<String>) -> Error {
        let span = self
            .get(key)
            .map_or_else(|| self.span.clone(), Spanned::span);
        self.text.wrong(span, message, hint)
    }

    pub(super) fn duration(&self, key: &str) -> Result<Option<Duration>> {
        let expected = "a duration such as `\"30s\"`, `\"5m\"` or `\"1h\"`";
        let duration = self.read(key, expected, quantity::duration)?;
        Ok(duration.map(|duration| duration.value))
    }

    /// How long answers are kept: at most so long, and at most this share of their age in percent.
    pub(super) fn keeping(&self, key: &str) -> Result<Option<(Duration, Option<u32>)>> {
        let expected =
            "a duration such as `\"60s\"`, or a share of an answer's age, `\"1%\"` to `\"100%\"`";
        let keeping = self.read(key, expected, quantity::keeping)?;
        Ok(keeping.map(|keeping| keeping.value))
    }

    pub(super) fn size(&self, key: &str) -> Result<Option<u64>> {
        let size = self.read(key, "a size such as `\"512M\"` or `\"1G\"`", quantity::size)?;
        Ok(size.map(|size| size.value))
    }

    /// Bytes in a month.
    pub(super) fn traffic(&self, key: &str) -> Result<Option<u64>> {
        let expected = "an amount for a month such as `\"2T\"` or `\"500G\"`, at least `\"1M\"`";
        let traffic = self.read(key, expected, quantity::traffic)?;
        Ok(traffic.map(|traffic| traffic.value))
    }

    /// A share of the processor, in thousandths of a core.
    pub(super) fn cores(&self, key: &str) -> Result<Option<u32>> {
        let expected = "a number of cores such as `\"0.5\"` or `\"2\"`, at least 0.01";
        let cores = self.read(key, expected, quantity::cores)?;
        Ok(cores.map(|cores| cores.value))
    }

    pub(super) fn number(&self, key: &str, low: u32, high: u32) -> Result<Option<u32>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let number = value.get_ref().as_integer().and_then(|number| {
            let number = u32::from_str_radix(number.as_str(), number.radix()).ok()?;
            (low..=high).contains(&number).then_some(number)
        });
        let message = || format!("`{key}` is a whole number from {low} to {high}");
        number
            .map(Some)
            .ok_or_else(|| self.value_wrong(key, message(), None))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let message = || format!("`{key}` is `true` or `false`");
        value
            .get_ref()
            .as_bool()
            .map(Some)
            .ok_or_else(|| self.value_wrong(key, message(), None))
    }

    pub(super) fn command(&self, key: &str) -> Result<Option<Located<CommandLine>>> {
        let value = self.get(key);
        value.map(|value| self.as_command(key, value)).transpose()
    }

    fn as_command(&self, key: &str, value: &Value<'_>) -> Result<Located<CommandLine>> {
        let text = self.as_text(key, value)?;
        let command = CommandLine::parse(&text.value).map_err(|error| {
            self.text.wrong(
                value.span(),
                format!("`{key}` cannot be read: {error}"),
                None,
            )
        })?;
        Ok(Located {
            value: command,
            place: text.place,
        })
    }

    /// One command, or a list of them.
    pub(super) fn commands(&self, key: &str) -> Result<Vec<Located<CommandLine>>> {
        match self.get(key) {
            Some(value) if value.get_ref().is_array() => {
                let items = value
                    .get_ref()
                    .as_array()
                    .into_iter()
                    .flat_map(|a| a.iter());
                items.map(|item| self.as_command(key, item)).collect()
            }
            _ => Ok(self.command(key)?.into_iter().collect()),
        }
    }

    /// A list of texts, each with the span of its own.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<(Located<String>, Range<usize>)>> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let Some(list) = value.get_ref().as_array() else {
            let hint = value
                .get_ref()
                .as_str()
                .map(|text| format!("write `{key} = [\"{text}\"]`"));
            let message = format!("`{key}` is a list, not {}", with_article(value));
            return Err(self.text.wrong(value.span(), message, hint));
        };
        list.iter()
            .map(|item| Ok((self.as_text(key, item)?, item.span())))
            .collect()
    }
}

fn with_article(value: &Value<'_>) -> String {
    match value.get_ref().type_str() {
        "integer" => "a number".to_owned(),
        "array" => "a list".to_owned(),
        "boolean" => "true or false".to_owned(),
        "string" => "text".to_owned(),
        other => format!("a {other}"),
    }
}

fn toml_key(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

/// The nearest known word, or all of them.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    let distance = |name: &&&str| strsim::damerau_levenshtein(word, name);
    let nearest = known.iter().min_by_key(distance);
    match nearest {
        Some(name) if distance(&name) <= 1 + word.chars().count() / 4 => {
            format!("did you mean `{name}`?")
        }
        _ => format!(
            "it knows {}",
            known
                .iter()
                .map(|k| format!("`{k}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}
