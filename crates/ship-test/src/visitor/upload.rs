use std::time::Duration;

use super::Told;
use super::line::{Line, whole};

const PIECES: usize = 25;
const PAUSE: Duration = Duration::from_millis(50);

/// A second and a bit of chunks.
pub(super) async fn ask(line: &mut Line) -> Told {
    let request = line.request("POST", "/upload", &["Transfer-Encoding: chunked"]);
    line.send(request.as_bytes()).await?;
    let mut all = Vec::new();
    for index in 0..PIECES {
        let piece = vec![b'a' + index as u8; 1000];
        let chunk = [b"3e8\r\n", &piece[..], b"\r\n"].concat();
        line.send(&chunk).await?;
        all.extend(piece);
        tokio::time::sleep(PAUSE).await;
    }
    line.send(b"0\r\n\r\n").await?;
    let (head, body) = line.answer().await?;
    whole(&head, &body, &checked(&all))
}

/// What the app says of a body that has arrived.
pub(super) fn checked(body: &[u8]) -> String {
    format!("{} {}", body.len(), crc32(body))
}

/// CRC-32 as zlib has it (RFC 1952, 8).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the catalogue of parametrised CRC algorithms.
    #[test]
    fn a_checksum_is_that_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
