//! Who speaks plain HTTP where TLS is spoken: told so in words, with the address that was meant. To
//! TLS such bytes are nonsense, and what it says to that no browser shows.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tracing::debug;

use crate::host;

/// The longest method that is known by its first bytes (RFC 9110 and WebDAV have none that is longer).
const METHOD: usize = 12;

/// What of a head is read to find its host.
const HEAD: u64 = 8 << 10;

/// What else may come until the visitor has read the answer; more has the kernel throw it away.
const REST: u64 = 64 << 10;

/// Waits for a visitor's first bytes, and gives back who may speak TLS. They are looked at where they
/// lie, so the handshake finds them.
pub(crate) async fn sort_out(stream: TcpStream, port: u16, within: Duration) -> Option<TcpStream> {
    let mut first = [0; METHOD + 1];
    let sorting = async {
        let length = stream.peek(&mut first).await.ok()?;
        if !is_plain(&first[..length]) {
            return Some(stream);
        }
        debug!("plain HTTP on a port of TLS");
        if let Err(error) = tell(stream, port).await {
            debug!(%error, "a visitor was gone");
        }
        None
    };
    tokio::time::timeout(within, sorting).await.ok().flatten()
}

/// A method and a space. TLS begins with the byte 22 (RFC 8446, 5.1).
fn is_plain(first: &[u8]) -> bool {
    let method = first.iter().position(|byte| *byte == b' ');
    method.is_some_and(|end| end > 0 && first[..end].iter().all(u8::is_ascii_uppercase))
}

async fn tell(mut stream: TcpStream, port: u16) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let left = HEAD.saturating_sub(head.len() as u64);
        if (&mut stream)
            .take(left.min(1024))
            .read_buf(&mut head)
            .await?
            == 0
        {
            break;
        }
    }
    stream.write_all(answer(&head, port).as_bytes()).await?;
    stream.shutdown().await?;
    // Closed before it has read all, a visitor may not get to see the answer.
    tokio::io::copy(&mut stream.take(REST), &mut tokio::io::sink()).await?;
    Ok(())
}

fn answer(head: &[u8], port: u16) -> String {
    let body = match address(head, port) {
        Some(address) => format!("This port speaks HTTPS: {address}\n"),
        None => "This port speaks HTTPS, and a request over plain HTTP came.\n".to_owned(),
    };
    format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Where the visitor wanted to go. The port is the one that it named: ours may be behind another.
fn address(head: &[u8], port: u16) -> Option<String> {
    let head = str::from_utf8(head).ok()?;
    let written = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    })?;
    let host = host::parse(written)?;
    Some(match host.port.unwrap_or(port) {
        443 => format!("https://{}/", host.name),
        port => format!("https://{}:{port}/", host.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_and_a_space_are_plain_and_nothing_else() {
        for plain in [
            "GET / HTTP/1.1",
            "OPTIONS * HT",
            "PROPFIND /a",
            "PRI * HTTP",
        ] {
            assert!(is_plain(plain.as_bytes()), "{plain}");
        }
        let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
        for other in [&hello[..], b"", b"G", b" ", b"get / HTTP/1.1", b"\x16 A"] {
            assert!(!is_plain(other), "{other:?}");
        }
    }

    #[test]
    fn the_address_is_the_one_that_was_meant() {
        let of = |host: &str, port| {
            address(format!("GET / HTTP/1.1\r\n{host}\r\n\r\n").as_bytes(), port)
        };
        let is =
            |address: Option<String>, wanted: &str| assert_eq!(address.as_deref(), Some(wanted));
        is(of("HOST: Blog.example", 443), "https://blog.example/");
        is(of("Host: blog.example", 8443), "https://blog.example:8443/");
        is(
            of("Host: blog.example:9443", 8443),
            "https://blog.example:9443/",
        );
        is(of("Host: [::1]:8443", 8443), "https://[::1]:8443/");
        for nowhere in ["X: y", "Host: a/b", "Host: <script>"] {
            assert_eq!(of(nowhere, 443), None, "{nowhere}");
        }
    }
}
