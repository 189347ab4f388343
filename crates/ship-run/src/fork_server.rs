//! Control's handle on the fork server: the process that keepers are copied from.
//!
//! A program that is executed writes its own relocations, some 700 kB of this binary; copies of one
//! process share them, and a keeper is small only so. Control itself has threads and cannot be
//! copied, so that it starts the role `ship keep` without a spec once, and asks it for keepers.

use std::fs::File;
use std::io::{self, IoSlice, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::keep::TITLE_ROOM;
use crate::keeper::PATIENCE;
use crate::process::ProcessKey;

/// Where keepers come from: started when the first is asked for, and anew when it was killed. It
/// ends when this is dropped; the keepers live on.
#[derive(Debug)]
pub struct ForkServer {
    program: PathBuf,
    process: Mutex<Option<Process>>,
}

/// A fork server that runs.
#[derive(Debug)]
struct Process {
    child: Child,
    socket: UnixStream,
}

impl ForkServer {
    /// Of the `ship` binary, or of any whose role `keep` is [`crate::keep::main`].
    pub fn new(program: &Path) -> Self {
        Self {
            program: program.to_owned(),
            process: Mutex::new(None),
        }
    }

    /// The binary that keepers run.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The number of its process, where it runs.
    pub fn pid(&self) -> Option<i32> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let process = process.as_ref()?;
        Some(process.child.id().cast_signed())
    }

    /// A keeper that waits for its spec at the other end of the stream; what it writes to its
    /// standard error goes to `errors`. Blocks for some milliseconds, [`PATIENCE`] at most.
    pub(crate) fn fork(&self, errors: &File) -> io::Result<(Option<ProcessKey>, UnixStream)> {
        let mut slot = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was killed is noticed when it is asked.
        if let Some(process) = slot.take()
            && let Ok(keeper) = process.fork(errors)
        {
            *slot = Some(process);
            return Ok(keeper);
        }
        let process = Process::start(&self.program)?;
        let keeper = process.fork(errors)?;
        *slot = Some(process);
        Ok(keeper)
    }
}

impl Process {
    fn start(program: &Path) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let child = Command::new(program)
            .arg0("ship: keepers")
            .arg("keep")
            .arg(" ".repeat(TITLE_ROOM))
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { child, socket })
    }

    fn fork(&self, errors: &File) -> io::Result<(Option<ProcessKey>, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(PATIENCE))?;
        ours.set_write_timeout(Some(PATIENCE))?;
        let descriptors = [theirs.as_fd(), errors.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut along = SendAncillaryBuffer::new(&mut space);
        along.push(SendAncillaryMessage::ScmRights(&descriptors));
        let word = [IoSlice::new(b"\n")];
        sendmsg(&self.socket, &word, &mut along, SendFlags::NOSIGNAL)?;
        drop(theirs);
        let mut answer = [0; 4];
        (&self.socket).read_exact(&mut answer)?;
        match i32::from_ne_bytes(answer) {
            pid @ 1.. => Ok((ProcessKey::of(pid), ours)),
            errno => Err(io::Error::from_raw_os_error(-errno)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It holds nothing that the end of the socket would let it put in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
