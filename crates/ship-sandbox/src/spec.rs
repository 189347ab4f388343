//! What is started, and by which shim.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ship_base::lend::User;
use ship_base::secret::Secret;

/// One program, completely.
#[derive(Debug, Clone)]
pub struct Spec {
    /// A name for what the system shows of it, such as its control group: `blog.web.1.r7`.
    pub name: String,
    /// Program and arguments; a program without a slash is looked for on the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment; nothing is inherited.
    pub env: BTreeMap<String, Secret<String>>,
    /// The folder it starts in.
    pub folder: PathBuf,
    /// As whom root starts it; `None`: as whoever its folder belongs to.
    pub user: Option<User>,
    /// What it reads from its standard input; nothing where it is empty.
    pub stdin: Vec<u8>,
    /// What the program and all that it starts may take together.
    pub caps: Caps,
}

/// What a program and all that it starts may take together, where the system can hold it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Bytes of memory; what reaches them is ended.
    pub memory: Option<u64>,
    /// Processor time in thousandths of a core; what has had its share waits.
    pub cpu: Option<u32>,
    /// Processes and threads; what would be one too many cannot be started.
    pub tasks: Option<u32>,
}

impl Caps {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// How the shim is started: this binary, in the role that calls [`crate::shim::main`].
#[derive(Debug, Clone)]
pub struct Shim {
    /// The binary; `/proc/self/exe` stays right when the file is replaced by a newer one.
    pub program: PathBuf,
    /// Its name in process lists for the millisecond it lives.
    pub title: String,
    /// The arguments that choose the role.
    pub arguments: Vec<OsString>,
}
