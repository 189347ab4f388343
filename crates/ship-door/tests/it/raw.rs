//! Bytes, for what no client library would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::door::{Stream, soon};

pub(crate) async fn dial(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Sends bytes and reads until the other side closes (or resets, which ends it as well).
pub(crate) async fn talk(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = dial(address).await;
    let _ = stream.write_all(bytes).await;
    String::from_utf8_lossy(&rest(&mut stream).await).into_owned()
}

/// Everything up to the end.
pub(crate) async fn rest(stream: &mut (impl Stream + ?Sized)) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(got @ 1..) = soon("the connection ends", stream.read(&mut piece)).await {
        all.extend(&piece[..got]);
    }
    all
}

/// Reads up to and with `end`.
pub(crate) async fn read_until(stream: &mut (impl Stream + ?Sized), end: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while !all.ends_with(end) {
        let byte = soon("more bytes", stream.read_u8()).await;
        let so_far = String::from_utf8_lossy(&all);
        all.push(byte.unwrap_or_else(|error| panic!("{error} after {so_far:?}")));
    }
    all
}

/// A request's head.
pub(crate) async fn read_head(stream: &mut (impl Stream + ?Sized)) -> String {
    String::from_utf8(read_until(stream, b"\r\n\r\n").await).unwrap()
}
