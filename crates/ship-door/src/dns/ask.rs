//! A question and its answer: by UDP, and by TCP where that is too small.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::error::DnsError;
use super::message::{self, Answer};

/// The time for one question; the second time it is asked, a lost packet has had its chance.
const TIME: Duration = Duration::from_secs(3);
const TRIES: usize = 2;

/// The time for a whole exchange by TCP.
const TCP_TIME: Duration = Duration::from_secs(10);

/// The longest answer by UDP: more is only sent to who asks for it (RFC 1035, 2.3.4).
const LONGEST: usize = 512;

/// One that nobody can guess, for a question: who answers must have seen it.
pub(super) fn number() -> u16 {
    let mut bytes = [0; 2];
    let drawn = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    drawn.map_or(0, |_| u16::from_be_bytes(bytes))
}

/// Asks a server for records of a name.
pub(super) async fn ask(
    server: SocketAddr,
    name: &str,
    kind: u16,
    recursive: bool,
) -> Result<Answer, DnsError> {
    let id = number();
    let question = message::query(id, name, kind, recursive).ok_or_else(|| DnsError::Name {
        name: name.to_owned(),
    })?;
    let silent = |source| silent(server, source);
    let is_ours = |answer: &Answer| {
        let about = answer.about.as_ref();
        answer.id == id
            && about.is_some_and(|(it, of)| *of == kind && it.eq_ignore_ascii_case(name))
    };
    let answer = by_udp(server, &question, is_ours).await.map_err(silent)?;
    if !answer.truncated {
        return Ok(answer);
    }
    let whole = by_tcp(server, &question).await?;
    let whole = message::read(&whole).filter(is_ours);
    whole.ok_or_else(|| DnsError::Garbled {
        server: server.to_string(),
    })
}

fn silent(server: SocketAddr, source: io::Error) -> DnsError {
    DnsError::Silent {
        server: server.to_string(),
        source,
    }
}

async fn by_udp(
    server: SocketAddr,
    question: &[u8],
    is_ours: impl Fn(&Answer) -> bool,
) -> io::Result<Answer> {
    let own: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(own).await?;
    // From now on it hears of that server alone.
    socket.connect(server).await?;
    let once = async || {
        socket.send(question).await?;
        let mut bytes = [0; LONGEST];
        loop {
            let length = socket.recv(&mut bytes).await?;
            if let Some(answer) = message::read(&bytes[..length]).filter(&is_ours) {
                return Ok(answer);
            }
        }
    };
    for _ in 1..TRIES {
        if let Ok(answer) = timeout(TIME, once()).await {
            return answer;
        }
    }
    timeout(TIME, once()).await?
}

/// The whole answer, not looked at.
pub(super) async fn by_tcp(server: SocketAddr, message: &[u8]) -> Result<Vec<u8>, DnsError> {
    let exchange = async {
        let mut stream = TcpStream::connect(server).await?;
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        stream
            .write_all(&[&length.to_be_bytes(), message].concat())
            .await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; length.into()];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let answer = timeout(TCP_TIME, exchange).await;
    let answer = answer.unwrap_or_else(|late| Err(late.into()));
    answer.map_err(|source| silent(server, source))
}
