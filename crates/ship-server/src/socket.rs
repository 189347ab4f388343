//! The socket of the API: this user's alone, and put back where somebody took it away.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ship_base::file;
use tokio::net::{UnixListener, UnixStream};
use tracing::warn;

use crate::error::Error;

/// How often the socket is looked for: programs that clean temporary folders take it away, and
/// without it nobody could reach the apps that run.
const LOOK: Duration = Duration::from_mins(1);
/// The pause after a caller that could not be accepted: no descriptor is free, perhaps.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket that knows where it lies.
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    inode: Option<u64>,
}

impl Socket {
    /// Listens at `path`, in the place of what a killed server left there: the server lock says
    /// that nobody listens any more.
    pub(crate) fn listen(path: &Path) -> Result<Self, Error> {
        file::remove(path)?;
        let listener = bind(path).map_err(|source| Error::Socket {
            socket: path.display().to_string(),
            source,
        })?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            inode: inode(path),
        })
    }

    /// The next caller. Those of other users are sent away.
    pub(crate) async fn accept(&mut self) -> UnixStream {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = tokio::time::sleep(LOOK) => {
                    self.put_back();
                    continue;
                }
            };
            match accepted {
                Ok((stream, _)) if is_ours(&stream) => return stream,
                Ok(_) => warn!("a caller of another user was refused"),
                Err(error) => {
                    warn!(%error, "no caller could be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Listens anew where the socket has gone from its place.
    fn put_back(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            return;
        }
        match Self::listen(&self.path) {
            Ok(socket) => {
                warn!(socket = %self.path.display(), "was gone, and is there again");
                *self = socket;
            }
            Err(error) => {
                let error = ship_base::hint::chain(&error);
                warn!(error, "the socket is gone and cannot be put back");
            }
        }
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        // A server's is there, and open to what lies in it for the users of apps.
        if !folder.is_dir() {
            file::create_private_folder(folder).map_err(|error| error.source)?;
        }
    }
    let listener = UnixListener::bind(path)?;
    file::set_mode(path, 0o600).map_err(|error| error.source)?;
    Ok(listener)
}

fn inode(path: &Path) -> Option<u64> {
    Some(path.symlink_metadata().ok()?.ino())
}

/// Whether the caller is this user or root; the folder's mode says the same, this does not rely
/// on it.
fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::getuid().as_raw();
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_was_taken_away_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/api.sock");
        let mut socket = Socket::listen(&path).unwrap();
        file::remove_folder(&folder.path().join("run")).unwrap();
        let accepting = tokio::spawn(async move { socket.accept().await });
        let caller = loop {
            match UnixStream::connect(&path).await {
                Ok(caller) => break caller,
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        };
        let accepted = accepting.await.unwrap();
        assert_eq!(
            accepted.peer_cred().unwrap().uid(),
            caller.peer_cred().unwrap().uid()
        );
    }
}
