//! What is started, and by which shim.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

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
    /// Cap on the memory of the program and all that it starts, in bytes.
    pub memory: Option<u64>,
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
