//! `ship.toml`: what the author says.

/// One key of the manifest, for the reference page and the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDoc {
    /// Dotted path; `*` stands for a name: `process.*.command`.
    pub key: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Its default in words; empty when it has none.
    pub default: &'static str,
    /// Its unit; empty when it has none.
    pub unit: &'static str,
    /// An example as it is written in the file: `health = "/healthz"`.
    pub example: &'static str,
    /// What it is for.
    pub text: &'static str,
}

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number within these bounds.
    Number(i64, i64),
    /// A duration: `"30s"`, `"5m"`, `"1h"`.
    Duration,
    /// A size in bytes: `"512M"`, `"1G"`.
    Size,
    /// A command line.
    Command,
    /// A command line, or a list of them.
    Commands,
    /// A list of texts.
    Texts,
    /// A table of texts.
    Settings,
}

/// Every key, in the order of the reference page.
pub fn reference() -> Vec<KeyDoc> {
    Vec::new()
}

/// The JSON schema of `ship.toml` (draft 2020-12), made from [`reference`].
pub fn schema() -> serde_json::Value {
    serde_json::json!({})
}
