//! The role `ship keep`: the fork server, and a keeper's own process from its spec to its first
//! breath. The life after that is in `keep/life.rs`.

mod backoff;
mod desk;
mod fork_server;
mod ladder;
mod life;
mod listeners;
mod log;
mod output;
mod port;
mod probe;
mod readiness;
mod run;
mod signals;
mod start;
mod title;
mod wake;

use std::ffi::CString;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;

use crate::announcement::Announcement;
use crate::files::Files;
use crate::spec::Spec;
use fork_server::Turn;
use life::Life;
pub use start::shim_called;
pub(crate) use title::TITLE_ROOM;

/// The word after `keep` that makes the process the shim of `ship-sandbox`.
const SHIM: &str = "exec";

/// The role: makes a keeper for each request at its standard input, until that ends.
///
/// A keeper reads a [`Spec`] as JSON from its standard input until its end, says on its standard
/// output whether it has begun, and lives until its instance has ended for good. With `exec` as its
/// second argument the process is the shim that becomes the program.
pub fn main() -> ExitCode {
    if std::env::args_os().nth(2).is_some_and(|word| word == SHIM) {
        return ship_sandbox::shim::main();
    }
    // A session of its own: a Ctrl-C at the terminal that control was started from is not for it,
    // nor for its keepers. It fails where it is the leader of one already.
    let _ = rustix::process::setsid();
    match fork_server::serve() {
        Ok(Turn::Keeper) => keep(),
        Ok(Turn::Over) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A keeper, from here to its end.
fn keep() -> ExitCode {
    let _ = rustix::process::setsid();
    match begin() {
        Ok(life) => {
            life.live();
            ExitCode::SUCCESS
        }
        Err(refusal) => {
            let _ = announce(&refusal);
            ExitCode::FAILURE
        }
    }
}

/// Everything up to the announcement that it has begun.
fn begin() -> Result<Life, Announcement> {
    let spec = read_spec().map_err(|error| failed("cannot read its spec", &error))?;
    name_process(&spec);
    let files = Files::new(&spec.keepers, &spec.instance, spec.release);
    // One control process starts keepers, one after the other for each instance: no other can
    // begin between this look and the socket's binding.
    if UnixStream::connect(files.socket()).is_ok() {
        return Err(Announcement::Taken);
    }
    // Whatever the program forks away stays below us, wherever its parents go (prctl(2)).
    rustix::process::set_child_subreaper(Pid::from_raw(1))
        .map_err(|error| failed("cannot become a subreaper", &error.into()))?;
    let life = Life::begin(spec, files).map_err(|error| failed("cannot begin", &error))?;
    announce(&Announcement::Began).map_err(|error| failed("cannot answer", &error))?;
    Ok(life)
}

fn failed(tried: &str, error: &io::Error) -> Announcement {
    Announcement::Failed(format!("{tried}: {error}"))
}

fn read_spec() -> io::Result<Spec> {
    let mut text = Vec::new();
    io::stdin().lock().read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// What `top` shows, 15 bytes of it; `ps` and `top -c` show the whole title. Neither is needed.
fn name_process(spec: &Spec) {
    let name = format!("ship:{}", spec.instance);
    let name = &name[..name.len().min(15)];
    if let Ok(name) = CString::new(name) {
        let _ = rustix::thread::set_name(&name);
    }
    let (app, local, release) = (&spec.instance.app, spec.instance.local(), spec.release);
    let _ = title::set(&[&format!("ship: {app} {local} {release}"), "keep"]);
}

/// Says it once and closes standard output, so that the reader sees its end.
fn announce(announcement: &Announcement) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(&serde_json::to_vec(announcement)?)?;
    stdout.flush()?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(rustix::stdio::dup2_stdout(&null)?)
}
