//! One question to a program: does it accept, and what does it answer? Nothing here blocks.

use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with, sockopt,
};

use super::wake::Wake;
use crate::spec::{Address, Health};

/// `HTTP/1.1 200`, the shortest start of an answer that tells the status. A server of HTTP/2 says more
/// as well: a frame of settings, and that it has read ours.
const ENOUGH: usize = 12;

/// What a client of HTTP/2 says first: the preface, and settings of which all are as they are by
/// default (RFC 9113, 3.4).
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A question under way.
#[derive(Debug)]
pub(super) struct Probe {
    socket: OwnedFd,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Not yet accepted; then this is sent.
    Connecting(Vec<u8>),
    /// This much is left to send.
    Asking(Vec<u8>),
    /// This much of the answer has come.
    Hearing(Vec<u8>),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing yet.
    Pending,
    /// It accepted, and nothing more was asked.
    Accepted,
    /// HTTP/1, with this status.
    Status(u16),
    /// HTTP/2.
    Settings,
    /// It accepted and then hung up or spoke something else.
    Other,
    /// Nobody listens there.
    Nobody,
}

impl Probe {
    /// Begins; without `health` it only connects. `None` when nobody listens.
    pub(super) fn begin(address: &Address, health: Option<&Health>) -> Option<Self> {
        let socket = open(address).ok()?;
        Some(Self {
            socket,
            stage: Stage::Connecting(health.map(request).unwrap_or_default()),
        })
    }

    /// Goes on as far as it can without waiting.
    pub(super) fn advance(&mut self) -> Answer {
        loop {
            let stage = std::mem::replace(&mut self.stage, Stage::Hearing(Vec::new()));
            let (stage, answer) = match stage {
                Stage::Connecting(request) => self.connecting(request),
                Stage::Asking(rest) => self.asking(rest),
                Stage::Hearing(heard) => self.hearing(heard),
            };
            self.stage = stage;
            if let Some(answer) = answer {
                return answer;
            }
        }
    }

    fn connecting(&mut self, request: Vec<u8>) -> (Stage, Option<Answer>) {
        match connected(&self.socket) {
            Ok(true) if request.is_empty() => (Stage::Connecting(request), Some(Answer::Accepted)),
            Ok(true) => (Stage::Asking(request), None),
            Ok(false) => (Stage::Connecting(request), Some(Answer::Pending)),
            Err(_) => (Stage::Connecting(request), Some(Answer::Nobody)),
        }
    }

    fn asking(&mut self, mut rest: Vec<u8>) -> (Stage, Option<Answer>) {
        match send(&self.socket, &rest, SendFlags::NOSIGNAL) {
            Ok(sent) if sent == rest.len() => (Stage::Hearing(Vec::new()), None),
            Ok(sent) => (Stage::Asking(rest.split_off(sent)), None),
            Err(Errno::AGAIN) => (Stage::Asking(rest), Some(Answer::Pending)),
            Err(_) => (Stage::Asking(rest), Some(Answer::Other)),
        }
    }

    fn hearing(&mut self, mut heard: Vec<u8>) -> (Stage, Option<Answer>) {
        let mut bytes = [0; 512];
        match recv(&self.socket, &mut bytes, RecvFlags::empty()) {
            Ok((0, _)) => (Stage::Hearing(heard), Some(Answer::Other)),
            Ok((length, _)) => {
                heard.extend_from_slice(&bytes[..length]);
                let answer = (heard.len() >= ENOUGH).then(|| read(&heard));
                (Stage::Hearing(heard), answer)
            }
            Err(Errno::AGAIN) => (Stage::Hearing(heard), Some(Answer::Pending)),
            Err(_) => (Stage::Hearing(heard), Some(Answer::Other)),
        }
    }

    /// Reads on and forgets; `false` at the end. Hanging up on a program in the middle of its answer
    /// would put an error of our making in its log.
    pub(super) fn listen_on(&mut self) -> bool {
        let mut bytes = [0; 4096];
        for _ in 0..64 {
            match recv(&self.socket, &mut bytes, RecvFlags::empty()) {
                Ok((1.., _)) => {}
                Err(Errno::AGAIN) => return true,
                _ => return false,
            }
        }
        true
    }

    pub(super) fn wakes<'a>(&'a self, wake: &mut Wake<'a>) {
        match self.stage {
            Stage::Hearing(_) => wake.on_read(self.socket.as_fd()),
            _ => wake.on_write(self.socket.as_fd()),
        }
    }
}

fn open(address: &Address) -> Result<OwnedFd, Errno> {
    match address {
        Address::Unix(path) => open_unix(path),
        Address::Tcp(address) => open_tcp(*address),
    }
}

fn open_unix(path: &Path) -> Result<OwnedFd, Errno> {
    let socket = stream_socket(AddressFamily::UNIX)?;
    // A full queue answers EAGAIN at once (unix(7)): as good as nobody, and asked again soon.
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

fn open_tcp(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let socket = stream_socket(family)?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

fn stream_socket(family: AddressFamily) -> Result<OwnedFd, Errno> {
    socket_with(
        family,
        SocketType::STREAM,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        None,
    )
}

/// Whether the connection stands; an error when it was refused.
fn connected(socket: &OwnedFd) -> Result<bool, Errno> {
    sockopt::socket_error(socket)??;
    match rustix::net::getpeername(socket) {
        Ok(_) => Ok(true),
        Err(Errno::NOTCONN) => Ok(false),
        Err(error) => Err(error),
    }
}

/// As the door would ask for a visitor.
fn request(health: &Health) -> Vec<u8> {
    let Health::Http1 { path, host, scheme } = health else {
        return HELLO.to_vec();
    };
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: {scheme}\r\nX-Forwarded-Host: {host}\r\n\
         User-Agent: ship-health/{version}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

/// The status of `HTTP/1.1 200 …`, or settings, as what a server of HTTP/2 says first (RFC 9113, 3.4): a
/// length of a few of them, their kind, no flag, and no stream.
fn read(heard: &[u8]) -> Answer {
    let other = || match heard {
        [0, 0, length, 4, 0, 0, 0, 0, 0, ..] if length % 6 == 0 => Answer::Settings,
        _ => Answer::Other,
    };
    let digits = heard
        .strip_prefix(b"HTTP/1.")
        .and_then(|rest| rest.get(2..5));
    digits
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        .map_or_else(other, Answer::Status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_read_and_other_protocols_are_not_http() {
        assert_eq!(read(b"HTTP/1.1 204 No Content"), Answer::Status(204));
        assert_eq!(read(b"HTTP/1.0 500 "), Answer::Status(500));
        assert_eq!(read(b"SSH-2.0-OpenSSH_9"), Answer::Other);
        assert_eq!(read(b"HTTP/1.1 abc"), Answer::Other);
    }

    #[test]
    fn settings_are_told_from_all_else() {
        let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64";
        let none_and_ours_are_read = b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0";
        assert_eq!(read(settings), Answer::Settings);
        assert_eq!(read(none_and_ours_are_read), Answer::Settings);
        assert_eq!(read(b"\0\0\x08\x07\0\0\0\0\0\0\0\0"), Answer::Other);
    }
}
