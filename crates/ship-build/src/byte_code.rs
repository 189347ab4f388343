//! Byte code: made once per package and Python, linked into every environment that holds it.
//!
//! A package's byte code stands in `store/pyc/<address>/`, the address being the hashes that its
//! `RECORD` lists (the standard "Recording installed projects") and the Python's cache tag. An
//! environment gets hard links. So a new environment costs the compilation of new packages only.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread;

use ship_base::file::{self, FileError, WithPath as _};
use ship_base::hash::{ContentHash, Hasher};
use ship_base::name::AppName;

use crate::builder::Builder;
use crate::cancel::Cancel;
use crate::error::Error;
use crate::event::Phase;
use crate::python::Interpreter;
use crate::shop::Shop;
use crate::tool::Tool;

const SCRIPT: &str = include_str!("scripts/compile.py");

/// Fewer files than this are compiled by one process: starting another takes longer.
const WORTH_A_PROCESS: usize = 50;

/// A file to compile: where it is, where its code goes, and what tracebacks call it until it is
/// imported (the import puts the true path in its place).
type Job = (PathBuf, PathBuf, String);

/// One installed package and the files of Python in it, relative to the folder it stands in.
struct Package {
    files: Vec<PathBuf>,
    address: ContentHash,
}

/// Gives every package in `site` its byte code.
pub(crate) fn compile_packages(
    shop: &mut Shop<'_>,
    program: &Path,
    site: &Path,
    python: &Interpreter,
) -> Result<(), Error> {
    let owner = shop.owner().map(AppName::as_str);
    let packages = packages(site, &python.about.cache_tag, owner)?;
    let store = shop.folders().byte_code();
    let new: Vec<&Package> = packages
        .iter()
        .filter(|one| !place(&store, one).is_dir())
        .collect();
    if !new.is_empty() {
        shop.phase(Phase::ByteCode, |shop| {
            compile_new(shop, program, site, &new, python)?;
            Ok(((), ship_base::count::plural(new.len(), "package")))
        })?;
    }
    for package in &packages {
        link(
            &place(&store, package),
            package,
            site,
            &python.about.cache_tag,
        )?;
    }
    Ok(())
}

fn place(store: &Path, package: &Package) -> PathBuf {
    store.join(package.address.short())
}

/// Compiles into temporary folders and renames each when it is whole.
fn compile_new(
    shop: &mut Shop<'_>,
    program: &Path,
    site: &Path,
    packages: &[&Package],
    python: &Interpreter,
) -> Result<(), Error> {
    let store = shop.folders().byte_code();
    file::create_folder(&store)?;
    let making: Vec<PathBuf> = packages
        .iter()
        .map(|package| file::temporary_beside(&place(&store, package)))
        .collect();
    let mut jobs: Vec<Job> = Vec::new();
    for (package, folder) in packages.iter().zip(&making) {
        file::create_folder(folder)?;
        jobs.extend(package.files.iter().map(|path| {
            let code = cached(path, &python.about.cache_tag);
            (
                site.join(path),
                folder.join(code),
                path.display().to_string(),
            )
        }));
    }
    let done = run(shop, program, jobs, "unchecked", &making);
    // Nobody looks at byte code again before it is run: after a power cut, a name in the store whose
    // content never reached the disk would break every environment that has the package.
    let done = done.and_then(|()| Ok(file::sync_file_system(&store)?));
    for (package, folder) in packages.iter().zip(&making) {
        // Another build may have been first; its folder is as good.
        if done.is_err() || place(&store, package).is_dir() {
            file::remove_folder(folder)?;
        } else {
            file::rename_synced(folder, &place(&store, package))?;
        }
    }
    done
}

/// Compiles files into `folders`, in as many processes as there are cores.
fn run(
    shop: &mut Shop<'_>,
    program: &Path,
    jobs: Vec<Job>,
    mode: &str,
    folders: &[PathBuf],
) -> Result<(), Error> {
    let (builder, cancel) = (shop.request().builder, shop.cancel());
    let run = |share: &[&Job]| compile(program, share, mode, builder, cancel);
    shop.lending(folders, &[], |_| in_processes(&jobs, run))
}

fn in_processes(
    jobs: &[Job],
    compile: impl Fn(&[&Job]) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let processes = cores.min(jobs.len() / WORTH_A_PROCESS + 1);
    let compile = &compile;
    let shares = (0..processes).map(|first| {
        jobs.iter()
            .skip(first)
            .step_by(processes)
            .collect::<Vec<_>>()
    });
    let results = thread::scope(|scope| {
        let running: Vec<_> = shares
            .map(|share| scope.spawn(move || compile(&share)))
            .collect();
        let results = running.into_iter().map(thread::ScopedJoinHandle::join);
        results.collect::<Vec<_>>()
    });
    let mut results = results.into_iter();
    results.try_for_each(|result| result.expect("compiling does not panic"))
}

fn compile(
    program: &Path,
    share: &[&Job],
    mode: &str,
    builder: Option<&Builder>,
    cancel: &Cancel,
) -> Result<(), Error> {
    let share = serde_json::to_vec(share).map_err(|source| Error::Unreadable {
        what: "the name of a folder, which is not UTF-8".to_owned(),
        source: source.into(),
    })?;
    let finished = Tool::new(program, Path::new("/"))
        .args(["-I", "-S", "-c", SCRIPT, mode])
        .stdin(share)
        .by(builder)
        .run(cancel, &mut |_| {})?;
    if finished.succeeded() {
        return Ok(());
    }
    Err(Error::Tool {
        phase: Phase::ByteCode,
        task: "compile byte code",
        tool: "python",
        ended: finished.ended,
        output: finished.told(),
    })
}

/// Links what was compiled to where Python looks for it.
fn link(from: &Path, package: &Package, site: &Path, tag: &str) -> Result<(), FileError> {
    let mut made = BTreeSet::new();
    for path in &package.files {
        let code = cached(path, tag);
        let (source, target) = (from.join(&code), site.join(&code));
        if !source.is_file() || target.exists() {
            continue;
        }
        let folder = target.parent().unwrap_or(site);
        if made.insert(folder.to_owned()) {
            file::create_folder(folder)?;
        }
        // A file may only have so many names (65,000 on ext4): then a copy.
        if std::fs::hard_link(&source, &target).is_err() {
            file::copy(&source, &target)?;
        }
    }
    Ok(())
}

/// `flask/app.py` is cached as `flask/__pycache__/app.cpython-312.pyc` (PEP 3147).
fn cached(path: &Path, tag: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let folder = path.parent().unwrap_or(Path::new(""));
    folder.join("__pycache__").join(format!("{stem}.{tag}.pyc"))
}

/// The packages that stand in `site`, by their `RECORD` files.
fn packages(site: &Path, tag: &str, owner: Option<&str>) -> Result<Vec<Package>, FileError> {
    let mut packages = Vec::new();
    for entry in file::entries(site)? {
        let record = entry.path().join("RECORD");
        if entry.file_name().to_string_lossy().ends_with(".dist-info") && record.is_file() {
            packages.push(Package::read(&file::read_text(&record)?, site, tag, owner)?);
        }
    }
    Ok(packages)
}

impl Package {
    fn read(record: &str, site: &Path, tag: &str, owner: Option<&str>) -> Result<Self, FileError> {
        let mut hasher = Hasher::new();
        hasher.field("byte code 1").field(tag);
        if let Some(owner) = owner {
            hasher.field("of").field(owner);
        }
        let mut files = Vec::new();
        for (path, hash) in record.lines().filter_map(record_line) {
            let file = site.join(path);
            hasher.field(path);
            if hash.is_empty() {
                hasher.field(file::read(&file)?);
            } else {
                hasher.field(hash);
            }
            files.push(PathBuf::from(path));
        }
        Ok(Self {
            files,
            address: hasher.finish(),
        })
    }
}

/// Path and hash of a Python file; nothing for other files, and for files outside of the folder.
fn record_line(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.rsplitn(3, ',');
    let (_size, hash, path) = (fields.next()?, fields.next()?, fields.next()?);
    let is_python = Path::new(path)
        .extension()
        .is_some_and(|ending| ending == "py");
    let inside = !path.starts_with(['/', '"']) && !path.split('/').any(|part| part == "..");
    (is_python && inside).then_some((path, hash))
}

/// Gives the project's own files their byte code. What `previous` compiled from the same content
/// is taken over.
pub(crate) fn compile_source(
    shop: &mut Shop<'_>,
    program: &Path,
    source: &Path,
    previous: Option<&Path>,
    python: &Interpreter,
) -> Result<(), Error> {
    let mut files = Vec::new();
    python_files(source, Path::new(""), &mut files)?;
    let mut jobs: Vec<Job> = Vec::new();
    for path in files {
        let code = cached(&path, &python.about.cache_tag);
        if !previous.is_some_and(|previous| take_over(previous, source, &path, &code)) {
            let name = path.display().to_string();
            jobs.push((source.join(&path), source.join(code), name));
        }
    }
    if jobs.is_empty() {
        return Ok(());
    }
    run(shop, program, jobs, "checked", &[source.to_owned()])
}

/// Python files below `folder` whose names can be told to Python as text.
fn python_files(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), FileError> {
    for entry in file::entries(&root.join(folder))? {
        let path = folder.join(entry.file_name());
        let kind = entry.file_type().with_path("look at", &entry.path())?;
        let is_python = path.extension().is_some_and(|ending| ending == "py");
        if kind.is_dir() {
            python_files(root, &path, files)?;
        } else if kind.is_file() && is_python && path.to_str().is_some() {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether the previous release had the same file and its code is here now.
fn take_over(previous: &Path, source: &Path, path: &Path, code: &Path) -> bool {
    let (old, new) = (previous.join(path), source.join(path));
    let size = |path: &Path| path.metadata().ok().map(|metadata| metadata.len());
    let same = size(&old) == size(&new)
        && matches!((file::read(&old), file::read(&new)), (Ok(old), Ok(new)) if old == new);
    let target = source.join(code);
    same && previous.join(code).is_file()
        && target
            .parent()
            .is_some_and(|folder| file::create_folder(folder).is_ok())
        && std::fs::hard_link(previous.join(code), &target).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_name_python_files_with_their_hashes() {
        assert_eq!(
            record_line("flask/app.py,sha256=abc,123"),
            Some(("flask/app.py", "sha256=abc"))
        );
        assert_eq!(record_line("a,b.py,,"), Some(("a,b.py", "")));
        for other in [
            "flask/py.typed,sha256=abc,0",
            "../../bin/flask.py,sha256=abc,1",
            "/etc/x.py,sha256=abc,1",
            "",
        ] {
            assert_eq!(record_line(other), None, "{other}");
        }
    }

    #[test]
    fn code_is_named_as_python_looks_for_it() {
        let code = cached(Path::new("a/b.py"), "cpython-312");
        assert_eq!(code, Path::new("a/__pycache__/b.cpython-312.pyc"));
    }
}
