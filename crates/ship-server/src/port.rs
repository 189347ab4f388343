//! The ports that the door listens on: 8000, or the next free one, or the one that was asked for;
//! and for TLS 8443, or the next free one.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use ship_base::file;
use ship_base::socket_holders::SocketHolders;

use crate::error::Error;

/// How many ports it tries before it gives up.
const TRIES: u16 = 50;

/// What is spoken on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
    /// HTTP/3, over UDP, on the port of [`Scheme::Https`].
    Http3,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Http3 => "http3",
        }
    }

    /// Where the search for a free port starts.
    fn first(self) -> u16 {
        match self {
            Self::Http => 8000,
            Self::Https | Self::Http3 => 8443,
        }
    }

    /// The file in which the door's port is remembered, so that URLs stay the same.
    pub(crate) fn memory(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Self::Http => "port",
            Self::Https | Self::Http3 => "port-https",
        })
    }

    /// The port the door had last.
    pub(crate) fn remembered(self, folder: &Path) -> Option<u16> {
        file::read_text(&self.memory(folder))
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}

/// A listening socket and its port.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) scheme: Scheme,
    pub(crate) port: u16,
    pub(crate) socket: OwnedFd,
}

impl Listener {
    /// The name under which the door knows it: `http:8000`.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.scheme.name(), self.port)
    }

    /// The listener that the door knows under such a name.
    pub(crate) fn named(name: &str, socket: OwnedFd) -> Option<Self> {
        let (scheme, port) = name.split_once(':')?;
        let all = [Scheme::Http, Scheme::Https, Scheme::Http3];
        let scheme = all.into_iter().find(|known| known.name() == scheme)?;
        let port = port.parse().ok()?;
        Some(Self {
            scheme,
            port,
            socket,
        })
    }
}

/// Listens on `wanted`, which was asked for and is refused when it cannot be had.
pub(crate) fn exactly(scheme: Scheme, wanted: u16) -> Result<Listener, Error> {
    at(scheme, SocketAddr::from((Ipv4Addr::LOCALHOST, wanted)))
}

/// Listens at an address, which is refused when it cannot be had.
pub(crate) fn at(scheme: Scheme, address: SocketAddr) -> Result<Listener, Error> {
    let wanted = address.port();
    match ship_door::bind(address) {
        Ok(socket) => Ok(Listener {
            scheme,
            port: wanted,
            socket,
        }),
        Err(source) => Err(refused(wanted, source)),
    }
}

fn refused(port: u16, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::PermissionDenied => Error::PortForbidden { port, source },
        _ => Error::Port {
            port,
            holder: holder(port),
            source,
        },
    }
}

/// A socket for HTTP/3 at an address.
pub(crate) fn datagrams_at(address: SocketAddr) -> io::Result<Listener> {
    Ok(Listener {
        scheme: Scheme::Http3,
        port: address.port(),
        socket: ship_door::bind_datagrams(address)?,
    })
}

/// Listens on `first`, or the next port that is free.
pub(crate) fn next_free(scheme: Scheme, first: Option<u16>) -> Result<Listener, Error> {
    let first = first.unwrap_or_else(|| scheme.first());
    let mut last = None;
    for port in first..first.saturating_add(TRIES) {
        match exactly(scheme, port) {
            Err(error) => last = Some(error),
            listener => return listener,
        }
    }
    Err(last.unwrap_or(Error::Bug("no port was tried")))
}

/// Who listens on `port` of this machine: `python3 (pid 812)`; as far as this user may see.
pub fn holder(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| {
            let table = file::read_text(Path::new(table)).ok()?;
            table.lines().find_map(|line| listening_inode(line, port))
        })?;
    SocketHolders::look().of(inode).map(str::to_owned)
}

/// The inode in a line of `/proc/net/tcp` (proc(5)) that listens (state 0A) on `port`.
fn listening_inode(line: &str, port: u16) -> Option<u64> {
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let (_, hex) = local.rsplit_once(':')?;
    let listens = state == "0A" && u16::from_str_radix(hex, 16).ok()? == port;
    listens.then(|| fields.nth(5)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_refused_with_the_name_of_its_holder() {
        let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let Err(Error::Port {
            port: refused,
            holder: Some(holder),
            ..
        }) = exactly(Scheme::Http, port)
        else {
            panic!("the port was not refused, or its holder not found");
        };
        assert_eq!(refused, port);
        assert!(
            holder.ends_with(&format!("(pid {})", std::process::id())),
            "{holder}"
        );
    }

    #[test]
    fn a_port_that_is_roots_is_not_called_taken_and_the_remedy_is_named() {
        use ship_base::hint::Hints as _;
        let error = refused(999, io::ErrorKind::PermissionDenied.into());
        assert_eq!(error.to_string(), "port 999 is for root alone");
        let hint = error.hints().join(" ");
        assert!(!hint.contains("leave `--port` out"), "{hint}");
        assert!(hint.contains("net.ipv4.ip_unprivileged_port_start=999"));
        assert_eq!(error.fault(), ship_base::fault::FaultKind::Outside);
    }

    #[test]
    fn the_next_free_port_is_taken_where_none_was_asked_for() {
        let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let listener = next_free(Scheme::Http, Some(port)).unwrap();
        assert!(listener.port > port);
    }
}
