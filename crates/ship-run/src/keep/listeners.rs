//! Where the processes below a keeper listen, to tell "nothing listens" from "it listens elsewhere".

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use rustix::fs::{CWD, Dir, Mode, OFlags};
use ship_base::file;

use crate::process::{self, ProcessKey, entry};

/// A listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listener {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The listening sockets of the processes below `keeper`; `None` when they cannot be looked at.
pub(super) fn below(keeper: ProcessKey) -> Option<Vec<Listener>> {
    let family = process::descendants(keeper.pid);
    let mut sockets = HashSet::new();
    let mut seen = false;
    for key in &family {
        seen |= collect_sockets(key.pid, &mut sockets).is_some();
    }
    // A program may have a network of its own one day: its table is the one that counts.
    let pid = family.first()?.pid;
    seen.then(|| {
        listening(pid)
            .into_iter()
            .filter(|(inode, _)| sockets.contains(inode))
            .map(|(_, it)| it)
            .collect()
    })
}

/// The inodes of a process's sockets, from links like `socket:[12345]` (proc(5), `fd/`).
fn collect_sockets(pid: i32, sockets: &mut HashSet<u64>) -> Option<()> {
    let folder = entry(pid, "fd");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(CWD, &folder, flags, Mode::empty()).ok()?;
    for descriptor in Dir::read_from(&folder).ok()?.flatten() {
        let Ok(target) = rustix::fs::readlinkat(&folder, descriptor.file_name(), Vec::new()) else {
            continue;
        };
        let inode = target
            .to_str()
            .ok()
            .and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']'));
        sockets.extend(inode.and_then(|inode| inode.parse::<u64>().ok()));
    }
    Some(())
}

/// Every listening socket that a process can see, with its inode.
fn listening(pid: i32) -> Vec<(u64, Listener)> {
    let read = |name| file::read(&entry(pid, name)).unwrap_or_default();
    let text = |name| String::from_utf8_lossy(&read(name)).into_owned();
    let mut found = Vec::new();
    found.extend(text("net/tcp").lines().filter_map(tcp));
    found.extend(text("net/tcp6").lines().filter_map(tcp));
    found.extend(text("net/unix").lines().filter_map(unix));
    found
}

/// `sl local_address rem_address st … inode`; state 0A is LISTEN (proc(5), `net/tcp`).
fn tcp(line: &str) -> Option<(u64, Listener)> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?.parse().ok()?;
    let (ip, port) = local.split_once(':')?;
    let address = SocketAddr::new(ip_address(ip)?, u16::from_str_radix(port, 16).ok()?);
    (state == "0A").then_some((inode, Listener::Tcp(address)))
}

/// Words of 32 bits in the byte order of the machine.
fn ip_address(hex: &str) -> Option<IpAddr> {
    let words = |at: usize| {
        u32::from_str_radix(hex.get(at..at + 8)?, 16)
            .ok()
            .map(u32::to_ne_bytes)
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(words(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (place, at) in bytes.chunks_exact_mut(4).zip([0, 8, 16, 24]) {
                place.copy_from_slice(&words(at)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// `Num RefCount Protocol Flags Type St Inode Path`; flag 0x10000 is set on those that listen.
fn unix(line: &str) -> Option<(u64, Listener)> {
    let mut fields = line.split_ascii_whitespace();
    let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
    let inode = fields.nth(2)?.parse().ok()?;
    let path = fields.next()?;
    (flags & 0x1_0000 != 0).then(|| (inode, Listener::Unix(path.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn tables_of_the_kernel_are_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1";
        assert_eq!(
            tcp(line),
            Some((4711, Listener::Tcp("127.0.0.1:8080".parse().unwrap())))
        );
        let line = "   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 12 1";
        assert_eq!(
            tcp(line),
            Some((12, Listener::Tcp("[::1]:8080".parse().unwrap())))
        );
        let line = "0000000000000000: 00000002 00000000 00010000 0001 01 2121 /run/app.sock";
        assert_eq!(
            unix(line),
            Some((2121, Listener::Unix("/run/app.sock".into())))
        );
        let connected = "   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1";
        assert_eq!(tcp(connected), None);
    }
}
