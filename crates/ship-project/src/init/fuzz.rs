//! The targets of this folder; see [`crate::fuzz`].

use toml::{Table, Value};

use super::entry;

/// The first line as a key, the rest as its value: both are read back from a manifest, behind a
/// comment that stays one.
pub(crate) fn written(text: &str) {
    let (name, value) = text.split_once('\n').unwrap_or(("", text));
    let line = format!("{} = {}", entry::key(name), entry::quoted(value));
    let comment = entry::comment(text);
    let table: Table = format!("{comment}{line}").parse().expect("TOML");
    assert_eq!(table.len(), 1, "{comment}");
    assert_eq!(table.get(name).and_then(Value::as_str), Some(value));
    let off: Table = entry::off(&line).parse().expect("TOML");
    assert!(off.is_empty());
}
