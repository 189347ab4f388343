//! The package index that the user has configured, and its simple API (PEP 503, PEP 691).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use ship_base::file;

use super::{Variables, on_path};
use crate::cancel::Cancel;
use crate::tool::{Finished, Tool};

/// The index of last resort, which whoever builds a `ship` for others gives it (`docs/releasing.md`);
/// the source names none.
const BUILT_IN: Option<&str> = option_env!("SHIP_DEFAULT_INDEX");

/// Makes pip tell the index it uses where nothing is configured. pip keeps it in this place since
/// version 19; one that does not is passed over.
const ASK_PIP: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";

/// What we ask for: JSON (PEP 691), else HTML (PEP 503).
pub(super) const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// A package index. It shows without user name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Index {
    url: String,
}

impl Index {
    /// The index to fetch from: the configured one, else the one that pip would use by itself, else
    /// the one this binary was built with.
    pub(super) fn choose(tools: &Variables, cancel: &Cancel) -> Option<Self> {
        Self::configured(tools)
            .or_else(|| {
                on_path(tools, "python3").find_map(|python| ask_pip(&python, tools, cancel))
            })
            .or_else(|| BUILT_IN.map(Self::new))
    }

    /// The index that is configured: uv's variables, pip's variables, pip's files.
    pub fn configured(tools: &Variables) -> Option<Self> {
        Self::of_uv(tools).or_else(|| Self::of_pip(tools))
    }

    /// What only pip is told of, and uv does not ask: it is handed on to uv.
    pub(super) fn of_pip(tools: &Variables) -> Option<Self> {
        if Self::of_uv(tools).is_some() {
            return None;
        }
        let named = variable(tools, "PIP_INDEX_URL").map(Self::new);
        named.or_else(|| pip_files(tools).iter().find_map(|path| in_pip_file(path)))
    }

    fn of_uv(tools: &Variables) -> Option<Self> {
        // `UV_DEFAULT_INDEX` may also give the index a name: `corp=https://…`.
        let default =
            variable(tools, "UV_DEFAULT_INDEX").map(|value| match value.split_once('=') {
                Some((name, url)) if !name.contains([':', '/']) => url,
                _ => value,
            });
        default
            .or_else(|| variable(tools, "UV_INDEX_URL"))
            .map(Self::new)
    }

    fn new(url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    /// The page of one package.
    pub(super) fn page(&self, package: &str) -> String {
        format!("{}/{package}/", self.url)
    }

    /// The address as the user wrote it.
    pub(super) fn with_credentials(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&split_credentials(&self.url).0)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `https://user:password@host/x` as `https://host/x` and `user:password`.
pub(super) fn split_credentials(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match host.rsplit_once('@') {
        Some((credentials, host)) => (
            format!("{scheme}://{host}{path}"),
            Some(credentials.to_owned()),
        ),
        None => (url.to_owned(), None),
    }
}

fn variable<'a>(tools: &'a Variables, name: &str) -> Option<&'a str> {
    let value = tools.get(name)?.reveal().as_str();
    (!value.is_empty()).then_some(value)
}

/// pip's files, the one that wins first (pip documentation, "Configuration files").
fn pip_files(tools: &Variables) -> Vec<PathBuf> {
    let mut files = Vec::new();
    files.extend(variable(tools, "PIP_CONFIG_FILE").map(PathBuf::from));
    let home = variable(tools, "HOME").map(PathBuf::from);
    let config = variable(tools, "XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| home.as_ref().map(|home| home.join(".config")));
    files.extend(config.map(|config| config.join("pip/pip.conf")));
    files.extend(home.map(|home| home.join(".pip/pip.conf")));
    files.push("/etc/pip.conf".into());
    files
}

fn ask_pip(python: &Path, tools: &Variables, cancel: &Cancel) -> Option<Index> {
    let asked = Tool::new(python, Path::new("/"))
        .args(["-I", "-c", ASK_PIP])
        .envs(tools)
        .capture()
        .deadline(Duration::from_secs(10))
        .run(cancel, &mut |_| {});
    let answer = String::from_utf8(asked.ok().filter(Finished::succeeded)?.stdout).ok()?;
    let url = answer.trim();
    url.contains("://").then(|| Index::new(url))
}

fn in_pip_file(path: &Path) -> Option<Index> {
    let text = file::read_text(path).ok()?;
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').trim();
        } else if let Some((key, value)) = line.split_once('=')
            && section == "global"
            && matches!(key.trim(), "index-url" | "index_url")
        {
            return Some(Index::new(value.trim()));
        }
    }
    None
}

/// The address of `file` on an index page, in either form. `page` is the page's own address,
/// against which links are read.
pub(super) fn link(page: &str, body: &str, file: &str) -> Option<String> {
    let link = if body.trim_start().starts_with('{') {
        link_in_json(body, file)?
    } else {
        link_in_html(body, file)?
    };
    let link = link.split('#').next().unwrap_or_default();
    Some(resolve(page, link))
}

fn link_in_json(body: &str, file: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Page {
        files: Vec<BTreeMap<String, serde_json::Value>>,
    }
    let page: Page = serde_json::from_str(body).ok()?;
    let text = |entry: &BTreeMap<String, serde_json::Value>, key: &str| {
        entry.get(key)?.as_str().map(str::to_owned)
    };
    page.files
        .iter()
        .find(|entry| text(entry, "filename").as_deref() == Some(file))
        .and_then(|entry| text(entry, "url"))
}

/// Every file is an anchor whose address ends, before its fragment, with the file's name (PEP 503).
fn link_in_html(body: &str, file: &str) -> Option<String> {
    body.split("href=").skip(1).find_map(|rest| {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let link = rest[1..].split(quote).next()?;
        let address = link.split('#').next()?;
        (address.rsplit('/').next() == Some(file)).then(|| link.replace("&amp;", "&"))
    })
}

/// `link` as seen from `page` (RFC 3986 5.2, as far as index pages go).
fn resolve(page: &str, link: &str) -> String {
    if link.contains("://") {
        return link.to_owned();
    }
    let (scheme, rest) = page.split_once("://").unwrap_or(("https", page));
    if let Some(host) = link.strip_prefix("//") {
        return format!("{scheme}://{host}");
    }
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if link.starts_with('/') {
        return format!("{scheme}://{host}{link}");
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." => {}
            ".." => drop((parts.len() > 1).then(|| parts.pop())),
            part => parts.push(part),
        }
    }
    format!("{scheme}://{host}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(pairs: &[(&str, &str)]) -> Variables {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned().into()))
            .collect()
    }

    #[test]
    fn the_configured_index_wins_in_uv_s_order_then_pip_s() {
        let both = [
            ("PIP_INDEX_URL", "https://pip.example/simple/"),
            ("UV_INDEX_URL", "https://uv.example/simple"),
        ];
        let configured =
            |pairs: &[(&str, &str)]| Index::configured(&tools(pairs)).unwrap().to_string();
        assert_eq!(configured(&both), "https://uv.example/simple");
        assert_eq!(configured(&both[..1]), "https://pip.example/simple");
        let named = [("UV_DEFAULT_INDEX", "corp=https://corp.example/simple?a=b")];
        assert_eq!(configured(&named), "https://corp.example/simple?a=b");
    }

    #[test]
    fn pip_s_file_is_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("pip.conf");
        let text = b"[install]\nindex-url = https://wrong.example\n[global]\nindex-url = https://a.example/simple\n";
        file::write_whole(&path, text).unwrap();
        let tools = tools(&[("PIP_CONFIG_FILE", path.to_str().unwrap())]);
        assert_eq!(
            Index::configured(&tools).unwrap().to_string(),
            "https://a.example/simple"
        );
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "pip is looked for as a user's shell would"
    )]
    fn where_nothing_is_configured_pip_knows_an_index() {
        let path = std::env::var("PATH").unwrap_or_default();
        let own = tools(&[("PATH", &path), ("HOME", "/nowhere")]);
        let has_pip = on_path(&own, "python3").any(|python| {
            let pip = std::process::Command::new(python)
                .args(["-I", "-m", "pip", "--version"])
                .output();
            pip.is_ok_and(|output| output.status.success())
        });
        let index = Index::choose(&own, &Cancel::new());
        assert!(!has_pip || index.is_some_and(|index| index.to_string().starts_with("https://")));
    }

    #[test]
    fn an_index_shows_without_its_password() {
        let index = Index::new("https://me:hunter2@corp.example/simple");
        assert_eq!(
            format!("{index} {index:?}"),
            "https://corp.example/simple https://corp.example/simple"
        );
    }

    #[test]
    fn both_forms_of_index_pages_are_read() {
        let html = r#"<a href="../../p/uv-1.whl#sha256=00">uv-1.whl</a><a href='https://f.example/uv-2.whl'>x</a>"#;
        let json = r#"{"files":[{"filename":"uv-1.whl","url":"/p/uv-1.whl","size":3}]}"#;
        let page = "https://i.example/simple/uv/";
        assert_eq!(
            link(page, html, "uv-1.whl").unwrap(),
            "https://i.example/p/uv-1.whl"
        );
        assert_eq!(
            link(page, html, "uv-2.whl").unwrap(),
            "https://f.example/uv-2.whl"
        );
        assert_eq!(
            link(page, json, "uv-1.whl").unwrap(),
            "https://i.example/p/uv-1.whl"
        );
        assert_eq!(link(page, json, "uv-3.whl"), None);
        assert_eq!(link(page, "<html>", "uv-3.whl"), None);
    }

    #[test]
    fn links_are_resolved_as_a_browser_does() {
        let page = "https://i.example/root/simple/uv/";
        for (link, whole) in [
            ("uv.whl", "https://i.example/root/simple/uv/uv.whl"),
            ("./uv.whl", "https://i.example/root/simple/uv/uv.whl"),
            ("../../../../../uv.whl", "https://i.example/uv.whl"),
            ("//cdn.example/uv.whl", "https://cdn.example/uv.whl"),
        ] {
            assert_eq!(resolve(page, link), whole);
        }
    }
}
