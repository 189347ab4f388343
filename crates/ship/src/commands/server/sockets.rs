//! Every socket of this machine that waits for the network (proc(5), `net/tcp`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use ship_base::file;

/// The kernel's tables, with the state of a socket that waits: listening, or unconnected.
const TABLES: [(&str, &str, &str); 4] = [
    ("tcp", "/proc/net/tcp", "0A"),
    ("tcp", "/proc/net/tcp6", "0A"),
    ("udp", "/proc/net/udp", "07"),
    ("udp", "/proc/net/udp6", "07"),
];

/// A socket that waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Waiting {
    pub(super) protocol: &'static str,
    pub(super) address: SocketAddr,
    /// By which it is known who holds it.
    pub(super) inode: u64,
}

impl Waiting {
    /// Whether it can be reached from outside of this machine.
    pub(super) fn is_open(&self) -> bool {
        let ip = self.address.ip().to_canonical();
        !ip.is_loopback()
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.protocol, self.address)
    }
}

/// All of them, by protocol and address.
pub(super) fn all() -> Vec<Waiting> {
    let mut all: Vec<Waiting> = TABLES
        .iter()
        .flat_map(|(protocol, table, state)| {
            let text = file::read_text(Path::new(table)).unwrap_or_default();
            let lines = text
                .lines()
                .filter_map(|line| waiting(protocol, line, state));
            lines.collect::<Vec<_>>()
        })
        .collect();
    all.sort();
    all
}

fn waiting(protocol: &'static str, line: &str, wanted: &str) -> Option<Waiting> {
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?.parse().ok()?;
    (state == wanted).then_some(Waiting {
        protocol,
        address: address(local)?,
        inode,
    })
}

/// `0100007F:1F90`: the address in words of the machine's own byte order, the port plain.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = (0..ip.len() / 8)
        .map(|at| {
            let word = u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok()?;
            Some(word.to_ne_bytes())
        })
        .collect::<Option<_>>()?;
    let bytes = words.concat();
    let four = <[u8; 4]>::try_from(bytes.as_slice()).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    let sixteen = || <[u8; 16]>::try_from(bytes.as_slice());
    let ip = four.or_else(|_| sixteen().map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes))));
    let ip = ip.ok()?;
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_base::socket_holders::SocketHolders;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let read = |text: &str| address(text).map(|address| address.to_string());
        assert_eq!(read("0100007F:1F90").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(read("00000000:0016").as_deref(), Some("0.0.0.0:22"));
        let loopback = "00000000000000000000000001000000:0050";
        assert_eq!(read(loopback).as_deref(), Some("[::1]:80"));
        assert_eq!(read("0100"), None);
    }

    #[test]
    fn a_socket_that_waits_is_found_with_its_holder() {
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let own = socket.local_addr().unwrap();
        let found = all().into_iter().find(|one| one.address == own).unwrap();
        assert!(!found.is_open());
        let holder = SocketHolders::look().of(found.inode).unwrap().to_owned();
        let pid = format!("(pid {})", std::process::id());
        assert!(holder.ends_with(&pid), "{holder}");
    }
}
