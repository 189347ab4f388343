//! An app that answers 200 to whatever reaches it whole.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::Result;

/// It listens as long as we live.
pub(super) struct Origin {
    pub(super) port: u16,
}

impl Origin {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer(stream));
            }
        });
        Ok(Self { port })
    }
}

/// One that goes away, or sends less than it says, gets no answer.
fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut requests = BufReader::new(stream);
    loop {
        let mut length = Some(0);
        loop {
            let line = line_of(&mut requests)?.to_ascii_lowercase();
            if line.is_empty() {
                return Ok(());
            }
            match line.trim_end().split_once(':') {
                Some(("content-length", digits)) => length = digits.trim().parse().ok(),
                Some(("transfer-encoding", _)) => length = None,
                _ if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        match length {
            Some(length) => {
                let mut body = (&mut requests).take(length);
                if std::io::copy(&mut body, &mut std::io::sink())? < length {
                    return Ok(());
                }
            }
            None => chunks(&mut requests)?,
        }
        requests
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
    }
}

fn chunks(requests: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    let ended = std::io::ErrorKind::UnexpectedEof;
    loop {
        let line = line_of(requests)?;
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(|_| ended)?;
        let mut chunk = requests.take(size);
        if std::io::copy(&mut chunk, &mut std::io::sink())? < size {
            return Err(ended.into());
        }
        // The end of a chunk; behind the last one, of each trailer and of them all.
        loop {
            let line = line_of(requests)?;
            if size > 0 || line.trim_end().is_empty() {
                break;
            }
        }
        if size == 0 {
            return Ok(());
        }
    }
}

/// Empty at the end alone.
fn line_of(requests: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = Vec::new();
    requests.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}
