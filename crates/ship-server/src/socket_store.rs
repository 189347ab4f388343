//! The store of the service manager (systemd's, sd_notify(3)): the door's listening sockets lie there
//! as well. Where control and door end together, they stay open, and who comes meanwhile waits in the
//! kernel's queue and is not refused.

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, sendmsg_addr, socket_with,
};
use tracing::warn;

use crate::app::lock;
use crate::port::{Listener, Scheme};

/// The store; without a service manager there is none, and nothing is kept.
#[derive(Debug, Default)]
pub struct SocketStore {
    /// Where the manager listens: a path, or a name that begins with `@`.
    manager: Option<PathBuf>,
    /// What it kept for this process and nobody has taken.
    found: Mutex<Vec<Listener>>,
    /// The names of what it keeps now.
    kept: Mutex<BTreeSet<String>>,
}

impl SocketStore {
    /// The store of `manager` (`NOTIFY_SOCKET`), with what it has given to this process by name
    /// (`LISTEN_FDNAMES`). A name that is not one of ours is somebody else's, and is left alone.
    pub fn new(manager: PathBuf, given: Vec<(String, OwnedFd)>) -> Self {
        let of_ours = |(name, socket): (String, OwnedFd)| {
            Listener::named(&name.replacen('-', ":", 1), socket)
        };
        let found: Vec<Listener> = given.into_iter().filter_map(of_ours).collect();
        Self {
            manager: Some(manager),
            kept: Mutex::new(found.iter().map(kept_as).collect()),
            found: Mutex::new(found),
        }
    }

    /// What an earlier control process left here and `is_wanted`; the rest is forgotten.
    pub(crate) fn take(&self, is_wanted: impl Fn(&Listener) -> bool) -> Vec<Listener> {
        let found = std::mem::take(&mut *lock(&self.found));
        let (wanted, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(is_wanted);
        for listener in rest {
            self.forget(&kept_as(&listener));
        }
        wanted
    }

    /// Gives up what an earlier control process left here: nobody would answer there.
    pub(crate) fn forget_all(&self) {
        self.take(|_| false);
    }

    /// Has the manager keep these, and nothing that was kept before and is not among them. What
    /// cannot be kept is warned about: everything works without.
    pub(crate) fn keep(&self, listeners: &[Listener]) {
        // The door has them, whoever it has them from.
        lock(&self.found).clear();
        let streams = || listeners.iter().filter(|it| it.scheme != Scheme::Http3);
        let names: BTreeSet<String> = streams().map(kept_as).collect();
        let before = lock(&self.kept).clone();
        for name in before.difference(&names) {
            self.forget(name);
        }
        for listener in streams().filter(|it| !before.contains(&kept_as(it))) {
            let name = kept_as(listener);
            let store = format!("FDSTORE=1\nFDNAME={name}");
            if self.tell(&store, Some(listener.socket.as_fd())) {
                lock(&self.kept).insert(name);
            }
        }
    }

    fn forget(&self, name: &str) {
        self.tell(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), None);
        lock(&self.kept).remove(name);
    }

    fn tell(&self, words: &str, socket: Option<BorrowedFd<'_>>) -> bool {
        let Some(manager) = &self.manager else {
            return false;
        };
        let told = send(manager, words, socket);
        if let Err(error) = &told {
            warn!(%error, manager = %manager.display(), "the service manager was not told: {words:?}");
        }
        told.is_ok()
    }
}

/// Names in the store are separated by colons where they are given back.
fn kept_as(listener: &Listener) -> String {
    listener.name().replace(':', "-")
}

fn send(manager: &Path, words: &str, socket: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let address = match manager.as_os_str().as_encoded_bytes() {
        [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name)?,
        _ => SocketAddrUnix::new(manager)?,
    };
    let flags = SocketFlags::CLOEXEC;
    let ours = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    let sockets: Vec<BorrowedFd<'_>> = socket.into_iter().collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut along = SendAncillaryBuffer::new(&mut space);
    if !sockets.is_empty() {
        along.push(SendAncillaryMessage::ScmRights(&sockets));
    }
    let words = [IoSlice::new(words.as_bytes())];
    sendmsg_addr(&ours, &address, &words, &mut along, SendFlags::NOSIGNAL)?;
    Ok(())
}
