//! Why a project could not be read.

use std::path::{Path, PathBuf};

use ship_base::fault::FaultKind;
use ship_base::file::FileError;
use ship_base::hint::Hints;

use crate::excerpt::Excerpt;

/// Why a project could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the project says something that cannot be: `ship.toml`, a Procfile, `.env`, ….
    /// The file, line, column and the line itself are in `excerpt`.
    #[error("{}\n{excerpt}", plain(message))]
    Manifest {
        /// Where.
        excerpt: Box<Excerpt>,
        /// What is wrong, in our voice.
        message: String,
        /// What to do, where it is known.
        hint: Option<String>,
    },
    /// A Python file that matters does not parse.
    #[error("the Python code does not parse: {message}\n{excerpt}")]
    Syntax {
        /// Where.
        excerpt: Box<Excerpt>,
        /// What the parser expected.
        message: String,
    },
    /// A file or folder could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The path is not a folder.
    #[error("`{}` is not a folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// There is nothing in it that could be run or served.
    #[error("found nothing to run in `{}`", project.display())]
    Nothing {
        /// The project.
        project: PathBuf,
        /// What was looked at, in our voice: `12 Python files: no application object in them`.
        looked_at: Vec<String>,
    },
    /// There are several projects in it, and nothing says which one is meant.
    #[error("there are several applications in `{}`", project.display())]
    Several {
        /// The folder.
        project: PathBuf,
        /// The folders of the projects, relative to it, each with the name of its framework.
        folders: Vec<(PathBuf, String)>,
        /// An object to name in `ship.toml`, where they share what lies above them.
        object: Option<String>,
    },
    /// No name can be made of the folder's name.
    #[error("no app name can be made of the folder name `{folder}`")]
    Name {
        /// The folder's name.
        folder: String,
    },
}

/// What every function here gives.
pub type Result<T> = std::result::Result<T, Error>;

/// What a file says may move the cursor of who reads about it.
fn plain(message: &str) -> String {
    let plain = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    message.chars().map(plain).collect()
}

impl Error {
    /// Whose move it is.
    pub fn fault(&self) -> FaultKind {
        match self {
            Self::Manifest { .. } => FaultKind::Manifest,
            Self::File(_) => FaultKind::Outside,
            Self::Syntax { .. }
            | Self::NotAFolder { .. }
            | Self::Nothing { .. }
            | Self::Several { .. }
            | Self::Name { .. } => FaultKind::User,
        }
    }

    /// Line and column of the mistake, where there is one.
    pub fn excerpt(&self) -> Option<&Excerpt> {
        match self {
            Self::Manifest { excerpt, .. } | Self::Syntax { excerpt, .. } => Some(excerpt),
            _ => None,
        }
    }
}

impl Hints for Error {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Manifest { hint, .. } => hint.iter().cloned().collect(),
            Self::Syntax { excerpt, .. } => syntax_hints(&excerpt.text),
            Self::File(error) => error.hints(),
            Self::NotAFolder { .. } => vec!["name the folder that holds the project".to_owned()],
            Self::Nothing { looked_at, .. } => nothing_hints(looked_at),
            Self::Several {
                project,
                folders,
                object,
            } => several_hints(project, folders, object.as_deref()),
            Self::Name { .. } => {
                vec!["write the name into `ship.toml`: `name = \"my-app\"`".to_owned()]
            }
        }
    }
}

/// What is a statement in Python 2 and a mistake in Python 3.
fn syntax_hints(line: &str) -> Vec<String> {
    let line = line.trim_start();
    let prints = line
        .strip_prefix("print ")
        .is_some_and(|rest| !rest.trim_start().starts_with(['=', '(']));
    let is_old =
        prints || line.starts_with("exec ") || line.starts_with("raise ") && line.contains(", ");
    let told = "this is Python 2, which ended in 2020: https://docs.python.org/3/howto/pyporting.html shows the way to Python 3";
    is_old.then(|| told.to_owned()).into_iter().collect()
}

fn several_hints(
    project: &Path,
    folders: &[(PathBuf, String)],
    object: Option<&str>,
) -> Vec<String> {
    let folder = |(folder, label): &(PathBuf, String)| {
        format!("`ship up {}`: {label}", project.join(folder).display())
    };
    let object = object.map(|object| {
        format!("or with all that is here, in `ship.toml`: `[web]` with `app = \"{object}\"`")
    });
    folders.iter().map(folder).chain(object).collect()
}

fn nothing_hints(looked_at: &[String]) -> Vec<String> {
    let mut hints: Vec<String> = looked_at
        .iter()
        .map(|what| format!("looked at {what}"))
        .collect();
    hints.push(
        "say what to serve in `ship.toml`: `[web]` with `app = \"module:object\"` or `command = \"…\"`"
            .to_owned(),
    );
    hints
}
