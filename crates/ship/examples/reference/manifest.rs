//! `manifest.md` and `ship.schema.json`: the keys of `ship.toml`.

use std::fmt::Write as _;

use ship_project::manifest::{self, KeyDoc, Kind};

/// The page: one section per key, in the order of the table.
pub(crate) fn page() -> String {
    let mut page = "# `ship.toml`\n\nThe file is optional, and so is every key: what is not there \
                    is detected. A key that does not exist is an error. Editors that read JSON \
                    schemas take [`ship.schema.json`](ship.schema.json).\n"
        .to_owned();
    for key in manifest::reference() {
        section(&mut page, &key);
    }
    page
}

fn section(page: &mut String, key: &KeyDoc) {
    let _ = write!(
        page,
        "\n## `{}`\n\n{}\n\n- holds: {}\n",
        key.key,
        key.text,
        kind(key.kind)
    );
    for (label, text) in [("default", key.default), ("unit", key.unit)] {
        if !text.is_empty() {
            let _ = writeln!(page, "- {label}: {text}");
        }
    }
    if !key.example.is_empty() {
        let _ = write!(page, "\n```toml\n{}\n```\n", key.example);
    }
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::OneOf(words) => format!("one of `{}`", words.join("`, `")),
        Kind::Flag => "`true` or `false`".to_owned(),
        Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Duration => "a duration: `\"30s\"`, `\"5m\"`, `\"1h30m\"`".to_owned(),
        Kind::Keeping => {
            "a duration, or a share of an answer's age: `\"60s\"`, `\"10%\"`".to_owned()
        }
        Kind::Cores => "a number of cores: `\"0.5\"`, `\"2\"`".to_owned(),
        Kind::Traffic => "an amount for a month: `\"2T\"`, `\"500G\"`".to_owned(),
        Kind::Size => "a size in bytes: `\"512M\"`, `\"1G\"`".to_owned(),
        Kind::Command => "a command line".to_owned(),
        Kind::Texts => "a list of texts".to_owned(),
        Kind::Commands => "a command line, or a list of them".to_owned(),
    }
}

/// The JSON schema.
pub(crate) fn schema() -> String {
    let schema = serde_json::to_string_pretty(&manifest::schema());
    schema.expect("a schema is plain JSON") + "\n"
}
