//! The other side: the process that arranges its surroundings and then becomes the program.
//!
//! It is a role of the binary, so it starts as any program does, with one thread and a clean stack;
//! every step is an ordinary system call that may fail and say so.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, Signal};
use ship_base::lend::User;
use signal_hook::consts::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU,
    SIGUSR1, SIGUSR2,
};

use crate::descriptors;
use crate::order::{Failure, Order, Step};
use crate::sweep;

/// Open files: what servers need for their connections, below what some programs allocate a table
/// for (a soft limit of a million makes them slow to start). Lowered to the hard limit.
const OPEN_FILES: u64 = 16_384;

/// Among equals, the kernel ends a program before the door and the control process (proc(5),
/// `oom_score_adj`).
const OOM_SCORE: &[u8] = b"300";

/// Signals that a parent may have left ignored (`nohup`, a shell's `&`), which would reach the
/// program through exec; what is caught goes back to its default there (execve(2)).
const RESET: [i32; 12] = [
    SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGTSTP,
    SIGTTIN, SIGTTOU,
];

/// The role: reads its order, becomes the program, or says why it cannot. Returns only on failure.
pub fn main() -> ExitCode {
    let Ok(mut socket) = take_stdin() else {
        return ExitCode::from(126);
    };
    let failure = match read_order(&mut socket) {
        Ok(order) if order.argv.is_empty() => match sweep::run(&order) {
            Ok(()) => return done(&mut socket),
            Err(error) => failure(Step::Prepare("end a user's processes".to_owned()), &error),
        },
        Ok(order) => become_program(&mut socket, &order),
        Err(error) => failure(Step::Prepare("read the order".to_owned()), &error),
    };
    let _ = socket.write_all(&serde_json::to_vec(&failure).unwrap_or_default());
    ExitCode::from(127)
}

fn done(socket: &mut UnixStream) -> ExitCode {
    match socket.write_all(b"\n") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(126),
    }
}

/// Moves the socket away from standard input, to a descriptor that closes on exec, and puts
/// `/dev/null` in its place.
fn take_stdin() -> io::Result<UnixStream> {
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = open_null()?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(UnixStream::from(socket))
}

fn open_null() -> io::Result<OwnedFd> {
    use rustix::fs::{OFlags, open};
    Ok(open(
        "/dev/null",
        OFlags::RDWR | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

fn become_program(socket: &mut UnixStream, order: &Order) -> Failure {
    // Whoever owns it decides as whom the program runs: one that is not there decides nothing.
    if let Err(error) = rustix::fs::stat(&order.folder) {
        return failure(Step::Folder, &error.into());
    }
    for (name, step) in STEPS {
        if let Err(error) = step(order) {
            return failure(Step::Prepare((*name).to_owned()), &error);
        }
    }
    if let Err(error) = enter(&order.folder) {
        return failure(Step::Folder, &error);
    }
    // Says "everything is arranged": an end of the socket without it is the end of the shim.
    if let Err(error) = socket.write_all(b"\n") {
        return failure(Step::Prepare("answer".to_owned()), &error);
    }
    failure(Step::Execute, &execute(order))
}

fn read_order(socket: &mut UnixStream) -> io::Result<Order> {
    let mut text = Vec::new();
    socket.read_to_end(&mut text)?;
    let line = text.iter().position(|byte| *byte == b'\n');
    let (order, input) = text.split_at(line.unwrap_or(text.len()));
    if let Some(input) = input.get(1..).filter(|input| !input.is_empty()) {
        put_input(input)?;
    }
    Ok(serde_json::from_slice(order)?)
}

/// Standard input that nobody has to feed: a file without a name (memfd_create(2)).
fn put_input(content: &[u8]) -> io::Result<()> {
    use rustix::fs::{MemfdFlags, SeekFrom, memfd_create, seek};
    let mut file = File::from(memfd_create("input", MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    seek(&file, SeekFrom::Start(0))?;
    Ok(rustix::stdio::dup2_stdin(&file)?)
}

fn failure(step: Step, error: &io::Error) -> Failure {
    Failure {
        step,
        errno: error
            .raw_os_error()
            .unwrap_or(rustix::io::Errno::INVAL.raw_os_error()),
    }
}

/// One arrangement.
type Arrange = fn(&Order) -> io::Result<()>;

/// What is arranged, in order. Namespaces, Landlock and seccomp take their places here: after the
/// control group, before the folder is entered.
const STEPS: &[(&str, Arrange)] = &[
    ("begin a session", begin_session),
    ("enter its control group", enter_cgroup),
    ("set limits", set_limits),
    // What comes before needs root's rights; what comes after is undone by a change of user.
    ("become its user", become_user),
    ("tie it to its keeper", tie_to_parent),
    ("forbid new privileges", forbid_privileges),
    ("reset signals", reset_signals),
    ("let go of what came from outside", let_go),
];

/// A session and a process group of its own: no terminal, and signals that reach all of it.
fn begin_session(_: &Order) -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// The kernel kills the program when its parent ends in whatever way (prctl(2),
/// PR_SET_PDEATHSIG). A parent that ended before this call is noticed by its number.
fn tie_to_parent(order: &Order) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if parent == Some(order.parent) {
        Ok(())
    } else {
        Err(rustix::io::Errno::SRCH.into())
    }
}

/// No set-user-id program from here on; one would also cut the tie to the parent.
fn forbid_privileges(_: &Order) -> io::Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// Root starts programs as whom it says, or as whoever the folder belongs to that they start in: on
/// a server each app's working copy has an owner of its own. Groups first: afterwards nobody may
/// change them.
pub(crate) fn become_user(order: &Order) -> io::Result<()> {
    use rustix::process::{Gid, Uid};
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let user = match order.user {
        Some(user) => user,
        None => owner(&order.folder)?,
    };
    if user.uid == 0 {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    for output in [rustix::stdio::stdout(), rustix::stdio::stderr()] {
        // Some programs open `/dev/stdout` by its name, which asks for rights anew.
        rustix::fs::fchown(output, Some(uid), Some(gid))?;
    }
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_gid(gid)?;
    Ok(rustix::thread::set_thread_uid(uid)?)
}

fn owner(folder: &Path) -> io::Result<User> {
    let facts = rustix::fs::stat(folder)?;
    Ok(User {
        uid: facts.st_uid,
        gid: facts.st_gid,
    })
}

fn enter_cgroup(order: &Order) -> io::Result<()> {
    let Some(procs) = &order.enter else {
        return Ok(());
    };
    write(procs, b"0")
}

fn set_limits(_: &Order) -> io::Result<()> {
    let hard = rustix::process::getrlimit(Resource::Nofile).maximum;
    let soft = hard.map_or(OPEN_FILES, |hard| hard.min(OPEN_FILES));
    rustix::process::setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(soft),
            maximum: hard,
        },
    )?;
    // A core file would put secrets on the disk, and fill it.
    rustix::process::setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    // Not every container lets it be raised; the order among victims is a courtesy, not a limit.
    let _ = write(Path::new("/proc/self/oom_score_adj"), OOM_SCORE);
    Ok(())
}

/// The mask and SIGPIPE are std's doing: `exec` empties the one and resets the other.
fn reset_signals(_: &Order) -> io::Result<()> {
    for signal in RESET {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}

fn let_go(_: &Order) -> io::Result<()> {
    descriptors::close_on_exec()
}

fn enter(folder: &Path) -> io::Result<()> {
    Ok(rustix::process::chdir(folder)?)
}

/// Becomes the program; comes back only with the reason why not.
fn execute(order: &Order) -> io::Error {
    match order.argv.split_first() {
        Some((program, arguments)) => Command::new(program).args(arguments).exec(),
        None => io::ErrorKind::InvalidInput.into(),
    }
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    use rustix::fs::{OFlags, open};
    let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    File::from(file).write_all(content)
}
