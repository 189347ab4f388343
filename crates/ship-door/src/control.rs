//! The door's socket: questions of its parent, each answered by one reply.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use ship_base::file::{self, FileError, WithPath as _};
use ship_base::hint;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::door::Door;
use crate::error::Error;
use crate::listener::Listener;
use crate::table::{Ask, Reply};
use crate::wire;

/// How long the last replies may take to be written when the door ends.
const LAST_REPLIES: Duration = Duration::from_secs(1);

/// How often a door looks whether another has taken its place. Its parent tells it, unless that was
/// killed in the middle of it.
const LOOK: Duration = Duration::from_secs(5);

/// The listening control socket.
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    first: Option<PathBuf>,
    inode: u64,
    talks: TaskTracker,
}

impl Socket {
    /// Listens at `path`, in the place of whatever lies there: a door that was killed leaves its
    /// socket behind. Made under another name and renamed, so that there is no moment in which
    /// `path` is missing or open to others. `first` is where it lies until the parent moves it.
    pub(crate) fn bind(path: &Path, first: Option<&Path>) -> Result<Self, FileError> {
        let place = first.unwrap_or(path);
        let temporary = file::temporary_beside(place);
        let listener = UnixListener::bind(&temporary).with_path("listen on", path)?;
        file::set_mode(&temporary, 0o600)?;
        let inode = inode(&temporary).with_path("listen on", path)?;
        rustix::fs::rename(&temporary, place)
            .map_err(io::Error::from)
            .with_path("listen on", place)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            first: first.map(Path::to_owned),
            inode,
            talks: TaskTracker::new(),
        })
    }

    /// Answers until the end of the process.
    pub(crate) async fn serve(&self, door: Rc<Door>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if is_ours(&stream) => {
                    self.talks.spawn_local(talk(door.clone(), stream));
                }
                Ok(_) => warn!("another user was refused on the control socket"),
                Err(error) => {
                    warn!(%error, "cannot accept on the control socket");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Lets the last replies be written, and takes the socket away unless a newer door has put its
    /// own in the same place.
    pub(crate) async fn finish(self) {
        self.talks.close();
        let _ = tokio::time::timeout(LAST_REPLIES, self.talks.wait()).await;
        for path in self.places().filter(|path| self.lies_at(path)) {
            if let Err(error) = file::remove(path) {
                warn!(%error, "the control socket stays behind");
            }
        }
    }

    /// Returns when another door listens in this one's place, and nobody can talk to this one any
    /// more. A socket that is merely gone says nothing: the door serves, and its parent watches it.
    pub(crate) async fn replaced(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let taken = inode(&self.path).is_ok() && !self.places().any(|path| self.lies_at(path));
            if taken {
                return;
            }
        }
    }

    fn places(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.path.as_path()).chain(self.first.as_deref())
    }

    fn lies_at(&self, path: &Path) -> bool {
        inode(path).is_ok_and(|now| now == self.inode)
    }
}

fn inode(path: &Path) -> io::Result<u64> {
    Ok(rustix::fs::lstat(path)?.st_ino)
}

/// The door's own user and root, by what the kernel says of the peer (SO_PEERCRED, unix(7)).
fn is_ours(stream: &UnixStream) -> bool {
    let peer = rustix::net::sockopt::socket_peercred(stream.as_fd());
    peer.is_ok_and(|peer| peer.uid.is_root() || peer.uid == rustix::process::geteuid())
}

async fn talk(door: Rc<Door>, stream: UnixStream) {
    loop {
        let next = tokio::select! {
            next = wire::receive::<Ask>(&stream) => next,
            () = door.ended.cancelled() => return,
        };
        let told = match next {
            Ok(None) => return,
            Ok(Some((ask, sockets))) => respond(&door, &stream, ask, sockets).await,
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            debug!(%error, "a talk on the control socket broke off");
            return;
        }
    }
}

async fn respond(
    door: &Door,
    stream: &UnixStream,
    ask: Ask,
    sockets: Vec<OwnedFd>,
) -> io::Result<()> {
    let stops = matches!(ask, Ask::Stop { .. } | Ask::Leave { .. });
    let (reply, sockets) = match answer(door, ask, sockets).await {
        Ok(answer) => answer,
        Err(why) => (Reply::Failed { why }, Vec::new()),
    };
    let borrowed: Vec<_> = sockets.iter().map(std::os::fd::AsFd::as_fd).collect();
    let told = wire::send(stream, &reply, &borrowed).await;
    if stops {
        door.ended.cancel();
    }
    told
}

async fn answer(
    door: &Door,
    ask: Ask,
    sockets: Vec<OwnedFd>,
) -> Result<(Reply, Vec<OwnedFd>), String> {
    let reply = match ask {
        Ask::Listen { names } => listen(door, names, sockets).await?,
        Ask::Listeners => {
            let listeners = door.listeners().map_err(|error| error.to_string())?;
            let (names, sockets) = listeners.into_iter().unzip();
            return Ok((Reply::Listeners { names }, sockets));
        }
        Ask::Swap { table } => match door.swap(table).await {
            Ok(()) => Reply::Done,
            Err(error) => return Err(in_words(&error)),
        },
        Ask::Drain { keys, within } => Reply::Drained {
            cut: door.drain(&keys, within).await,
        },
        Ask::Purge { app, path } => Reply::Purged {
            answers: door.purge(&app, &path),
        },
        Ask::Status => Reply::Status(door.status()),
        Ask::Stop { within } => {
            door.stop(within).await;
            Reply::Done
        }
        Ask::Leave { within } => {
            door.leave(within).await;
            Reply::Done
        }
    };
    Ok((reply, Vec::new()))
}

fn in_words(error: &Error) -> String {
    hint::chain(error)
}

async fn listen(door: &Door, names: Vec<String>, sockets: Vec<OwnedFd>) -> Result<Reply, String> {
    if names.len() != sockets.len() {
        return Err(format!(
            "{} names came with {} sockets",
            names.len(),
            sockets.len()
        ));
    }
    for (name, socket) in names.into_iter().zip(sockets) {
        let refuse = |error: io::Error| format!("cannot listen as `{name}`: {error}");
        let listener = Listener::new(name.clone(), socket).map_err(refuse)?;
        door.listen(listener).await.map_err(refuse)?;
    }
    Ok(Reply::Done)
}
