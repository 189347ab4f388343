//! Lines of a manifest: keys, values, comments.

use std::fmt::{Display, Write as _};

use crate::manifest::reference;
use crate::plan::{Place, Sourced};

/// A text as TOML writes it on one line: in double quotes, or in single ones where it holds double
/// ones.
pub(super) fn quoted(text: impl Display) -> String {
    let text = text.to_string();
    let special = |c: char| c == '\'' || c.is_control();
    if text.contains(['"', '\\']) && !text.contains(special) {
        return format!("'{text}'");
    }
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// `["a", "b"]`
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().map(quoted).collect();
    format!("[{}]", items.join(", "))
}

/// A key that needs no quotes, or one with them.
pub(super) fn key(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// `# text`, over as many lines as it takes.
pub(super) fn comment(text: &str) -> String {
    const COLUMNS: usize = 110;
    let mut lines: Vec<String> = Vec::new();
    // Other controls cannot stand in a file of TOML.
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        match lines
            .last_mut()
            .filter(|line| line.chars().count() + 1 + word.chars().count() <= COLUMNS)
        {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(format!("# {word}")),
        }
    }
    closed(&lines)
}

fn closed(lines: &[String]) -> String {
    let end = if lines.is_empty() { "" } else { "\n" };
    lines.join("\n") + end
}

/// Every line behind `#`.
pub(super) fn off(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| match line {
            "" => String::new(),
            line if line.starts_with('#') => line.to_owned(),
            line => format!("# {line}"),
        })
        .collect();
    closed(&lines)
}

/// The first sentence of a key's documentation.
pub(super) fn about(key: &str) -> String {
    let doc = reference().into_iter().find(|doc| doc.key == key);
    let text = doc.map(|doc| doc.text).unwrap_or_default();
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    text[..end].to_owned()
}

/// `Because Django with migrations (shop/settings.py:70).`
pub(super) fn because<T>(sourced: &Sourced<T>) -> String {
    let places: Vec<String> = sourced.places.iter().map(Place::to_string).collect();
    let places = places.join(", ");
    match (sourced.reason.as_str(), places.as_str()) {
        ("", "") => String::new(),
        ("", places) => format!("Read from {places}."),
        (reason, "") => format!("{}.", capital(reason)),
        (reason, places) => format!("{} ({places}).", capital(reason)),
    }
}

/// With a capital, unless it begins with a name of code, as `django.contrib.staticfiles is installed`
/// does, or with one that has its capitals elsewhere: gRPC.
fn capital(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    let has_its_own = first.chars().any(char::is_uppercase);
    if has_its_own || first.contains(['.', '_', '/', '(']) {
        return text.to_owned();
    }
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_code_keep_their_letters() {
        assert_eq!(capital("no server locked"), "No server locked");
        assert_eq!(
            capital("django.contrib.staticfiles is installed"),
            "django.contrib.staticfiles is installed"
        );
        assert_eq!(capital(""), "");
    }

    proptest! {
        #[test]
        fn any_text_and_name_is_read_back(text in ".{0,40}", name in ".{1,20}") {
            let line = format!("{} = {}", key(&name), quoted(&text));
            let table: toml::Table = toml::from_str(&line).unwrap();
            prop_assert_eq!(table.get(&name).and_then(toml::Value::as_str), Some(text.as_str()));
        }

        #[test]
        fn a_comment_stays_one(text in "(?s).{0,200}") {
            let table: toml::Table = toml::from_str(&comment(&text)).unwrap_or_else(|e| panic!("{e}"));
            prop_assert!(table.is_empty());
        }
    }
}
