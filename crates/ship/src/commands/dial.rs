//! `ship dial`: what `ssh` runs on a server, so that a command elsewhere can talk to it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

use ship_base::fault::FaultKind;
use ship_base::name::KeyName;

use crate::cli::{self, Context};
use crate::commands::git;
use crate::error::{CommandError, Result};
use crate::pushed;

/// Join standard input and output to the server of this machine
///
/// This is what `ssh` runs for `ship deploy` and for `-r`: it is not meant to be typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  ssh root@203.0.113.7 ship dial")]
pub(crate) struct Args {
    /// As this deploy key, with no more than its rights
    ///
    /// What the forced command of a key says; see `ship key`.
    #[arg(long, value_name = "NAME")]
    key: Option<KeyName>,
}

/// Until one of the two sides ends. Where git asked for what a forced command stands in front of,
/// it is a push.
pub(crate) fn run(args: Args, context: &mut Context) -> Result<()> {
    let asked = context.world.variable("SSH_ORIGINAL_COMMAND");
    let asked = asked.and_then(|command| command.into_string().ok());
    if let (Some(key), Some(path)) = (&args.key, asked.as_deref().and_then(pushed::path_in)) {
        return git::receive_pack(path, Some(key), context);
    }
    let control = context.control()?;
    let folders = control.folders();
    let socket = match args.key {
        Some(_) => folders.key_socket(),
        None => folders.api_socket(),
    };
    cli::wait(async { control.connect().await.map(drop) })?;
    join(&socket, args.key.as_ref()).map_err(|error| {
        let message = format!("the connection to `{}` broke", socket.display());
        CommandError::new(FaultKind::Outside, message).cause(error)
    })
}

/// Threads and blocking copies: a runtime could not be ended while it reads standard input.
fn join(socket: &std::path::Path, key: Option<&KeyName>) -> io::Result<()> {
    let mut answers = UnixStream::connect(socket)?;
    if let Some(key) = key {
        // Before anything that comes from the other side.
        answers.write_all(format!("{key}\n").as_bytes())?;
    }
    let mut questions = answers.try_clone()?;
    let mut input = unbuffered(io::stdin().as_fd())?;
    let mut output = unbuffered(io::stdout().as_fd())?;
    std::thread::spawn(move || {
        let _ = carry(&mut input, &mut questions);
        // The server sees that nobody is there any more, and cancels what it did for them.
        let _ = questions.shutdown(Shutdown::Write);
    });
    match carry(&mut answers, &mut output) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Not `std::io::copy`: between a socket and a pipe that is splice(2), which holds the pipe's lock
/// while it waits for the socket. sshd at the other end of the pipe can then neither read nor close.
fn carry(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut piece = [0; 16 << 10];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&piece[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn unbuffered(descriptor: BorrowedFd<'_>) -> io::Result<File> {
    Ok(File::from(descriptor.try_clone_to_owned()?))
}
