//! Who calls: somebody who may come to the API's own socket, or a deploy key.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use ship_api::access::Rights;
use ship_api::route::Route;
use ship_base::file;
use ship_base::name::KeyName;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::error::Error;
use crate::server::Server;

/// How long `ship dial --key` may take to say which key it is for: it does so first of all.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than the longest name.
const LONGEST: usize = 64;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A user of this machine who may everything.
    User(String),
    /// A key, which may what it was given.
    Key(KeyName),
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => f.write_str(name),
            Self::Key(name) => write!(f, "key {name}"),
        }
    }
}

impl Caller {
    /// Whoever has the other end of a connection to the API's own socket.
    pub(crate) fn of_peer(stream: &UnixStream) -> Self {
        let uid = stream.peer_cred().map(|peer| peer.uid());
        Self::User(uid.map_or_else(|_| "somebody".to_owned(), user_name))
    }

    /// The key that `ship dial --key` names in the first line of a connection to the keys' socket.
    /// Nothing that comes from the other side of ssh stands before it.
    pub(crate) async fn of_key(stream: &mut UnixStream) -> Option<Self> {
        let line = async {
            let mut line = Vec::new();
            while line.len() < LONGEST {
                match stream.read_u8().await.ok()? {
                    b'\n' => return String::from_utf8(line).ok(),
                    byte => line.push(byte),
                }
            }
            None
        };
        let line = timeout(PATIENCE, line).await.ok()??;
        line.parse().ok().map(Self::Key)
    }

    /// Fails unless the caller may ask for this. A key is looked up each time: one that was removed
    /// may nothing from then on.
    pub(crate) fn check(&self, server: &Server, route: &Route) -> Result<(), Error> {
        let Self::Key(name) = self else {
            return Ok(());
        };
        let key = server.store.key(name)?;
        let open = key.is_some_and(|key| {
            let may = key.may.iter().filter_map(|role| role.parse().ok());
            let rights = Rights {
                may: may.collect(),
                apps: key.apps,
            };
            rights.open(route)
        });
        if open {
            return Ok(());
        }
        Err(Error::Forbidden {
            key: name.clone(),
            route: route.to_string(),
        })
    }
}

/// The name of a user; the number where the machine has none for it.
fn user_name(uid: u32) -> String {
    let users = file::read_text(Path::new("/etc/passwd")).unwrap_or_default();
    let mut users = users.lines().map(|line| line.split(':'));
    let name = users.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test]
    async fn a_connection_that_names_no_key_is_nobodys() {
        for (said, key) in [
            ("ci\nGET / HTTP/1.1\r\n", Some("ci")),
            ("GET / HTTP/1.1\r\n\r\n", None),
            ("\n", None),
            ("root shell\n", None),
            ("", None),
        ] {
            let (mut theirs, mut ours) = UnixStream::pair().unwrap();
            theirs.write_all(said.as_bytes()).await.unwrap();
            drop(theirs);
            let caller = Caller::of_key(&mut ours).await;
            let expected = key.map(|key| Caller::Key(key.parse().unwrap()));
            assert_eq!(caller, expected, "{said:?}");
        }
    }

    #[test]
    fn users_are_called_by_their_names() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_000), "uid 4000000000");
    }
}
