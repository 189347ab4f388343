//! What a project has locked in another form than uv's: a lock of Poetry, PDM or Pipenv, or a
//! requirements file with hashes. uv is told each version, and what it answers is held against the
//! lock: a version that is not in it, or a file with another hash, ends the build.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ship_base::file;
use ship_project::locked::{self, LockedVersion};
use ship_project::plan::LockTool;
use toml::{Table, Value};

use super::{Asked, compile};
use crate::error::Error;
use crate::python::Interpreter;
use crate::shop::Shop;

/// Removed from the source once it is read.
const CONSTRAINTS: &str = "constraints.ship.txt";

/// By normalised name.
type Files = BTreeMap<String, Vec<LockedVersion>>;

/// The lock of another tool as a `pylock.toml` for one Python.
pub(super) fn lock(
    shop: &mut Shop<'_>,
    tool: LockTool,
    lock: &Path,
    source: &Path,
    python: &Interpreter,
) -> Result<String, Error> {
    let told = locked::read(source, tool, lock, python.about.version.numbers())?;
    let mut asked = Asked::lines(told.requirements);
    asked.arguments = vec!["--constraints".to_owned(), CONSTRAINTS.to_owned()];
    // Every version is given, also of what is not finished.
    asked.arguments.push("--prerelease=allow".to_owned());
    if told.is_complete {
        asked.arguments.push("--no-deps".to_owned());
    }
    let constraints = source.join(CONSTRAINTS);
    file::write_whole(&constraints, told.constraints.join("\n").as_bytes())?;
    let compiled = compile(shop, &asked, source, python, None);
    file::remove(&constraints)?;
    let stale = |output| Error::LockStale {
        lock: lock.to_owned(),
        list: tool.manifest(),
        command: tool.command(),
        output,
    };
    let text = match compiled {
        Err(Error::Tool { output, .. }) if contradicts(&output) => return Err(stale(output)),
        other => other?,
    };
    let compared = Compared {
        files: &told.files,
        lock,
        is_all: true,
    };
    compared.with(&text, stale)
}

/// Requirements files; hashes in them hold.
pub(super) fn requirements(
    shop: &mut Shop<'_>,
    files: &[PathBuf],
    source: &Path,
    python: &Interpreter,
    previous: Option<&str>,
) -> Result<String, Error> {
    let asked = match locked::plain_lines(source, files) {
        Some(lines) => Asked::lines(lines),
        None => Asked::files(files),
    };
    let text = compile(shop, &asked, source, python, previous)?;
    let hashes = locked::hashes(source, files);
    let compared = Compared {
        files: &hashes,
        lock: files.first().map_or(Path::new(""), PathBuf::as_path),
        is_all: false,
    };
    compared.with(&text, |output| Error::Unreadable {
        what: "the lock that uv wrote".to_owned(),
        source: output.join("\n").into(),
    })
}

/// An index beside PyPI as a line of a requirements file.
pub(super) fn index(address: &String) -> String {
    format!("--extra-index-url {address}")
}

/// uv's word for requirements that exclude each other.
fn contradicts(output: &[String]) -> bool {
    output.iter().any(|line| line.contains("No solution found"))
}

/// What uv wrote, against what was locked.
struct Compared<'a> {
    files: &'a Files,
    lock: &'a Path,
    /// A package that is not in `files` is one too many.
    is_all: bool,
}

impl Compared<'_> {
    /// The text with the files only that were locked.
    fn with(&self, text: &str, stale: impl FnOnce(Vec<String>) -> Error) -> Result<String, Error> {
        if self.files.is_empty() {
            return Ok(text.to_owned());
        }
        let mut table: Table = text
            .parse()
            .map_err(|source| super::unreadable(Box::new(source)))?;
        let mut strange = Vec::new();
        let packages = table.get_mut("packages").and_then(Value::as_array_mut);
        for package in packages.into_iter().flatten() {
            if let Some(sentence) = self.package(package)? {
                strange.push(sentence);
            }
        }
        if strange.is_empty() {
            return Ok(table.to_string());
        }
        Err(stale(strange))
    }

    /// Leaves the files of a package that were locked. Gives a sentence where the package was not.
    fn package(&self, package: &mut Value) -> Result<Option<String>, Error> {
        let text = |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
        let name = text("name").unwrap_or_default();
        if package.get("directory").is_some() || package.get("vcs").is_some() {
            return Ok(None);
        }
        let Some(locked) = self.files.get(&name) else {
            let is_strange = self.is_all && !locked::LEFT_OUT.contains(&name.as_str());
            return Ok(is_strange.then(|| format!("`{name}` is needed, too")));
        };
        let version = text("version");
        let same: Vec<&LockedVersion> = locked
            .iter()
            .filter(|one| {
                let (locked, found) = (one.version.as_str(), version.as_deref());
                locked.is_empty() || found.is_none_or(|found| is_same(locked, found))
            })
            .collect();
        if same.is_empty() && self.is_all {
            let version = version.unwrap_or_default();
            return Ok(Some(format!("`{name}` would be {version}")));
        }
        let hashes = |hash: &str| same.iter().any(|one| one.hashes.contains(hash));
        if same.iter().all(|one| one.hashes.is_empty()) || leave(package, &hashes) {
            return Ok(None);
        }
        Err(Error::OtherFiles {
            package: format!("{name} {}", version.unwrap_or_default())
                .trim()
                .to_owned(),
            lock: self.lock.to_owned(),
        })
    }
}

/// Takes files with other hashes out of a package; tells whether any is left.
fn leave(package: &mut Value, is_locked: &dyn Fn(&str) -> bool) -> bool {
    let fits = |file: &Value| {
        let hash = file.get("hashes").and_then(|hashes| hashes.get("sha256"));
        hash.and_then(Value::as_str).is_some_and(is_locked)
    };
    let Some(table) = package.as_table_mut() else {
        return false;
    };
    if let Some(wheels) = table.get_mut("wheels").and_then(Value::as_array_mut) {
        wheels.retain(fits);
        if wheels.is_empty() {
            table.remove("wheels");
        }
    }
    for key in ["sdist", "archive"] {
        if table.get(key).is_some_and(|file| !fits(file)) {
            table.remove(key);
        }
    }
    ["wheels", "sdist", "archive"]
        .iter()
        .any(|key| table.contains_key(*key))
}

/// Whether two spellings are the same version, as PEP 440 reads them: `1.0` and `1.0.0`,
/// `2024.01` and `2024.1`.
fn is_same(a: &str, b: &str) -> bool {
    fn plain(version: &str) -> Vec<String> {
        let lower = version.trim_start_matches('v').to_lowercase();
        let parts = lower.replace(['-', '_'], ".");
        let mut parts: Vec<String> = parts
            .split('.')
            .map(|part| match part.trim_start_matches('0') {
                "" => "0".to_owned(),
                plain if plain.starts_with(|c: char| c.is_ascii_digit()) => plain.to_owned(),
                _ => part.to_owned(),
            })
            .collect();
        while parts.len() > 1 && parts.last().is_some_and(|part| part == "0") {
            parts.pop();
        }
        parts
    }
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
lock-version = "1.0"
[[packages]]
name = "flask"
version = "3.0.3"
sdist = { url = "https://i.example/flask-3.0.3.tar.gz", hashes = { sha256 = "11" } }
wheels = [{ url = "https://i.example/flask-3.0.3-py3-none-any.whl", hashes = { sha256 = "00" } }]
[[packages]]
name = "own"
directory = { path = "." }
"#;

    fn files(version: &str, hash: &str) -> Files {
        let locked = LockedVersion {
            version: version.to_owned(),
            hashes: [hash.to_owned()].into(),
        };
        [("flask".to_owned(), vec![locked])].into()
    }

    fn with(files: &Files, is_all: bool) -> Result<String, Error> {
        let compared = Compared {
            files,
            lock: Path::new("poetry.lock"),
            is_all,
        };
        compared.with(LOCK, |output| Error::LockStale {
            lock: "poetry.lock".into(),
            list: "pyproject.toml",
            command: "poetry lock",
            output,
        })
    }

    #[test]
    fn only_files_with_a_locked_hash_are_left() {
        let text = with(&files("3.0.3", "11"), true).unwrap();
        assert!(text.contains("flask-3.0.3.tar.gz"), "{text}");
        assert!(!text.contains("flask-3.0.3-py3-none-any.whl"), "{text}");
    }

    #[test]
    fn a_file_that_is_another_than_was_locked_ends_the_build() {
        let error = with(&files("3.0.3", "22"), true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no file of `flask 3.0.3` on the index is one that `poetry.lock` names"
        );
    }

    #[test]
    fn a_version_or_a_package_that_was_not_locked_is_named() {
        let told = |files: &Files| match with(files, true) {
            Err(Error::LockStale { output, .. }) => output.join("; "),
            other => panic!("{other:?}"),
        };
        assert_eq!(told(&files("3.0.2", "00")), "`flask` would be 3.0.3");
        let others = [("click".to_owned(), Vec::new())].into();
        assert_eq!(told(&others), "`flask` is needed, too");
        assert!(with(&others, false).is_ok());
    }

    #[test]
    fn spellings_of_one_version_are_the_same() {
        assert!(is_same("1.0", "1.0.0"));
        assert!(is_same("2024.01", "2024.1"));
        assert!(is_same("v1.0-post1", "1.0.post1"));
        assert!(!is_same("1.0", "1.0.1"));
        assert!(!is_same("1.10", "1.1"));
    }
}
