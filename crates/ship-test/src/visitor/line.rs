//! A connection that speaks HTTP/1.1, and knows a whole answer from a cut one.

use std::io;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::place::Place;
use super::trouble::Trouble;
use super::{Answered, Told};

/// Bytes that are read at a time, at least.
const PIECE: usize = 16 << 10;

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// One connection of a visitor.
pub(super) struct Line {
    stream: Box<dyn Stream>,
    /// What has come and was not read.
    held: Vec<u8>,
    host: String,
    pub(super) opened: Instant,
}

/// The head of an answer.
pub(super) struct Head {
    pub(super) status: u16,
    fields: Vec<(String, String)>,
}

impl Head {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The release that answered; for an answer of nobody's, an empty text.
    pub(super) fn by(&self) -> String {
        self.field("x-release").unwrap_or_default().to_owned()
    }

    fn is_last(&self) -> bool {
        self.field("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl Line {
    /// To the port of plain HTTP.
    pub(super) async fn plain(place: &Place) -> Result<Self, Trouble> {
        let opened = Instant::now();
        let stream = TcpStream::connect(place.plain_address()).await;
        let stream = stream.map_err(not_connected)?;
        stream.set_nodelay(true).map_err(not_connected)?;
        Ok(Self::over(stream, &place.local, opened))
    }

    /// To the port of TLS.
    pub(super) async fn secure(place: &Place, protocol: &[u8]) -> Result<Self, Trouble> {
        let opened = Instant::now();
        let stream = TcpStream::connect(place.secure_address()).await;
        let stream = stream.map_err(not_connected)?;
        stream.set_nodelay(true).map_err(not_connected)?;
        let shaking = place.connector(protocol).connect(place.name(), stream);
        let stream = shaking.await.map_err(not_connected)?;
        Ok(Self::over(stream, &place.domain, opened))
    }

    /// To the port of TLS, with room for `room` bytes on their way and no more.
    pub(super) async fn narrow(place: &Place, room: u32) -> Result<Self, Trouble> {
        let opened = Instant::now();
        let socket = TcpSocket::new_v4().map_err(not_connected)?;
        socket.set_recv_buffer_size(room).map_err(not_connected)?;
        let stream = socket.connect(place.secure_address()).await;
        let stream = stream.map_err(not_connected)?;
        let shaking = place.connector(b"http/1.1").connect(place.name(), stream);
        let stream = shaking.await.map_err(not_connected)?;
        Ok(Self::over(stream, &place.domain, opened))
    }

    /// Over a stream that is there.
    pub(super) fn over(stream: impl Stream + 'static, host: &str, opened: Instant) -> Self {
        Self {
            stream: Box::new(stream),
            held: Vec::new(),
            host: host.to_owned(),
            opened,
        }
    }

    /// The head of a request, with these fields besides.
    pub(super) fn request(&self, method: &str, path: &str, fields: &[&str]) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for field in fields {
            head.extend([field, "\r\n"]);
        }
        head + "\r\n"
    }

    /// Asks for a page and reads it.
    pub(super) async fn get(&mut self, path: &str) -> Told {
        let request = self.request("GET", path, &[]);
        self.send(request.as_bytes()).await?;
        let (head, body) = self.answer().await?;
        whole_page(path, &head, &body)
    }

    /// Sends bytes. Who cannot has perhaps been answered already: what comes tells.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let Err(why) = self.put(bytes).await else {
            return Ok(());
        };
        Err(match self.answer().await {
            Ok((head, body)) => refused(&head, &body)
                .unwrap_or_else(|| Trouble::Wrong(format!("answered early, then {why}"))),
            Err(_) => Trouble::Unanswered(format!("request not taken, {why}")),
        })
    }

    /// Sends bytes, whatever has come meanwhile.
    pub(super) async fn put(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let put = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        put.await.map_err(|error| Trouble::Cut(error.to_string()))
    }

    /// A whole answer.
    pub(super) async fn answer(&mut self) -> Result<(Head, Vec<u8>), Trouble> {
        let head = self.head().await?;
        let body = self.body(&head).await?;
        Ok((head, body))
    }

    pub(super) async fn head(&mut self) -> Result<Head, Trouble> {
        let end = loop {
            if let Some(at) = find(&self.held, b"\r\n\r\n") {
                break at;
            }
            let before = self.held.len();
            if let Err(why) = self.more().await {
                return Err(match before {
                    0 => Trouble::Unanswered(why),
                    _ => Trouble::Cut(format!("{why} in a head")),
                });
            }
        };
        let rest = self.held.split_off(end + 4);
        let text = std::mem::replace(&mut self.held, rest);
        parse(&String::from_utf8_lossy(&text[..end]))
    }

    async fn body(&mut self, head: &Head) -> Result<Vec<u8>, Trouble> {
        if head.field("transfer-encoding").is_some() {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk().await? {
                body.extend(chunk);
            }
            return Ok(body);
        }
        let length = head.field("content-length").and_then(|it| it.parse().ok());
        let length = length.ok_or_else(|| Trouble::Wrong("a body without length".to_owned()))?;
        self.exactly(length).await
    }

    /// The next chunk; `None` at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let at = loop {
            match find(&self.held, b"\r\n") {
                Some(at) => break at,
                None => self.more().await.map_err(Trouble::Cut)?,
            }
        };
        let line: Vec<u8> = self.held.drain(..at + 2).collect();
        let size = usize::from_str_radix(String::from_utf8_lossy(&line[..at]).as_ref(), 16);
        let size = size.map_err(|_| Trouble::Wrong("a chunk without size".to_owned()))?;
        let mut chunk = self.exactly(size + 2).await?;
        chunk.truncate(size);
        Ok((size > 0).then_some(chunk))
    }

    /// So many bytes.
    pub(super) async fn exactly(&mut self, count: usize) -> Result<Vec<u8>, Trouble> {
        while self.held.len() < count {
            let got = self.held.len();
            let more = self.more().await;
            more.map_err(|why| Trouble::Cut(format!("{why} after {got} of {count} bytes")))?;
        }
        Ok(self.held.drain(..count).collect())
    }

    /// At least one byte more.
    async fn more(&mut self) -> Result<(), String> {
        self.held.reserve(PIECE);
        match self.stream.read_buf(&mut self.held).await {
            Ok(0) => Err("the connection was closed".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn not_connected(error: io::Error) -> Trouble {
    Trouble::NotConnected(error.to_string())
}

/// What an answer of 500 and more is, or any other than 200.
fn refused(head: &Head, body: &[u8]) -> Option<Trouble> {
    let text = String::from_utf8_lossy(body).into_owned();
    match head.status {
        200 => None,
        500.. => Some(Trouble::Refused(head.status, text)),
        other => Some(Trouble::Wrong(format!("{other}: {text:.200}"))),
    }
}

/// An answer whose body is `wanted`, with the release behind it.
pub(super) fn whole(head: &Head, body: &[u8], wanted: &str) -> Told {
    if let Some(trouble) = refused(head, body) {
        return Err(trouble);
    }
    let expected = format!("{wanted} {}\n", head.by());
    if body == expected.as_bytes() {
        Ok(answered(head))
    } else {
        let text = String::from_utf8_lossy(body);
        Err(Trouble::Wrong(format!("{text:.200?} for {expected:?}")))
    }
}

pub(super) fn whole_page(path: &str, head: &Head, body: &[u8]) -> Told {
    whole(head, body, path)
}

/// The same of a body that was looked at elsewhere.
pub(super) fn answered(head: &Head) -> Answered {
    Answered {
        by: head.by(),
        last: head.is_last(),
    }
}

/// The trouble of a head that is none of an answer as it was wanted.
pub(super) fn well(head: &Head) -> Result<(), Trouble> {
    refused(head, b"").map_or(Ok(()), Err)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn parse(text: &str) -> Result<Head, Trouble> {
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| Trouble::Wrong(format!("no head: {text:.100}")))?;
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Ok(Head {
        status,
        fields: fields.collect(),
    })
}
