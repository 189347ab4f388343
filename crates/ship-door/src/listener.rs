//! Listening sockets: made by the parent, handed over, copied for each core.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

/// Connections that may wait to be accepted while no door lives. The kernel caps it at
/// `net.core.somaxconn` (4096 since Linux 5.4).
const BACKLOG: i32 = 4096;

/// Makes a listening socket for a door, non-blocking and closed on exec.
///
/// `SO_REUSEADDR` lets a restarted server have its port back while old connections linger in
/// TIME_WAIT; not `SO_REUSEPORT`, with which connections that wait on a socket are lost when it
/// closes, and another program of the same user could take a share of them.
pub fn bind(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        // One socket, one family: a dual-stack socket would write IPv4 clients as `::ffff:…`.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Makes a socket for HTTP/3, non-blocking and closed on exec.
///
/// Nothing is shared, as with [`bind`]: of two doors on one port, each would get the packets of the
/// other's connections.
pub fn bind_datagrams(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    // What all connections of the socket receive waits there. Less is what the kernel allows.
    let _ = sockopt::set_socket_recv_buffer_size(&socket, RECEIVE);
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

/// The kernel caps it at `net.core.rmem_max`, 208 KiB where nobody raised it: 150 full packets.
const RECEIVE: usize = 2 << 20;

/// A listening socket with its name and scheme.
#[derive(Debug)]
pub(crate) struct Listener {
    /// `http:8000`.
    pub(crate) name: String,
    /// The address it is bound to.
    pub(crate) address: SocketAddr,
    pub(crate) socket: OwnedFd,
}

impl Listener {
    /// Takes a socket that was handed over, if it is one that we can accept on.
    pub(crate) fn new(name: String, socket: OwnedFd) -> io::Result<Self> {
        let fits = if is_of_http3(&name) {
            sockopt::socket_type(&socket)? == SocketType::DGRAM
        } else {
            sockopt::socket_acceptconn(&socket)?
        };
        if !fits {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the socket does not listen",
            ));
        }
        let address = rustix::net::getsockname(&socket)?;
        let address = SocketAddr::try_from(address).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the socket is not of the internet",
            )
        })?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(Self {
            name,
            address,
            socket,
        })
    }

    /// A descriptor of its own for one core. All share one queue of connections.
    pub(crate) fn copy(&self) -> io::Result<OwnedFd> {
        self.socket.as_fd().try_clone_to_owned()
    }

    /// Whether HTTP/3 is spoken on it.
    pub(crate) fn is_of_http3(&self) -> bool {
        is_of_http3(&self.name)
    }
}

fn is_of_http3(name: &str) -> bool {
    name.split(':').next() == Some("http3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_an_error_and_not_a_share_of_it() {
        let socket = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let first = Listener::new("http".to_owned(), socket).unwrap();
        let again = bind(first.address).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_socket_that_does_not_listen_is_refused() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(Listener::new("http".to_owned(), socket.into()).is_err());
    }
}
