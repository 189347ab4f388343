//! A blocking HTTP client with opinions: it knows a whole answer from a cut one.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// No answer of a test takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Asks once over a connection of its own.
pub fn get(port: u16, host: &str, path: &str) -> io::Result<Answer> {
    Connection::open(port)?.get(host, path)
}

/// Asks a URL such as `http://blog.localhost:8000/x`; every `*.localhost` is this machine.
pub fn get_url(url: &str) -> io::Result<Answer> {
    let (host, port, path) = parts(url).ok_or(io::ErrorKind::InvalidInput)?;
    get(port, &host, &path)
}

/// [`get_url`] with header fields of the caller's.
pub fn get_url_with(url: &str, fields: &[(&str, &str)]) -> io::Result<Answer> {
    let (host, port, path) = parts(url).ok_or(io::ErrorKind::InvalidInput)?;
    Connection::open(port)?.get_with(&host, &path, fields)
}

/// Host, port and path of a URL.
pub fn parts(url: &str) -> Option<(String, u16, String)> {
    let rest = url.trim().strip_prefix("http://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    Some((host.to_owned(), port.parse().ok()?, format!("/{path}")))
}

/// A connection that is kept for several requests.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to a port of this machine.
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| saying("not connected", &error))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Asks and reads the whole answer; one that is cut is an error.
    pub fn get(&mut self, host: &str, path: &str) -> io::Result<Answer> {
        self.get_with(host, path, &[])
    }

    /// [`get`](Self::get) with header fields of the caller's.
    pub fn get_with(
        &mut self,
        host: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let mut request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ship-test\r\n");
        for (name, value) in fields {
            request.extend([*name, ": ", *value, "\r\n"]);
        }
        request.push_str("\r\n");
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .map_err(|error| saying("request not taken", &error))?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let (status, headers) = self.head()?;
        let find = |name: &str| headers.iter().find(|(other, _)| other == name);
        let body = if find("transfer-encoding").is_some() {
            self.chunks()?
        } else if let Some((_, length)) = find("content-length") {
            let length = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            self.bytes(length)?
        } else if matches!(status, 204 | 304) {
            Vec::new()
        } else {
            let mut body = Vec::new();
            self.stream
                .read_to_end(&mut body)
                .map_err(|error| saying("body cut", &error))?;
            body
        };
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    fn head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        let line = self.line()?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok((status, headers));
            }
            let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = self.line()?;
            let digits = size.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(digits, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            body.extend(self.bytes(size)?);
            let end = self.line()?;
            if size == 0 {
                return Ok(body);
            }
            if !end.is_empty() {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    /// So many bytes of a body.
    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let whole = length as u64;
        let read = (&mut self.stream).take(whole).read_to_end(&mut bytes);
        match read {
            Ok(read) if read == length => Ok(bytes),
            Ok(read) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("body cut: {read} of {length} bytes came"),
            )),
            Err(error) => Err(saying("body cut", &error)),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        if read.map_err(|error| saying("no answer", &error))? == 0 || !line.ends_with('\n') {
            let closed = "no answer: the connection was closed";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, closed));
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// The error with what it prevented.
fn saying(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_parts() {
        let parts = parts("http://blog.localhost:8001/a?b").unwrap();
        assert_eq!(
            parts,
            ("blog.localhost".to_owned(), 8001, "/a?b".to_owned())
        );
    }
}
