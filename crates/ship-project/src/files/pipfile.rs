//! `Pipfile` and `Pipfile.lock`, of Pipenv.
//!
//! Formats: <https://github.com/pypa/pipfile> and <https://pipenv.pypa.io/en/stable/pipfile.html>.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use crate::files::other_lock::{Origin, OtherLock, Package, sha256};
use crate::files::poetry::{Source, folder_line, is_pypi, source, text, texts};
use crate::files::requirements::normalise;

/// What a Pipfile says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Pipfile {
    /// `[packages]` as requirement lines.
    pub(crate) requirements: Vec<String>,
    pub(crate) indexes: Vec<String>,
    /// `python_full_version` or `python_version` of `[requires]`.
    pub(crate) python: Option<String>,
}

/// Reads a Pipfile that is TOML.
pub(crate) fn parse(table: &Table) -> Pipfile {
    let packages = table.get("packages").and_then(Value::as_table);
    let requires = table.get("requires").and_then(Value::as_table);
    let python = requires.and_then(|requires| {
        text(requires, "python_full_version").or_else(|| text(requires, "python_version"))
    });
    let sources = table.get("source").and_then(Value::as_array);
    let urls = sources
        .into_iter()
        .flatten()
        .filter_map(|source| source.get("url")?.as_str());
    Pipfile {
        requirements: packages
            .into_iter()
            .flatten()
            .map(|(name, value)| line(name, value))
            .collect(),
        indexes: urls
            .filter(|url| !is_pypi(url))
            .map(str::to_owned)
            .collect(),
        python: python.filter(|version| *version != "*").map(str::to_owned),
    }
}

fn line(name: &str, value: &Value) -> String {
    let empty = Table::new();
    let (range, table) = match value {
        Value::String(range) => (range.as_str(), &empty),
        Value::Table(table) => (text(table, "version").unwrap_or("*"), table),
        _ => ("*", &empty),
    };
    let extras = texts(table, "extras");
    let named = match extras.as_slice() {
        [] => name.to_owned(),
        extras => format!("{name}[{}]", extras.join(",")),
    };
    let line = match source(table) {
        Some(Source::Folder(path)) => return folder_line(&path, &extras),
        Some(Source::Address(address)) => format!("{named} @ {address}"),
        None => format!("{named}{}", range.trim().trim_start_matches('*')),
    };
    match markers(table) {
        Some(markers) => format!("{line} ; {markers}"),
        None => line,
    }
}

/// `markers = "…"`, and markers by their own name: `sys_platform = "== 'win32'"`.
fn markers(table: &Table) -> Option<String> {
    const NAMES: [&str; 9] = [
        "implementation_name",
        "os_name",
        "platform_machine",
        "platform_python_implementation",
        "platform_system",
        "platform_version",
        "python_full_version",
        "python_version",
        "sys_platform",
    ];
    let own = text(table, "markers").map(|markers| format!("({markers})"));
    let named = NAMES
        .iter()
        .filter_map(|name| Some(format!("{name} {}", text(table, name)?)));
    let all: Vec<String> = own.into_iter().chain(named).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

#[derive(Deserialize)]
struct Lock {
    #[serde(rename = "_meta", default)]
    meta: Meta,
    #[serde(default)]
    default: BTreeMap<String, Locked>,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    sources: Vec<Index>,
}

#[derive(Deserialize)]
struct Index {
    url: String,
}

#[derive(Deserialize)]
struct Locked {
    version: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
    markers: Option<String>,
    /// `git`, `ref`, `path`, `file`, ….
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// Reads a Pipfile.lock; its `default` section is all that is installed.
pub(crate) fn parse_lock(text: &str) -> Result<OtherLock, serde_json::Error> {
    let lock: Lock = serde_json::from_str(text)?;
    let urls = lock.meta.sources.into_iter().map(|index| index.url);
    Ok(OtherLock {
        packages: lock.default.iter().map(package).collect(),
        requires_python: None,
        indexes: urls.filter(|url| !is_pypi(url)).collect(),
        is_complete: true,
    })
}

fn package((name, locked): (&String, &Locked)) -> Package {
    let table: Table = locked
        .rest
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), Value::from(value.as_str()?))))
        .collect();
    Package {
        name: normalise(name),
        version: locked
            .version
            .as_deref()
            .unwrap_or_default()
            .trim_start_matches('=')
            .to_owned(),
        marker: locked.markers.clone(),
        origin: match source(&table) {
            Some(Source::Address(address)) => Origin::Address(address),
            Some(Source::Folder(path)) => Origin::Folder(path),
            None => Origin::Index,
        },
        hashes: locked
            .hashes
            .iter()
            .filter_map(|hash| sha256(hash))
            .collect(),
        counts: Some(true),
        ..Package::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn packages_become_requirement_lines() {
        let table: Table = r#"
            [[source]]
            url = "https://pypi.org/simple"
            [[source]]
            url = "https://pypi.example.org/simple"
            [packages]
            flask = "*"
            requests = ">=2.28,<3"
            uvicorn = { version = "==0.30.0", extras = ["standard"] }
            pywin32 = { version = "*", sys_platform = "== 'win32'" }
            e1839a8 = { path = ".", editable = true }
            tool = { git = "https://example.org/tool.git", ref = "v1" }
            [dev-packages]
            pytest = "*"
            [requires]
            python_version = "3.11"
            python_full_version = "3.11.9"
            "#
        .parse()
        .unwrap();
        let read = parse(&table);
        let mut lines = read.requirements;
        lines.sort();
        insta::assert_snapshot!(lines.join("\n"), @r"
        -e .
        flask
        pywin32 ; sys_platform == 'win32'
        requests>=2.28,<3
        tool @ git+https://example.org/tool.git@v1
        uvicorn[standard]==0.30.0
        ");
        assert_eq!(read.indexes, ["https://pypi.example.org/simple"]);
        assert_eq!(read.python.as_deref(), Some("3.11.9"));
    }

    #[test]
    fn the_default_section_of_a_lock_is_all_there_is() {
        let lock = parse_lock(
            r#"{"_meta": {"sources": [{"url": "https://pypi.org/simple"}]},
                "default": {
                  "flask": {"version": "==3.0.3", "hashes": ["sha256:00"], "markers": "python_version >= '3.8'"},
                  "own": {"path": ".", "editable": true},
                  "tool": {"git": "https://example.org/tool.git", "ref": "0123abc"}},
                "develop": {"pytest": {"version": "==8.0.0"}}}"#,
        )
        .unwrap();
        assert_eq!(
            lock.lines(),
            [
                "flask==3.0.3 ; python_version >= '3.8'",
                "-e .",
                "tool @ git+https://example.org/tool.git@0123abc"
            ]
        );
        assert!(lock.indexes.is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = parse_lock(&text);
            if let Ok(table) = text.parse::<Table>() {
                let _ = parse(&table);
            }
        }
    }
}
