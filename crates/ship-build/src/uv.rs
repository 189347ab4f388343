//! uv: found on this machine, or fetched once as its pinned wheel.
//!
//! In this order: `SHIP_UV`; `uv` on the PATH that answers and is new enough; one beside a Python that
//! a version manager installed; the one we fetched before; the wheel from the configured package
//! index. A version manager's shim is no uv: it answers in one folder and not in the next, by the
//! `.python-version` there.

mod download;
mod index;
mod wheel;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ship_base::file::{self, FileError};
use ship_base::hint::Hints;
use ship_base::paths::Folders;
use ship_base::secret::Secret;

use crate::cancel::Cancel;
use crate::error::Error;
use crate::event::{Event, Phase};
use crate::python::{installations, others_reach};
use crate::report::Report;
use crate::tool::{Finished, Tool};
pub use index::Index;

/// The uv that is fetched where none is here.
pub const PINNED: &str = wheel::VERSION;

/// The oldest uv that is used when it is found on the PATH: the first whose `uv pip sync` takes a
/// `pylock.toml` (PEP 751) without asking for an option is 0.9.
const OLDEST: (u32, u32) = (0, 9);

/// Variables by name, as the caller of a build has them.
pub(crate) type Variables = BTreeMap<String, Secret<String>>;

/// A uv that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uv {
    /// Its absolute path.
    pub path: PathBuf,
    /// `0.13.8`
    pub version: String,
}

/// uv could be neither found nor fetched.
#[derive(Debug, thiserror::Error)]
pub enum UvError {
    /// `SHIP_UV` names something that is no uv, or what was fetched does not run here.
    #[error("`{}` does not answer `--version` as uv does", path.display())]
    NotUv {
        /// The program.
        path: PathBuf,
    },
    /// No wheel is pinned for this kind of machine.
    #[error("no uv is here, and none is known for {machine}")]
    Machine {
        /// `riscv64 linux`
        machine: String,
    },
    /// Nothing names a package index.
    #[error("no uv is here, and no package index to fetch it from is configured")]
    NoIndex,
    /// The index does not answer, or not with what was asked.
    #[error("cannot fetch uv from {index}")]
    Fetch {
        /// Which index, without credentials.
        index: Index,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The index answers but does not have the wheel.
    #[error("{index} does not have `{file}`")]
    Absent {
        /// Which index, without credentials.
        index: Index,
        /// The wheel.
        file: &'static str,
    },
    /// What came is not what was pinned.
    #[error("`{file}` from {index} is not the file that was pinned: its SHA-256 is {found}")]
    Hash {
        /// Which index, without credentials.
        index: Index,
        /// The wheel.
        file: &'static str,
        /// The hash of what came.
        found: String,
    },
}

impl Hints for UvError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NotUv { .. } => {
                "`SHIP_UV` takes the path of the program: `SHIP_UV=$(command -v uv) ship up`"
            }
            Self::Machine { .. } | Self::Absent { .. } => {
                "install uv as its documentation says and put it on the PATH"
            }
            Self::NoIndex => {
                "name your package index in `UV_DEFAULT_INDEX`, or install uv or pip, which know one"
            }
            Self::Fetch { .. } => {
                "is the network there? An index of your own is named by `UV_DEFAULT_INDEX`; a uv that is already here by `SHIP_UV`"
            }
            Self::Hash { .. } => {
                "nothing of it was used; tell whoever runs that index, or name another by `UV_DEFAULT_INDEX`"
            }
        };
        vec![hint.to_owned()]
    }
}

/// The uv that a build would use, without fetching one. `tools` are the caller's variables.
pub fn find(tools: &Variables, folders: &Folders) -> Result<Option<Uv>, Error> {
    if let Some(named) = tools
        .get("SHIP_UV")
        .filter(|path| !path.reveal().is_empty())
    {
        let path = PathBuf::from(named.reveal());
        let uv = ask(&path).ok_or(UvError::NotUv { path })?;
        return Ok(Some(uv));
    }
    let on_path = on_path(tools, "uv").filter(|path| !is_shim(path));
    let installed = installations(tools, folders).map(|folder| folder.join("uv"));
    let here = on_path.chain(installed);
    // Root's own cannot be started by those who build on a server.
    let here = here.filter(|path| !folders.are_shared() || others_reach(path));
    let recent = here.filter_map(|path| ask(&path)).find(is_recent);
    Ok(recent.or_else(|| ask(&ours(folders))))
}

/// The uv of this machine, or ours, fetched if need be; progress is told to `events`.
pub fn find_or_fetch(
    tools: &Variables,
    folders: &Folders,
    cancel: &Cancel,
    events: &mut dyn FnMut(Event),
) -> Result<Uv, Error> {
    if let Some(uv) = find(tools, folders)? {
        return Ok(uv);
    }
    let mut report = Report::to(events);
    let begun = report.begin(Phase::Uv);
    let uv = fetch(tools, folders, cancel, &mut report)?;
    report.done(Phase::Uv, begun, format!("uv {}", uv.version));
    Ok(uv)
}

fn fetch(
    tools: &Variables,
    folders: &Folders,
    cancel: &Cancel,
    report: &mut Report<'_>,
) -> Result<Uv, Error> {
    let path = ours(folders);
    let content = download::wheel(tools, cancel, report)?;
    install(&wheel::program(&content)?, &path)?;
    Ok(ask(&path).ok_or(UvError::NotUv { path })?)
}

/// Where the one that we fetch stands.
fn ours(folders: &Folders) -> PathBuf {
    folders.uv().join(wheel::VERSION).join("uv")
}

fn install(program: &[u8], path: &Path) -> Result<(), FileError> {
    if let Some(folder) = path.parent() {
        file::create_folder(folder)?;
    }
    file::write_whole_with_mode(path, program, 0o755)
}

/// Files named `name` in the folders of the caller's PATH.
pub(crate) fn on_path<'a>(
    tools: &'a Variables,
    name: &'a str,
) -> impl Iterator<Item = PathBuf> + 'a {
    let path = tools.get("PATH").map(|path| path.reveal().as_str());
    std::env::split_paths(path.unwrap_or_default())
        .filter(|folder| folder.is_absolute())
        .map(move |folder| folder.join(name))
        .filter(|file| file.is_file())
}

/// Whether a program is in the folder that pyenv, asdf and mise name `shims`.
fn is_shim(program: &Path) -> bool {
    program
        .parent()
        .is_some_and(|folder| folder.ends_with("shims"))
}

/// What `--version` says: `uv 0.13.8 (…)`.
fn ask(path: &Path) -> Option<Uv> {
    let finished = path.is_file().then(|| {
        Tool::new(path, Path::new("/"))
            .arg("--version")
            .capture()
            .deadline(Duration::from_secs(10))
            .run(&Cancel::new(), &mut |_| {})
    })?;
    let finished = finished.ok().filter(Finished::succeeded)?;
    let text = String::from_utf8(finished.stdout).ok()?;
    let mut words = text.split_whitespace();
    let version = words
        .next()
        .filter(|&name| name == "uv")
        .and(words.next())?;
    Some(Uv {
        path: path.to_owned(),
        version: version.to_owned(),
    })
}

fn is_recent(uv: &Uv) -> bool {
    let mut numbers = uv.version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= OLDEST
}

impl Uv {
    /// A run of uv in `folder`, with nothing but the caller's own variables for it. What would
    /// lead it elsewhere (an active environment, a chosen Python) is left out.
    pub(crate) fn tool(&self, tools: &Variables, folder: &Path) -> Tool {
        let tool = ASTRAY
            .iter()
            .fold(Tool::new(&self.path, folder).envs(tools), |tool, name| {
                tool.without(name)
            })
            .env("NO_COLOR", "1")
            .env("UV_NO_PROGRESS", "1")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .env("UV_PREVIEW_FEATURES", "pylock");
        match Index::of_pip(tools) {
            Some(index) => tool.env("UV_DEFAULT_INDEX", index.with_credentials()),
            None => tool,
        }
    }
}

/// Variables that would make uv work on another environment, project or Python than it is told.
const ASTRAY: &[&str] = &[
    "CONDA_PREFIX",
    "PYTHONHOME",
    "PYTHONPATH",
    "UV_COMPILE_BYTECODE",
    "UV_FROZEN",
    "UV_LOCKED",
    "UV_NO_SYNC",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_WORKING_DIRECTORY",
    "VIRTUAL_ENV",
];

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests write small programs")]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn program(path: &Path, script: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn tools(pairs: &[(&str, &str)]) -> Variables {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned().into()))
            .collect()
    }

    #[test]
    fn a_shim_is_no_uv_even_where_it_answers() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        program(&at("pyenv/shims/uv"), "echo uv 0.13.8");
        let shims = at("pyenv/shims").display().to_string();
        let root = at("pyenv").display().to_string();
        let tools = tools(&[("PATH", &shims), ("PYENV_ROOT", &root)]);
        let folders = Folders::under(at("home"));
        assert_eq!(find(&tools, &folders).unwrap(), None);
        program(&at("pyenv/versions/3.12.1/bin/uv"), "echo uv 0.13.7");
        let uv = find(&tools, &folders).unwrap().unwrap();
        assert_eq!(uv.path, at("pyenv/versions/3.12.1/bin/uv"));
    }

    #[test]
    fn one_that_does_not_answer_and_an_old_uv_are_passed_over() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        program(
            &at("broken/uv"),
            "echo 'pyenv: uv: command not found' >&2; exit 127",
        );
        program(&at("old/uv"), "echo uv 0.4.30");
        program(&at("new/uv"), "echo 'uv 0.13.8 (x86_64-unknown-linux-gnu)'");
        let path = ["broken", "old", "new"].map(|name| at(name).display().to_string());
        let tools = tools(&[("PATH", &path.join(":"))]);
        let uv = find(&tools, &Folders::under(at("home"))).unwrap().unwrap();
        assert_eq!(uv.path, at("new/uv"));
        assert_eq!(uv.version, "0.13.8");
    }

    #[test]
    fn ship_uv_that_is_no_uv_is_refused_by_name() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notuv");
        program(&path, "echo hello");
        let tools = tools(&[("SHIP_UV", path.to_str().unwrap())]);
        let error = find(&tools, &Folders::under(home.path().join("home"))).unwrap_err();
        let text = format!(
            "`{}` does not answer `--version` as uv does",
            path.display()
        );
        assert_eq!(error.to_string(), text);
        assert!(error.hints()[0].contains("SHIP_UV"));
    }

    #[test]
    fn without_any_uv_none_is_found() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::under(home.path().to_owned());
        assert!(find(&Variables::new(), &folders).unwrap().is_none());
    }
}
