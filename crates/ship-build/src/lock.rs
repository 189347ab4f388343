//! The lock: exactly which files of which packages a release runs with.
//!
//! Whatever the project has, its lock in a release is a `pylock.toml` (PEP 751) that uv wrote: from
//! `uv.lock` by `uv export --locked`, from everything else by `uv pip compile` for the one Python
//! that is used; what another tool has locked is given to it version by version (`told.rs`). It names every file by address and hash, so installing it resolves nothing.

mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ship_base::clock::Moment;
use ship_base::file;
use ship_base::hash::{ContentHash, Hasher};
use ship_project::plan::{Dependencies, Note, requirement_name};
use toml::{Table, Value};

use crate::error::Error;
use crate::event::Phase;
use crate::python::Interpreter;
use crate::shop::Shop;
use crate::source::Snapshot;

/// What a project without a name of its own is called.
pub(crate) const UNNAMED: &str = "the project";

/// The name uv wants for a lock; removed from the source once it is read.
const BESIDE_SOURCE: &str = "pylock.ship.toml";

/// Files that say what a package is and needs, wherever they stand in the project.
const METADATA: &[&str] = &["pyproject.toml", "setup.py", "setup.cfg", "uv.toml"];

/// A lock, read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lock {
    /// As uv wrote it.
    pub(crate) text: String,
    /// What comes from an index, an address or a file of the project, by name.
    pub(crate) versions: BTreeMap<String, String>,
    /// What is a folder of the project.
    pub(crate) locals: Vec<Local>,
    /// What has no wheel for the Python it was made for, and is built from source. A lock that fits
    /// many Pythons (`uv.lock`) lists the wheels of all of them, so this may miss some.
    pub(crate) from_source: Vec<String>,
    table: Table,
}

/// A package that is a folder of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) name: String,
    /// Relative to the source; empty for the project itself.
    pub(crate) path: PathBuf,
}

/// The address of everything that a lock is made from.
pub(crate) fn inputs(
    dependencies: Option<&Dependencies>,
    source: &Path,
    snapshot: &Snapshot,
    python: &Interpreter,
) -> ContentHash {
    let mut hasher = Hasher::new();
    hasher.field("lock 2");
    python.identify(&mut hasher);
    if let Some(Dependencies::UvLock { member, .. }) = dependencies {
        hasher.field(member.as_deref().unwrap_or_default());
    }
    let files = match dependencies {
        Some(Dependencies::UvLock { lock, .. } | Dependencies::Pylock { lock, .. }) => {
            vec![lock.clone()]
        }
        Some(Dependencies::Locked { tool, lock, .. }) => {
            vec![lock.clone(), lock.with_file_name(tool.manifest())]
        }
        Some(Dependencies::Pyproject { file } | Dependencies::Setup { file }) => vec![file.clone()],
        Some(Dependencies::Requirements { files, .. }) => with_includes(source, files),
        Some(Dependencies::Listed {
            requirements,
            indexes,
            ..
        }) => {
            for line in indexes.iter().chain(requirements) {
                hasher.field(line);
            }
            Vec::new()
        }
        Some(Dependencies::Unnamed { add }) => {
            for name in add {
                hasher.field(name);
            }
            Vec::new()
        }
        None => Vec::new(),
    };
    snapshot.hash_of(&mut hasher, |path| {
        let name = path.file_name().unwrap_or_default();
        files.iter().any(|file| file == path) || METADATA.iter().any(|known| name == *known)
    });
    hasher.finish()
}

/// Requirements files with those that they include by `-r` and `-c`, relative to `root`.
pub(crate) fn with_includes(root: &Path, files: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut open: Vec<PathBuf> = files.to_vec();
    while let Some(path) = open.pop() {
        if found.contains(&path) {
            continue;
        }
        let text = file::read_text(&root.join(&path)).unwrap_or_default();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let included = text.lines().filter_map(included);
        open.extend(included.map(|name| tidy(&folder.join(name))));
        found.push(path);
    }
    found
}

fn included(line: &str) -> Option<&str> {
    const FLAGS: [&str; 4] = ["--requirement", "--constraint", "-r", "-c"];
    let rest = FLAGS
        .iter()
        .find_map(|flag| line.trim().strip_prefix(flag))?;
    let name = rest.trim_start_matches(['=', ' ', '\t']);
    name.split(" #")
        .next()
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// Without `.` and, where it can be said, `..`.
fn tidy(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if path.file_name().is_some() => drop(path.pop()),
            part => path.push(part),
        }
        path
    })
}

/// Makes the lock in a snapshot. Versions of `previous` are kept where they still fit: a new
/// package must not move the others.
pub(crate) fn make(
    shop: &mut Shop<'_>,
    dependencies: Option<&Dependencies>,
    source: &Path,
    python: &Interpreter,
    previous: Option<&str>,
) -> Result<Lock, Error> {
    let text = match dependencies {
        Some(Dependencies::UvLock { lock, member, .. }) => {
            export(shop, lock, member.as_deref(), source, python)?
        }
        Some(Dependencies::Locked { tool, lock, .. }) => {
            told::lock(shop, *tool, lock, source, python)?
        }
        Some(Dependencies::Pylock { lock, .. }) => file::read_text(&source.join(lock))?,
        Some(Dependencies::Pyproject { file } | Dependencies::Setup { file }) => {
            let asked = Asked::files(std::slice::from_ref(file));
            compile(shop, &asked, source, python, previous)?
        }
        Some(Dependencies::Requirements { files, .. }) => {
            told::requirements(shop, files, source, python, previous)?
        }
        Some(Dependencies::Listed {
            requirements,
            indexes,
            ..
        }) => {
            let asked = Asked::lines(indexes.iter().map(told::index).chain(requirements.clone()));
            compile(shop, &asked, source, python, previous)?
        }
        Some(Dependencies::Unnamed { add }) if !add.is_empty() => {
            let asked = Asked::lines(add.clone());
            compile(shop, &asked, source, python, previous)?
        }
        Some(Dependencies::Unnamed { .. }) | None => String::new(),
    };
    Lock::of(dependencies, source, text)
}

fn export(
    shop: &mut Shop<'_>,
    lock: &Path,
    member: Option<&str>,
    source: &Path,
    python: &Interpreter,
) -> Result<String, Error> {
    let folder = source.join(lock.parent().unwrap_or(Path::new("")));
    let run = shop
        .uv_tool(&folder)?
        .writes_to(source)
        .args(["export", "--locked", "--no-dev", "--no-header", "--quiet"])
        .args(member.map(|name| format!("--package={name}")))
        .args(["--format", "pylock.toml", "--python"])
        .arg(&python.path)
        .capture();
    let finished = shop.run(Phase::Lock, run)?;
    if !finished.succeeded() {
        let stale = finished.tail.iter().any(|line| line.contains("--locked"));
        return Err(if stale {
            Error::LockStale {
                lock: lock.to_owned(),
                list: "pyproject.toml",
                command: "uv lock",
                output: finished.told(),
            }
        } else {
            failed(finished)
        });
    }
    Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
}

fn failed(finished: crate::tool::Finished) -> Error {
    Error::Tool {
        phase: Phase::Lock,
        task: "lock the packages",
        tool: "uv",
        ended: finished.ended,
        output: finished.told(),
    }
}

/// What uv is asked to lock.
#[derive(Debug, Clone, Default)]
struct Asked {
    /// Relative to the source; `-` is `input`.
    files: Vec<PathBuf>,
    input: Vec<u8>,
    arguments: Vec<String>,
}

impl Asked {
    fn files(files: &[PathBuf]) -> Self {
        Self {
            files: files.to_vec(),
            ..Self::default()
        }
    }

    /// The same with further requirements.
    fn with(&self, requirements: impl Iterator<Item = &'static str>) -> Self {
        let mut asked = self.clone();
        let stdin = Path::new("-");
        for requirement in requirements {
            if !asked.files.iter().any(|file| file == stdin) {
                asked.files.push(stdin.to_owned());
            }
            asked.input.extend_from_slice(b"\n");
            asked.input.extend_from_slice(requirement.as_bytes());
        }
        asked
    }

    fn lines(lines: impl IntoIterator<Item = String>) -> Self {
        let lines: Vec<String> = lines.into_iter().collect();
        Self {
            files: vec!["-".into()],
            input: lines.join("\n").into_bytes(),
            arguments: Vec::new(),
        }
    }
}

fn compile(
    shop: &mut Shop<'_>,
    asked: &Asked,
    source: &Path,
    python: &Interpreter,
    previous: Option<&str>,
) -> Result<String, Error> {
    let asked = &asked.with(shop.requirements());
    let beside = source.join(BESIDE_SOURCE);
    if let Some(previous) = previous {
        file::write_whole(&beside, previous.as_bytes())?;
    }
    let run = shop
        .dated_uv_tool(source)?
        .writes_to(source)
        // Not `--quiet`: that hides what is yanked. The lock itself also goes to standard output.
        .args(["pip", "compile", "--no-header"])
        .capture()
        .args([
            "--format",
            "pylock.toml",
            "--output-file",
            BESIDE_SOURCE,
            "--python",
        ])
        .arg(&python.path)
        .args(&asked.arguments)
        .args(&asked.files)
        .stdin(asked.input.clone());
    let finished = shop.run_silently(run)?;
    tell_of_yanked(shop, &finished.tail);
    if !finished.succeeded() {
        return Err(failed(finished));
    }
    let text = file::read_text(&beside)?;
    file::remove(&beside)?;
    Ok(text)
}

/// What its authors took back from the index, as uv warns of it.
fn tell_of_yanked(shop: &mut Shop<'_>, lines: &[String]) {
    let named = shop.request().plan.dependencies.as_ref();
    let place = named.and_then(|named| named.places.first().cloned());
    for (version, reason) in lines.iter().filter_map(|line| yanked(line)) {
        let name = version.split("==").next().unwrap_or(version);
        shop.report().note(Note {
            text: match reason {
                Some(reason) => format!("`{version}` is yanked: {reason}"),
                None => format!("`{version}` is yanked: its authors took it back"),
            },
            hint: Some(format!("ask for another version of `{name}`")),
            place: place.clone(),
        });
    }
}

/// uv's ``warning: `attrs==21.1.0` is yanked (reason: "…")``: the version, and why.
fn yanked(line: &str) -> Option<(&str, Option<&str>)> {
    let rest = line.trim().strip_prefix("warning: `")?;
    let (version, rest) = rest.split_once("` is yanked")?;
    let reason = rest.trim().strip_prefix("(reason: \"");
    let reason = reason.and_then(|reason| reason.strip_suffix("\")"));
    Some((version, reason.filter(|reason| !reason.is_empty())))
}

/// The folder that is installed as a package besides what is locked.
fn project_folder(dependencies: Option<&Dependencies>, source: &Path) -> Option<PathBuf> {
    let file = match dependencies? {
        Dependencies::Pyproject { file } | Dependencies::Listed { file, .. } => file.clone(),
        Dependencies::Locked { tool, lock, .. } => lock.with_file_name(tool.manifest()),
        Dependencies::Setup { file } => return Some(file.parent()?.to_owned()),
        _ => return None,
    };
    let is_project = file.file_name() == Some("pyproject.toml".as_ref());
    (is_project && is_package(&source.join(&file))).then(|| file.parent().map(Path::to_owned))?
}

/// Whether a `pyproject.toml` describes something that is to be installed, by uv's rule: a
/// `[build-system]`, unless `tool.uv.package` says otherwise, or what Poetry and PDM have for it.
fn is_package(path: &Path) -> bool {
    let table: Table = file::read_text(path)
        .unwrap_or_default()
        .parse()
        .unwrap_or_default();
    let said = |tool: &str, key: &str| table.get("tool")?.get(tool)?.get(key)?.as_bool();
    let said = said("uv", "package")
        .or_else(|| said("poetry", "package-mode"))
        .or_else(|| said("pdm", "distribution"));
    match said {
        Some(said) => said,
        None => table.contains_key("build-system"),
    }
}

impl Lock {
    /// The lock that uv made of `dependencies`, now or for an earlier release.
    pub(crate) fn of(
        dependencies: Option<&Dependencies>,
        source: &Path,
        text: String,
    ) -> Result<Self, Error> {
        let mut lock = Self::parse(text)?;
        if let Some(folder) = project_folder(dependencies, source) {
            lock.add_project(source, &folder);
        }
        Ok(lock)
    }

    fn parse(text: String) -> Result<Self, Error> {
        let table: Table = text
            .parse()
            .map_err(|source| unreadable(Box::new(source)))?;
        let mut lock = Self {
            text,
            ..Self::default()
        };
        for package in table
            .get("packages")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            lock.read_package(package);
        }
        lock.table = table;
        Ok(lock)
    }

    fn read_package(&mut self, package: &Value) {
        let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
        let Some(name) = text(package, "name") else {
            return;
        };
        let folder = package.get("directory").and_then(|at| text(at, "path"));
        if let Some(folder) = folder {
            let path = tidy(Path::new(&folder));
            self.locals.push(Local { name, path });
        } else {
            if package.get("sdist").is_some() && package.get("wheels").is_none() {
                self.from_source.push(name.clone());
            }
            let version = text(package, "version").unwrap_or_default();
            self.versions.insert(name, version);
        }
    }

    /// The project itself, which a compiled `pyproject.toml` does not name.
    fn add_project(&mut self, source: &Path, folder: &Path) {
        let project = Local {
            name: project_name(&source.join(folder)).unwrap_or_else(|| UNNAMED.to_owned()),
            path: folder.to_owned(),
        };
        if !self.locals.iter().any(|local| local.path == project.path) {
            self.locals.push(project);
        }
    }

    /// The lock with what is installed into the shared environment only: without folders of the
    /// project, and with the files that it holds named by where they are now.
    pub(crate) fn shared(&self, source: &Path) -> String {
        let mut table = self.table.clone();
        if let Some(packages) = table.get_mut("packages").and_then(Value::as_array_mut) {
            packages.retain(|package| package.get("directory").is_none());
            for package in packages {
                anchor(package, source);
            }
        }
        table.to_string()
    }

    /// When the newest of the versions that the project names exactly was published, as far as the
    /// index tells.
    pub(crate) fn newest_pin(
        &self,
        dependencies: Option<&Dependencies>,
        source: &Path,
    ) -> Option<Moment> {
        let Some(Dependencies::Requirements { files, .. }) = dependencies else {
            return None;
        };
        let pinned: BTreeSet<String> = with_includes(source, files)
            .iter()
            .filter_map(|file| file::read_text(&source.join(file)).ok())
            .flat_map(|text| text.lines().filter_map(pinned).collect::<Vec<_>>())
            .collect();
        let packages = self.table.get("packages").and_then(Value::as_array);
        let is_pinned = |package: &&Value| {
            let name = package.get("name").and_then(Value::as_str);
            name.is_some_and(|name| pinned.contains(name))
        };
        let packages = packages.into_iter().flatten().filter(is_pinned);
        packages.filter_map(published).max()
    }

    /// The packages from an index with their versions, a line each, as a requirements file.
    pub(crate) fn pins(&self) -> String {
        let pins = self
            .versions
            .iter()
            .map(|(name, version)| format!("{name}=={version}\n"));
        pins.collect()
    }

    /// The address of what is installed into the shared environment.
    pub(crate) fn identify(&self, hasher: &mut Hasher) {
        // Relative paths stay relative here: they are named with the hash of their content.
        hasher.field(self.shared(Path::new("")));
    }
}

/// The name of a requirement with an exact version, normalised: `Flask` of `Flask==1.0`.
fn pinned(line: &str) -> Option<String> {
    let line = line.trim();
    let is_pinned = line.contains("==") && !line.starts_with(['-', '#']);
    is_pinned.then(|| {
        requirement_name(line)
            .to_lowercase()
            .replace(['_', '.'], "-")
    })
}

/// When the first file of a package was.
fn published(package: &Value) -> Option<Moment> {
    let wheels = package.get("wheels").and_then(Value::as_array);
    let files = package
        .get("sdist")
        .into_iter()
        .chain(wheels.into_iter().flatten());
    let times = files.filter_map(|file| file.get("upload-time")?.as_datetime());
    times.filter_map(|time| time.to_string().parse().ok()).min()
}

/// Makes the paths of a package's files absolute.
fn anchor(package: &mut Value, source: &Path) {
    let anchor_one = |file: &mut Value| {
        if let Some(Value::String(path)) = file.get_mut("path") {
            *path = source.join(&*path).display().to_string();
        }
    };
    for key in ["archive", "sdist"] {
        package.get_mut(key).map(anchor_one);
    }
    let wheels = package.get_mut("wheels").and_then(Value::as_array_mut);
    wheels.into_iter().flatten().for_each(anchor_one);
}

fn project_name(source: &Path) -> Option<String> {
    let table: Table = file::read_text(&source.join("pyproject.toml"))
        .ok()?
        .parse()
        .ok()?;
    let own = table.get("project").and_then(|project| project.get("name"));
    let poetry = || table.get("tool")?.get("poetry")?.get("name");
    let name = own.or_else(poetry)?.as_str()?;
    Some(name.to_owned())
}

fn unreadable(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Unreadable {
        what: "the lock that uv wrote".to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_yanked_is_read_from_the_words_of_uv() {
        for (line, told) in [
            (
                "warning: `attrs==21.1.0` is yanked (reason: \"Not importable on \"3.4\".\")",
                Some(("attrs==21.1.0", Some("Not importable on \"3.4\"."))),
            ),
            ("warning: `a==1` is yanked", Some(("a==1", None))),
            (
                "warning: `a==1` is yanked (reason: \"\")",
                Some(("a==1", None)),
            ),
            ("warning: something else", None),
            ("Resolved 2 packages in 199ms", None),
        ] {
            assert_eq!(yanked(line), told, "{line}");
        }
    }

    const LOCK: &str = r#"
lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "app"
directory = { path = ".", editable = true }

[[packages]]
name = "flask"
version = "3.1.3"
wheels = [{ url = "https://i.example/flask-3.1.3-py3-none-any.whl", hashes = { sha256 = "00" } }]

[[packages]]
name = "mylib"
directory = { path = "./libs/mylib", editable = true }

[[packages]]
name = "vendored"
version = "1.0"
archive = { path = "vendor/vendored-1.0-py3-none-any.whl", hashes = { sha256 = "00" } }
"#;

    #[test]
    fn folders_of_the_project_are_told_apart_from_what_is_shared() {
        let lock = Lock::parse(LOCK.to_owned()).unwrap();
        let locals: Vec<_> = lock.locals.iter().map(|local| local.path.clone()).collect();
        assert_eq!(locals, [PathBuf::new(), "libs/mylib".into()]);
        assert_eq!(lock.versions["flask"], "3.1.3");
        let shared = lock.shared(Path::new("/source"));
        assert!(!shared.contains("mylib"));
        assert!(
            shared.contains("/source/vendor/vendored-1.0-py3-none-any.whl"),
            "{shared}"
        );
    }

    #[test]
    fn includes_are_followed_once() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            file::create_folder(path.parent().unwrap()).unwrap();
            file::write_whole(&path, text.as_bytes()).unwrap();
        };
        write(
            "requirements/prod.txt",
            "-r base.txt  # more\n--constraint=../all.txt\nflask\n",
        );
        write("requirements/base.txt", "-r prod.txt\n");
        write("all.txt", "");
        let mut found = with_includes(folder.path(), &["requirements/prod.txt".into()]);
        found.sort();
        let names: Vec<_> = found
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        assert_eq!(
            names,
            ["all.txt", "requirements/base.txt", "requirements/prod.txt"]
        );
    }
}
