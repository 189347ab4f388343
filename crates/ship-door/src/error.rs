//! What can go wrong between the door and its parent. Requests have failures of their own
//! (`stack.rs`), which become pages.

use std::io;
use std::path::PathBuf;

use ship_base::fault::FaultKind;
use ship_base::file::FileError;
use ship_base::hint::Hints;

/// The door could not do what it was asked, or could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers on the door's socket.
    #[error("cannot reach the door at `{}`", path.display())]
    NotReachable {
        /// The socket.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The connection to the door ended in the middle of a message, or carried something else.
    #[error("the talk with the door was cut off")]
    CutOff {
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The door answered that it could not.
    #[error("the door refused: {why}")]
    Refused {
        /// In the door's words.
        why: String,
    },
    /// The door answered something that does not fit the question.
    #[error("the door's answer does not fit the question `{asked}`")]
    Unfitting {
        /// The question.
        asked: &'static str,
    },
    /// The process could not set itself up.
    #[error("cannot {what}")]
    Setup {
        /// What was tried: `start a runtime`, …
        what: &'static str,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The table is not one that can be served.
    #[error("the route table cannot be used")]
    Table(#[from] TableError),
    /// The book of traffic is not one that can be gone on with.
    #[error("the book of traffic cannot be used")]
    Book(#[from] BookError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why a book of traffic cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Written by a Shipsmith that this one does not know.
    #[error("its version is {found}, this door knows {known}", known = crate::traffic::VERSION)]
    Version {
        /// What it says.
        found: u32,
    },
    /// Not JSON, or not of this shape.
    #[error("it cannot be read as JSON: {reason}")]
    Unreadable {
        /// The parser's words.
        reason: String,
    },
}

/// Why a table cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Written by a Shipsmith that this one does not know.
    #[error("its version is {found}, this door knows {known}", known = crate::table::VERSION)]
    Version {
        /// What it says.
        found: u32,
    },
    /// Not JSON, or not of this shape.
    #[error("it cannot be read as JSON: {reason}")]
    Unreadable {
        /// The parser's words.
        reason: String,
    },
    /// Two sites claim one host.
    #[error("`{host}` belongs to both `{first}` and `{second}`")]
    HostTwice {
        /// The host.
        host: String,
        /// An app.
        first: String,
        /// Another.
        second: String,
    },
    /// A host that no request can name.
    #[error("`{host}` of `{app}` is not a host name")]
    Host {
        /// The app.
        app: String,
        /// What stands there.
        host: String,
    },
    /// Two routes of a site have the same prefix (`/a` and `/a/` are the same).
    #[error("`{app}` routes `{prefix}` twice")]
    PrefixTwice {
        /// The app.
        app: String,
        /// The prefix.
        prefix: String,
    },
    /// A prefix that no path can have.
    #[error("`{prefix}` of `{app}` is not a path")]
    Prefix {
        /// The app.
        app: String,
        /// What stands there.
        prefix: String,
    },
    /// A redirect that is none.
    #[error("`{app}` redirects to `{to}` with status {status}")]
    Redirect {
        /// The app.
        app: String,
        /// Where to.
        to: String,
        /// Neither 301, 302, 307 nor 308, or the target is not a URL or path.
        status: u16,
    },
    /// A rule that cannot be followed.
    #[error("`{rule}` is no rule for `{prefix}` of `{app}`")]
    Rule {
        /// The app.
        app: String,
        /// The route.
        prefix: String,
        /// What stands there.
        rule: String,
    },
}

impl Error {
    /// Whose move it is.
    pub fn fault(&self) -> FaultKind {
        match self {
            Self::NotReachable { .. }
            | Self::CutOff { .. }
            | Self::Refused { .. }
            | Self::Setup { .. }
            | Self::Book(_)
            | Self::File(_) => FaultKind::Outside,
            Self::Table(error) => error.fault(),
            Self::Unfitting { .. } => FaultKind::Bug,
        }
    }
}

impl TableError {
    /// Two apps with one host are the user's to part; every other fault is ours, because the
    /// table is written by us and prefixes and redirects are checked when a manifest is read.
    fn fault(&self) -> FaultKind {
        match self {
            Self::HostTwice { .. } => FaultKind::User,
            _ => FaultKind::Bug,
        }
    }
}

impl Hints for Error {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotReachable { .. } | Self::CutOff { .. } => {
                vec!["`ship doctor` tells whether the door runs".to_owned()]
            }
            Self::Table(TableError::HostTwice { host, first, .. }) => vec![format!(
                "take `{host}` out of one manifest's `domains`, or stop the other app: \
                 `ship stop --app {first}`"
            )],
            Self::File(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

impl Hints for TableError {}
