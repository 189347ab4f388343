//! What can go wrong in a build, and what to do about it.

use std::io;
use std::path::PathBuf;

use ship_base::fault::FaultKind;
use ship_base::file::FileError;
use ship_base::hint::Hints;

use crate::event::Phase;
use crate::proof::ProofFailure;
use crate::tool::Ended;
use crate::uv::UvError;

/// Why there is no release.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// The environments.
    #[error(transparent)]
    Store(#[from] ship_store::Error),
    /// A file of the project that says what is to be installed.
    #[error(transparent)]
    Project(#[from] ship_project::Error),
    /// uv could be neither found nor fetched.
    #[error(transparent)]
    Uv(#[from] UvError),
    /// Somebody asked for the end.
    #[error("the build was cancelled")]
    Cancelled,
    /// A program is missing or cannot be executed.
    #[error("cannot start `{program}`")]
    Start {
        /// Its name.
        program: String,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A program that was to run as the builder.
    #[error(transparent)]
    Sandbox(#[from] ship_sandbox::Error),
    /// No Python here fits, and none could be fetched.
    #[error("no Python fits {wanted}")]
    NoPython {
        /// What the project asks for: `` `3.14` (.python-version) ``.
        wanted: String,
        /// Why that is, and what to do, as far as it is known.
        remedy: Vec<String>,
        /// What is on this machine: `3.12.4`.
        here: Vec<String>,
        /// What uv said when it was asked to fetch one.
        output: Vec<String>,
    },
    /// A lock says something other than the list it was made from.
    #[error("`{}` does not fit `{list}`", lock.display())]
    LockStale {
        /// The lock, relative to the project.
        lock: PathBuf,
        /// `pyproject.toml`, `Pipfile`.
        list: &'static str,
        /// What brings it up to date: `uv lock`.
        command: &'static str,
        /// uv's own words.
        output: Vec<String>,
    },
    /// The index has no file of a package that the project's lock allows.
    #[error("no file of `{package}` on the index is one that `{}` names", lock.display())]
    OtherFiles {
        /// `flask 3.0.3`
        package: String,
        /// The lock or the requirements file, relative to the project.
        lock: PathBuf,
    },
    /// A tool of ours failed at its task.
    #[error("cannot {task}: `{tool}` {ended}")]
    Tool {
        /// In which phase.
        phase: Phase,
        /// `lock the packages`
        task: &'static str,
        /// `uv`
        tool: &'static str,
        /// How it ended.
        ended: Ended,
        /// Its last lines.
        output: Vec<String>,
    },
    /// A command of the author's, or `collectstatic`, failed.
    #[error("`{command}` {ended}")]
    Step {
        /// In which phase.
        phase: Phase,
        /// The command, as people write it.
        command: String,
        /// How it ended.
        ended: Ended,
        /// Its last lines.
        output: Vec<String>,
    },
    /// A front end, and nobody here who can build it.
    #[error("the front end in `{}` is built by `{program}`, which is not on this machine", folder.display())]
    NoFrontEndTool {
        /// `npm`
        program: &'static str,
        /// The folder of its `package.json`, relative to the project.
        folder: PathBuf,
        /// Where it would be built, as far as that is known.
        output: Option<PathBuf>,
    },
    /// A front end that was built without making the folder that its configuration names.
    #[error("the front end was built and made no `{}`", folder.display())]
    NothingMade {
        /// The folder, relative to the project.
        folder: PathBuf,
    },
    /// The application cannot be imported, or is none.
    #[error(transparent)]
    Proof(#[from] Box<ProofFailure>),
    /// A symbolic link that leaves the project.
    #[error("`{}` is a link to `{}`, outside of the project", link.display(), target.display())]
    LinkOutside {
        /// The link, relative to the project.
        link: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// A package that lies outside of the project.
    #[error("the package `{name}` lies outside of the project: `{}`", path.display())]
    PackageOutside {
        /// Its name.
        name: String,
        /// Where it lies.
        path: PathBuf,
    },
    /// A file of another program that we read does not have the form we know.
    #[error("cannot understand {what}")]
    Unreadable {
        /// `what uv exported`, `the facts of release …`
        what: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Whose move it is.
    pub fn fault(&self) -> FaultKind {
        match self {
            Self::File(_) | Self::Uv(_) | Self::Start { .. } | Self::Tool { .. } => {
                FaultKind::Outside
            }
            Self::Sandbox(error) => error.fault(),
            Self::Store(error) => error.fault(),
            Self::Project(error) => error.fault(),
            Self::Unreadable { .. } => FaultKind::Bug,
            _ => FaultKind::User,
        }
    }

    /// The last lines of the program that failed, oldest first.
    pub fn output(&self) -> Vec<String> {
        match self {
            Self::NoPython { output, .. }
            | Self::LockStale { output, .. }
            | Self::Tool { output, .. }
            | Self::Step { output, .. } => output.clone(),
            Self::Proof(failure) => failure.output(),
            _ => Vec::new(),
        }
    }
}

impl Hints for Error {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Sandbox(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Project(error) => error.hints(),
            Self::Uv(error) => error.hints(),
            Self::Proof(failure) => failure.hints(),
            Self::Tool { output, .. } => crate::hints::of_uv(output),
            Self::Step { phase, command, output, .. } => {
                crate::hints::of_step(*phase, command, output)
            }
            Self::NoPython { here, remedy, wanted, .. } => {
                let mut hints = remedy.clone();
                hints.extend(crate::hints::of_python(here, wanted));
                hints
            }
            Self::LockStale { command, .. } => {
                vec![format!("`{command}` brings it up to date; then try again")]
            }
            Self::OtherFiles { .. } => vec![
                "nothing was installed: the hashes are those of other files. Was it locked with another index? `UV_DEFAULT_INDEX` names one".to_owned(),
            ],
            Self::NoFrontEndTool { program, output, .. } => {
                crate::hints::of_front_end(program, output.as_deref())
            }
            Self::NothingMade { .. } => vec![
                "say how it is built, and what is served: `[build] command = […]` and `[route.\"/\"] static = \"…\"` in ship.toml".to_owned(),
            ],
            Self::Start { program, .. } => {
                vec![format!("see whether it is installed: `command -v {program}`")]
            }
            Self::LinkOutside { link, .. } => vec![format!(
                "put the file itself there, or leave the link out: `echo {} >> .shipignore`",
                link.display()
            )],
            Self::PackageOutside { .. } => vec![
                "a release holds only what is below the project's folder: move the package there, or name a published version of it".to_owned(),
            ],
            Self::Cancelled | Self::Unreadable { .. } => Vec::new(),
        }
    }
}
