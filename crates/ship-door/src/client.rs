//! How the door's parent talks to it.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::Duration;

use ship_base::name::AppName;
use tokio::net::UnixStream;

use crate::error::Error;
use crate::table::{Ask, Reply, Status, Table};
use crate::wire;

/// A connection to a door's control socket; one question at a time.
///
/// ```no_run
/// # async fn example() -> Result<(), ship_door::Error> {
/// use ship_door::client::DoorClient;
/// use ship_door::table::Table;
///
/// let mut door = DoorClient::connect("/run/ship/door.sock".as_ref()).await?;
/// let socket = ship_door::bind(([127, 0, 0, 1], 8000).into()).unwrap();
/// door.listen(vec![("http:8000".to_owned(), socket)]).await?;
/// door.swap(Table::empty()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DoorClient {
    stream: UnixStream,
}

impl DoorClient {
    /// Connects to the socket of a door.
    pub async fn connect(path: &Path) -> Result<Self, Error> {
        match UnixStream::connect(path).await {
            Ok(stream) => Ok(Self { stream }),
            Err(source) => Err(Error::NotReachable {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Replaces everything the door serves. When this returns, every core uses the new table and
    /// it is on disk; requests in flight stay with the instance they have.
    pub async fn swap(&mut self, table: Table) -> Result<(), Error> {
        match self.ask("swap", &Ask::Swap { table }).await? {
            (Reply::Done, _) => Ok(()),
            _ => Err(Error::Unfitting { asked: "swap" }),
        }
    }

    /// Waits until nothing is in flight to `keys`, at most `within`; what is left then is cut.
    /// Returns how many requests and WebSockets were.
    pub async fn drain(&mut self, keys: Vec<String>, within: Duration) -> Result<u64, Error> {
        match self.ask("drain", &Ask::Drain { keys, within }).await? {
            (Reply::Drained { cut }, _) => Ok(cut),
            _ => Err(Error::Unfitting { asked: "drain" }),
        }
    }

    /// Copies of the sockets the door listens on, with their names.
    pub async fn listeners(&mut self) -> Result<Vec<(String, OwnedFd)>, Error> {
        match self.ask("listeners", &Ask::Listeners).await? {
            (Reply::Listeners { names }, sockets) if names.len() == sockets.len() => {
                Ok(names.into_iter().zip(sockets).collect())
            }
            _ => Err(Error::Unfitting { asked: "listeners" }),
        }
    }

    /// Hands listening sockets over (see [`bind`](crate::bind)); the door accepts on them from now
    /// on. A name that the door has already is left as it is. Names begin with the scheme: `http`
    /// or `https:8443`.
    pub async fn listen(&mut self, sockets: Vec<(String, OwnedFd)>) -> Result<(), Error> {
        let (names, sockets): (Vec<_>, Vec<_>) = sockets.into_iter().unzip();
        let borrowed: Vec<_> = sockets.iter().map(|socket| socket.as_fd()).collect();
        match self
            .ask_with("listen", &Ask::Listen { names }, &borrowed)
            .await?
        {
            (Reply::Done, _) => Ok(()),
            _ => Err(Error::Unfitting { asked: "listen" }),
        }
    }

    /// Forgets what is kept of an app's answers to a path (see [`Ask::Purge`]); returns how many
    /// there were.
    pub async fn purge(&mut self, app: AppName, path: String) -> Result<u64, Error> {
        match self.ask("purge", &Ask::Purge { app, path }).await? {
            (Reply::Purged { answers }, _) => Ok(answers),
            _ => Err(Error::Unfitting { asked: "purge" }),
        }
    }

    /// The door's counters.
    pub async fn status(&mut self) -> Result<Status, Error> {
        match self.ask("status", &Ask::Status).await? {
            (Reply::Status(status), _) => Ok(status),
            _ => Err(Error::Unfitting { asked: "status" }),
        }
    }

    /// Lets the door finish what is in flight, at most `within`, and end. Returns once it is done.
    pub async fn stop(&mut self, within: Duration) -> Result<(), Error> {
        match self.ask("stop", &Ask::Stop { within }).await? {
            (Reply::Done, _) => Ok(()),
            _ => Err(Error::Unfitting { asked: "stop" }),
        }
    }

    /// The same for a door whose place another has taken: no request fails by it, also none that
    /// is just being sent on a connection that was idle.
    pub async fn leave(&mut self, within: Duration) -> Result<(), Error> {
        match self.ask("leave", &Ask::Leave { within }).await? {
            (Reply::Done, _) => Ok(()),
            _ => Err(Error::Unfitting { asked: "leave" }),
        }
    }

    async fn ask(
        &mut self,
        asked: &'static str,
        ask: &Ask,
    ) -> Result<(Reply, Vec<OwnedFd>), Error> {
        self.ask_with(asked, ask, &[]).await
    }

    async fn ask_with(
        &mut self,
        asked: &'static str,
        ask: &Ask,
        sockets: &[std::os::fd::BorrowedFd<'_>],
    ) -> Result<(Reply, Vec<OwnedFd>), Error> {
        let cut_off = |source| Error::CutOff { source };
        wire::send(&self.stream, ask, sockets)
            .await
            .map_err(cut_off)?;
        match wire::receive(&self.stream).await.map_err(cut_off)? {
            Some((Reply::Failed { why }, _)) => Err(Error::Refused { why }),
            Some(answer) => Ok(answer),
            None => Err(Error::Unfitting { asked }),
        }
    }
}
