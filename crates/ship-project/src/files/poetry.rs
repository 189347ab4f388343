//! `[tool.poetry]` of `pyproject.toml`: packages in Poetry's own format, as lines that uv reads.
//!
//! Rules: <https://python-poetry.org/docs/dependency-specification/> and
//! <https://python-poetry.org/docs/managing-dependencies/>. Counted are the packages of the project
//! and of groups that are named for production; `optional = true` and other groups are not.

use toml::{Table, Value};

use crate::files::poetry_range;
use crate::files::requirements::normalise;

/// Groups that are for the server.
const SERVED: [&str; 4] = ["prod", "production", "deploy", "deployment"];

/// What Poetry's tables say.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Poetry {
    /// Requirement lines (PEP 508), in order.
    pub(crate) requirements: Vec<String>,
    /// Addresses of further indexes.
    pub(crate) indexes: Vec<String>,
    /// `python`, as a specifier.
    pub(crate) python: Option<String>,
    /// Groups, beside the project's own packages, that count.
    pub(crate) groups: Vec<String>,
    /// What could not be said to the letter, in our voice.
    pub(crate) doubts: Vec<String>,
}

/// Reads `[tool.poetry]`; `None` where it names no packages.
pub(crate) fn read(pyproject: &Table) -> Option<Poetry> {
    let table = pyproject.get("tool")?.get("poetry")?;
    let mut poetry = Poetry::default();
    let own = table.get("dependencies").and_then(Value::as_table);
    for (name, value) in own.into_iter().flatten() {
        if name == "python" {
            poetry.python = value.as_str().and_then(poetry_range::hull);
        } else {
            poetry.add(name, value);
        }
    }
    let groups = table.get("group").and_then(Value::as_table);
    for name in SERVED {
        let group = groups
            .and_then(|groups| groups.get(name)?.get("dependencies"))
            .and_then(Value::as_table);
        if let Some(group) = group {
            poetry.groups.push(name.to_owned());
            group
                .iter()
                .for_each(|(name, value)| poetry.add(name, value));
        }
    }
    poetry.indexes = indexes(table);
    (own.is_some() || !poetry.groups.is_empty()).then_some(poetry)
}

impl Poetry {
    /// A package: a range, a table, or a list of either for different Pythons.
    fn add(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(range) => self.line(name, range, &Table::new()),
            Value::Table(table) if is_true(table, "optional") => {}
            Value::Table(table) => {
                let range = text(table, "version").unwrap_or("*");
                self.line(name, range, table);
            }
            Value::Array(several) => several.iter().for_each(|value| self.add(name, value)),
            _ => {}
        }
    }

    fn line(&mut self, name: &str, range: &str, table: &Table) {
        let mut line = name.to_owned();
        let extras = texts(table, "extras");
        if !extras.is_empty() {
            line = format!("{line}[{}]", extras.join(","));
        }
        match source(table) {
            Some(Source::Address(address)) => line = format!("{line} @ {address}"),
            Some(Source::Folder(path)) => {
                self.requirements.push(folder_line(&path, &extras));
                return;
            }
            None => line.push_str(&self.range(name, range)),
        }
        let markers = markers(table);
        if !markers.is_empty() {
            line = format!("{line} ; {}", markers.join(" and "));
        }
        self.requirements.push(line);
    }

    fn range(&mut self, name: &str, range: &str) -> String {
        let mut newest_first = poetry_range::alternatives(range).rev();
        let newest = newest_first.next().unwrap_or("*");
        if newest_first.next().is_some() {
            self.doubts
                .push(format!("of `{range}` for `{name}`, `{newest}` is used"));
        }
        poetry_range::specifier(newest).unwrap_or_else(|| {
            self.doubts.push(format!(
                "`{range}` for `{name}` is no range of versions: any is taken"
            ));
            String::new()
        })
    }
}

/// Where a package comes from, if not from an index.
pub(crate) enum Source {
    /// A PEP 508 address: `git+https://…@rev#subdirectory=…`.
    Address(String),
    /// A folder or file of the project.
    Folder(String),
}

/// `git`, `url` and `path` of a package's table; Pipfiles have the same keys, and `file`.
pub(crate) fn source(table: &Table) -> Option<Source> {
    if let Some(git) = text(table, "git") {
        let reference = [
            "resolved_reference",
            "rev",
            "revision",
            "ref",
            "tag",
            "branch",
        ]
        .iter()
        .find_map(|key| text(table, key));
        return Some(Source::Address(git_address(
            git,
            reference,
            text(table, "subdirectory"),
        )));
    }
    if let Some(url) = text(table, "url").or_else(|| text(table, "file")) {
        return Some(if url.contains("://") {
            Source::Address(url.to_owned())
        } else {
            Source::Folder(url.to_owned())
        });
    }
    text(table, "path").map(|path| Source::Folder(path.to_owned()))
}

/// `git+https://example.org/x.git@rev#subdirectory=y`; the short form of ssh becomes an address.
pub(crate) fn git_address(git: &str, reference: Option<&str>, folder: Option<&str>) -> String {
    let git = git.strip_prefix("git+").unwrap_or(git);
    let address = match git.split_once(':') {
        // `git@example.org:owner/x.git`
        Some((host, path)) if !git.contains("://") => format!("ssh://{host}/{path}"),
        _ => git.to_owned(),
    };
    let reference = reference.map(|r| format!("@{r}")).unwrap_or_default();
    let folder = folder
        .map(|folder| format!("#subdirectory={folder}"))
        .unwrap_or_default();
    format!("git+{address}{reference}{folder}")
}

/// A folder of the project as a requirement; an archive is named without the flag.
pub(crate) fn folder_line(path: &str, extras: &[String]) -> String {
    let path = path.trim_end_matches('/');
    let dotted = if path.starts_with(['.', '/']) {
        path.to_owned()
    } else {
        format!("./{path}")
    };
    let is_archive = [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2"]
        .iter()
        .any(|ending| path.ends_with(ending));
    let extras = match extras {
        [] => String::new(),
        extras => format!("[{}]", extras.join(",")),
    };
    let flag = if is_archive { "" } else { "-e " };
    format!("{flag}{dotted}{extras}")
}

/// `markers`, `python` and `platform` of a package as conditions that all have to hold.
fn markers(table: &Table) -> Vec<String> {
    let mut markers = Vec::new();
    let python = text(table, "python").and_then(poetry_range::hull);
    for part in python.iter().flat_map(|range| range.split(',')) {
        let end = part.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
        let (sign, version) = part.split_at(end);
        if !sign.is_empty() {
            markers.push(format!("{} {sign} '{version}'", python_marker(version)));
        }
    }
    if let Some(platform) = text(table, "platform") {
        markers.push(format!("sys_platform == '{platform}'"));
    }
    if let Some(more) = text(table, "markers") {
        markers.push(format!("({more})"));
    }
    markers
}

/// `python_version` has two numbers only.
fn python_marker(version: &str) -> &'static str {
    match version.trim_end_matches(".*").split('.').count() {
        0..=2 => "python_version",
        _ => "python_full_version",
    }
}

/// `[[tool.poetry.source]]`, without PyPI itself, which is what uv is configured for.
fn indexes(table: &Value) -> Vec<String> {
    let sources = table.get("source").and_then(Value::as_array);
    let urls = sources
        .into_iter()
        .flatten()
        .filter_map(|source| source.get("url")?.as_str());
    urls.filter(|url| !is_pypi(url))
        .map(str::to_owned)
        .collect()
}

/// The public index, which a machine may have configured another address for.
pub(crate) fn is_pypi(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or(url);
    ["pypi.org/", "pypi.python.org/"]
        .iter()
        .any(|known| host.starts_with(known))
}

pub(crate) fn text<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    table.get(key)?.as_str()
}

pub(crate) fn texts(table: &Table, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(normalise).collect()
}

fn is_true(table: &Table, key: &str) -> bool {
    table.get(key).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Poetry {
        read(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn packages_become_requirement_lines() {
        let read = lines(
            r#"
            [tool.poetry.dependencies]
            python = "^3.10"
            Flask = "^3.0"
            uvicorn = { version = "^0.30", extras = ["standard"] }
            pywin32 = { version = "*", platform = "win32" }
            tomli = { version = "^2", python = "<3.11" }
            psycopg = { version = "^3", optional = true }
            numpy = [
                { version = "<2", python = "<3.10" },
                { version = "^2", markers = "python_version >= '3.10'" },
            ]
            shared = { path = "libs/shared", develop = true }
            own = { path = "vendor/own-1.0-py3-none-any.whl" }
            tool = { git = "https://example.org/tool.git", tag = "v1", subdirectory = "py" }
            inner = { git = "git@example.org:team/inner.git", branch = "main" }
            page = { url = "https://example.org/page-1.0.tar.gz" }
            old = "^1.0 || ^2.0"
            odd = "latest"
            [tool.poetry.group.dev.dependencies]
            pytest = "*"
            [tool.poetry.group.prod.dependencies]
            gunicorn = "23.0.0"
            [[tool.poetry.source]]
            name = "private"
            url = "https://pypi.example.org/simple"
            [[tool.poetry.source]]
            name = "pypi"
            url = "https://pypi.org/simple/"
            "#,
        );
        insta::assert_snapshot!(read.requirements.join("\n"), @r"
        Flask>=3.0,<4
        inner @ git+ssh://git@example.org/team/inner.git@main
        numpy<2 ; python_version < '3.10'
        numpy>=2,<3 ; (python_version >= '3.10')
        odd
        old>=2.0,<3
        ./vendor/own-1.0-py3-none-any.whl
        page @ https://example.org/page-1.0.tar.gz
        pywin32 ; sys_platform == 'win32'
        -e ./libs/shared
        tomli>=2,<3 ; python_version < '3.11'
        tool @ git+https://example.org/tool.git@v1#subdirectory=py
        uvicorn[standard]>=0.30,<0.31
        gunicorn==23.0.0
        ");
        assert_eq!(read.python.as_deref(), Some(">=3.10,<4"));
        assert_eq!(read.indexes, ["https://pypi.example.org/simple"]);
        assert_eq!(read.groups, ["prod"]);
        assert_eq!(
            read.doubts,
            [
                "`latest` for `odd` is no range of versions: any is taken",
                "of `^1.0 || ^2.0` for `old`, `^2.0` is used"
            ]
        );
    }

    proptest! {
        #[test]
        fn any_range_is_read(range in "[^\"\\\\\\p{Cc}]{0,20}") {
            let _ = lines(&format!("[tool.poetry.dependencies]\nx = \"{range}\"\n"));
        }
    }
}
