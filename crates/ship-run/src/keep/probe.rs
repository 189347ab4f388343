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

/// `HTTP/1.1 200`, the shortest start of an answer that tells the status.
const STATUS_LINE: usize = 12;

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
    /// HTTP, with this status.
    Status(u16),
    /// It accepted and then hung up or spoke something else.
    NotHttp,
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
            Err(_) => (Stage::Asking(rest), Some(Answer::NotHttp)),
        }
    }

    fn hearing(&mut self, mut heard: Vec<u8>) -> (Stage, Option<Answer>) {
        let mut bytes = [0; 512];
        match recv(&self.socket, &mut bytes, RecvFlags::empty()) {
            Ok((0, _)) => (Stage::Hearing(heard), Some(Answer::NotHttp)),
            Ok((length, _)) => {
                heard.extend_from_slice(&bytes[..length]);
                let answer = (heard.len() >= STATUS_LINE).then(|| status(&heard));
                (Stage::Hearing(heard), answer)
            }
            Err(Errno::AGAIN) => (Stage::Hearing(heard), Some(Answer::Pending)),
            Err(_) => (Stage::Hearing(heard), Some(Answer::NotHttp)),
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
    let Health { path, host, scheme } = health;
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: {scheme}\r\nX-Forwarded-Host: {host}\r\n\
         User-Agent: ship-health/{version}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

/// The status of `HTTP/1.1 200 …`.
fn status(heard: &[u8]) -> Answer {
    let digits = heard
        .strip_prefix(b"HTTP/1.")
        .and_then(|rest| rest.get(2..5));
    digits
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        .map_or(Answer::NotHttp, Answer::Status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_read_and_other_protocols_are_not_http() {
        assert_eq!(status(b"HTTP/1.1 204 No Content"), Answer::Status(204));
        assert_eq!(status(b"HTTP/1.0 500 "), Answer::Status(500));
        assert_eq!(status(b"SSH-2.0-OpenSSH_9"), Answer::NotHttp);
        assert_eq!(status(b"HTTP/1.1 abc"), Answer::NotHttp);
    }
}
