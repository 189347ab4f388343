//! Starting a program, told from the parent's side.
//!
//! The shim is started with the program's environment, two pipes for output, and a socket as its
//! standard input. It reads its [`Order`] there and keeps a copy of the socket that closes on exec.
//! So the socket's end without a word means: the program runs.

use std::collections::BTreeMap;
use std::io::{self, PipeReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ship_base::lend::User;

use crate::cgroup::{Cgroup, Held};
use crate::error::Error;
use crate::order::{Failure, Order, Step};
use crate::spec::{Caps, Shim, Spec};

/// How long the shim may take; it needs a few milliseconds, and a folder on a sleeping disk more.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program.
#[derive(Debug)]
pub struct Program {
    /// Its process number, which is also its session and its process group. Whoever started it must
    /// wait for it.
    pub pid: i32,
    /// What it writes to its standard output.
    pub stdout: PipeReader,
    /// What it writes to its standard error.
    pub stderr: PipeReader,
    /// Whether its caps hold; `None` when none was asked for.
    pub held: Option<Held>,
    /// The control group that holds them, where there is one.
    pub cgroup: Option<Cgroup>,
}

/// Starts `spec` and returns once the program itself runs, or with the reason why it does not.
pub fn spawn(spec: &Spec, shim: &Shim) -> Result<Program, Error> {
    let program = spec.argv.first().ok_or(Error::Empty)?;
    let (held, cgroup) = Cgroup::for_caps(&spec.name, &spec.caps);
    let (mut socket, theirs) =
        socket_pair().map_err(|source| prepare(program, "make a socket", source))?;
    let (stdout, out) = io::pipe().map_err(|source| prepare(program, "make a pipe", source))?;
    let (stderr, err) = io::pipe().map_err(|source| prepare(program, "make a pipe", source))?;
    let child = command(spec, shim, theirs, [out.into(), err.into()])
        .spawn()
        .map_err(|source| prepare(program, "start the shim", source))?;
    if let Err(error) = instruct(&mut socket, spec, cgroup.as_ref()) {
        return Err(end(child, error));
    }
    Ok(Program {
        pid: child.id().cast_signed(),
        stdout,
        stderr,
        held,
        cgroup,
    })
}

/// Ends every process of a user, and returns when none of them can do anything any more. What the
/// user's processes start meanwhile is ended with them. Only root has use of it.
pub fn end_all(user: User, shim: &Shim) -> Result<(), Error> {
    const TASK: &str = "the end of a user's processes";
    let spec = Spec {
        name: String::new(),
        argv: vec![TASK.to_owned()],
        env: BTreeMap::new(),
        folder: "/".into(),
        user: Some(user),
        stdin: Vec::new(),
        caps: Caps::default(),
    };
    let (mut socket, theirs) =
        socket_pair().map_err(|source| prepare(TASK, "make a socket", source))?;
    let null = || io::pipe().map(|(_, out)| OwnedFd::from(out));
    let outputs = null().and_then(|out| Ok([out, null()?]));
    let outputs = outputs.map_err(|source| prepare(TASK, "make a pipe", source))?;
    let mut child = command(&spec, shim, theirs, outputs)
        .spawn()
        .map_err(|source| prepare(TASK, "start the shim", source))?;
    let order = Order {
        argv: Vec::new(),
        folder: spec.folder.clone(),
        user: spec.user,
        parent: std::process::id().cast_signed(),
        enter: None,
    };
    let answer = exchange(&mut socket, &order, &[]);
    let ended = child.wait();
    match answer
        .map_err(|source| prepare(TASK, "talk to the shim", source))?
        .as_slice()
    {
        [b'\n'] if ended.is_ok_and(|status| status.success()) => Ok(()),
        [b'\n', failure @ ..] | failure => Err(failed(&spec, failure)),
    }
}

fn socket_pair() -> io::Result<(UnixStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_read_timeout(Some(PATIENCE))?;
    ours.set_write_timeout(Some(PATIENCE))?;
    Ok((ours, theirs))
}

fn command(spec: &Spec, shim: &Shim, stdin: UnixStream, [stdout, stderr]: [OwnedFd; 2]) -> Command {
    let mut command = Command::new(&shim.program);
    command
        .arg0(&shim.title)
        .args(&shim.arguments)
        .env_clear()
        .envs(spec.env.iter().map(|(name, value)| (name, value.reveal())))
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(stdin)))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr));
    command
}

/// Gives the order and waits for the silence that means success.
fn instruct(socket: &mut UnixStream, spec: &Spec, cgroup: Option<&Cgroup>) -> Result<(), Error> {
    let program = &spec.argv[0];
    let order = Order {
        argv: spec.argv.clone(),
        folder: spec.folder.clone(),
        user: spec.user,
        parent: std::process::id().cast_signed(),
        enter: cgroup.map(Cgroup::entrance),
    };
    let answer = exchange(socket, &order, &spec.stdin)
        .map_err(|source| prepare(program, "talk to the shim", source))?;
    match answer.as_slice() {
        [] => Err(Error::Silent {
            program: program.clone(),
        }),
        [b'\n'] => Ok(()),
        [b'\n', failure @ ..] | failure => Err(failed(spec, failure)),
    }
}

fn exchange(socket: &mut UnixStream, order: &Order, stdin: &[u8]) -> io::Result<Vec<u8>> {
    socket.write_all(&serde_json::to_vec(order)?)?;
    socket.write_all(b"\n")?;
    socket.write_all(stdin)?;
    socket.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    Ok(answer)
}

fn failed(spec: &Spec, answer: &[u8]) -> Error {
    let program = spec.argv[0].clone();
    let Ok(Failure { step, errno }) = serde_json::from_slice(answer) else {
        return Error::Silent { program };
    };
    let source = io::Error::from_raw_os_error(errno);
    match step {
        Step::Execute => Error::Execute { program, source },
        Step::Folder => Error::Folder {
            program,
            folder: spec.folder.clone(),
            source,
        },
        Step::Prepare(step) => Error::Prepare {
            step,
            program,
            source,
        },
    }
}

fn prepare(program: &str, step: &str, source: io::Error) -> Error {
    Error::Prepare {
        step: step.to_owned(),
        program: program.to_owned(),
        source,
    }
}

/// Leaves no zombie behind a start that failed.
fn end(mut child: Child, error: Error) -> Error {
    let _ = child.kill();
    let _ = child.wait();
    error
}
