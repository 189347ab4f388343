//! How a command ends when it does not end well.

use ship_api::client;
use ship_api::problem::Problem;
use ship_base::fault::FaultKind;
use ship_base::file::FileError;
use ship_base::hint::Hints;
use ship_base::paths::NoHome;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// It failed: here or on the server, in the same words.
    Failed(Box<Problem>),
    /// The person pressed Ctrl-C; what is true now has been said.
    Interrupted,
    /// Whoever read our output has gone, as in `ship logs | head`: nothing is left to say.
    NobodyReads,
}

/// Result of a command: its exit code.
pub(crate) type Result<T, E = CommandError> = std::result::Result<T, E>;

impl CommandError {
    /// A failure of `kind`, in our voice.
    pub(crate) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self::from(Problem::new(kind, message))
    }

    /// A failure that the person can mend.
    pub(crate) fn user(message: impl Into<String>) -> Self {
        Self::new(FaultKind::User, message)
    }

    /// An error of a library.
    pub(crate) fn of(kind: FaultKind, error: &(impl Hints + 'static)) -> Self {
        Self::from(Problem::of(kind, error))
    }

    /// With advice in addition.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        self.change(|problem| problem.hints.push(hint.into()))
    }

    /// With what the system answered.
    pub(crate) fn cause(self, cause: impl ToString) -> Self {
        self.change(|problem| problem.causes.push(cause.to_string()))
    }

    fn change(mut self, change: impl FnOnce(&mut Problem)) -> Self {
        if let Self::Failed(problem) = &mut self {
            change(problem);
        }
        self
    }
}

impl From<Problem> for CommandError {
    fn from(problem: Problem) -> Self {
        Self::Failed(Box::new(problem))
    }
}

impl From<client::Error> for CommandError {
    fn from(error: client::Error) -> Self {
        match error {
            client::Error::Refused(problem) => Self::Failed(problem),
            client::Error::Far { ref words, .. } => {
                let output = words.clone();
                let problem = Problem::of(error.fault(), &error);
                Problem { output, ..problem }.into()
            }
            error => Self::of(error.fault(), &error),
        }
    }
}

impl From<FileError> for CommandError {
    fn from(error: FileError) -> Self {
        Self::of(FaultKind::Outside, &error)
    }
}

impl From<NoHome> for CommandError {
    fn from(error: NoHome) -> Self {
        Self::user(error.to_string()).hint("`SHIP_HOME=/some/folder ship …` puts everything there")
    }
}

impl From<ship_project::Error> for CommandError {
    fn from(error: ship_project::Error) -> Self {
        Self::of(error.fault(), &error)
    }
}
