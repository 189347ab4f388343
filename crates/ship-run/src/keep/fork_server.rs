//! The fork server's own process: makes copies of itself, each of which becomes a keeper.

use std::io::{self, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};
use ship_sandbox::{Fork, fork};

use super::title;

/// What this process is when [`serve`] returns.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// A keeper: its spec comes from standard input, its announcement goes to standard output.
    Keeper,
    /// The fork server still, and nobody wants another keeper.
    Over,
}

/// What a keeper is given: the stream to control, and the file of its last words.
struct Request {
    stream: OwnedFd,
    errors: OwnedFd,
}

/// Answers each request at standard input with the number of a new process, or with an error's
/// number below zero, until control hangs up.
pub(super) fn serve() -> io::Result<Turn> {
    let _ = rustix::thread::set_name(c"ship-keepers");
    let _ = title::set(&["ship: keepers", "keep"]);
    let control = UnixStream::from(rustix::stdio::stdin().try_clone_to_owned()?);
    let mut keepers: Vec<(Pid, OwnedFd)> = Vec::new();
    loop {
        if wait(&control, &mut keepers)? {
            let Some(request) = receive(&control)? else {
                return Ok(Turn::Over);
            };
            let answer = match fork() {
                Ok(Fork::Child) => {
                    take_place(request)?;
                    return Ok(Turn::Keeper);
                }
                Ok(Fork::Parent(pid)) => {
                    follow(pid, &mut keepers);
                    pid
                }
                Err(error) => -error.raw_os_error().unwrap_or(Errno::NOSYS.raw_os_error()),
            };
            (&control).write_all(&answer.to_ne_bytes())?;
        }
    }
}

/// Whether control has something to say; keepers that end meanwhile leave no zombies.
fn wait(control: &UnixStream, keepers: &mut Vec<(Pid, OwnedFd)>) -> io::Result<bool> {
    let mut events: Vec<PollFd<'_>> = std::iter::once(control.as_fd())
        .chain(keepers.iter().map(|(_, pidfd)| pidfd.as_fd()))
        .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN))
        .collect();
    match poll(&mut events, None) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    let happened: Vec<bool> = events
        .iter()
        .map(|event| !event.revents().is_empty())
        .collect();
    let mut ended = happened[1..].iter();
    keepers.retain(|(pid, _)| {
        let has_ended = ended.next().is_some_and(|ended| *ended);
        if has_ended {
            let _ = waitpid(Some(*pid), WaitOptions::NOHANG);
        }
        !has_ended
    });
    Ok(happened[0])
}

fn follow(pid: i32, keepers: &mut Vec<(Pid, OwnedFd)>) {
    let Some(pid) = Pid::from_raw(pid) else {
        return;
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => keepers.push((pid, pidfd)),
        // Out of descriptors: it is waited for when this process ends, by whoever takes it over.
        Err(error) => tracing::warn!(%error, "a keeper is not followed"),
    }
}

fn receive(control: &UnixStream) -> io::Result<Option<Request>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut along = RecvAncillaryBuffer::new(&mut space);
    let mut buffers = [IoSliceMut::new(&mut byte)];
    let received = recvmsg(control, &mut buffers, &mut along, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut descriptors = along.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
        _ => Vec::new(),
    });
    let (Some(stream), Some(errors)) = (descriptors.next(), descriptors.next()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a request without its two descriptors",
        ));
    };
    Ok(Some(Request { stream, errors }))
}

/// In the copy: puts what came with the request in the place of the fork server's own. The rest
/// that was copied, control's socket and the other keepers' pidfds, closes as `serve` returns.
fn take_place(request: Request) -> io::Result<()> {
    rustix::stdio::dup2_stdin(&request.stream)?;
    rustix::stdio::dup2_stdout(&request.stream)?;
    rustix::stdio::dup2_stderr(&request.errors)?;
    Ok(())
}
