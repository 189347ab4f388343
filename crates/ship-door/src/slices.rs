//! Writing what lies apart: a head, and a body behind it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// The most that is copied into one piece.
const COPIED: usize = 1 << 10;

/// Writes slices that lie apart. A head and the small body behind it cost less to copy than the kernel
/// takes to collect them.
pub(crate) fn poll_write<S: AsyncWrite>(
    stream: Pin<&mut S>,
    context: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    if let [only] = slices {
        return stream.poll_write(context, only);
    }
    let mut copy = [0; COPIED];
    let mut length = 0;
    for slice in slices {
        let Some(room) = copy.get_mut(length..length + slice.len()) else {
            return stream.poll_write_vectored(context, slices);
        };
        room.copy_from_slice(slice);
        length += slice.len();
    }
    stream.poll_write(context, &copy[..length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    #[tokio::test]
    async fn slices_are_one_piece_to_whoever_reads() {
        let long = vec![b'x'; COPIED];
        let cases: [&[&[u8]]; 5] = [
            &[b"head"],
            &[b"head", b"body"],
            &[b"head", b"", b"body", b"tail"],
            &[&long[..COPIED - 4], b"body"],
            &[b"head", &long],
        ];
        for case in cases {
            let whole = case.concat();
            let (mut ours, mut theirs) = tokio::io::duplex(2 * COPIED);
            let slices: Vec<IoSlice<'_>> = case.iter().map(|slice| IoSlice::new(slice)).collect();
            let write =
                |context: &mut Context<'_>| poll_write(Pin::new(&mut ours), context, &slices);
            let written = std::future::poll_fn(write).await.unwrap();
            drop(ours);
            let mut read = Vec::new();
            theirs.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, whole[..written]);
            assert!(written == whole.len() || whole.len() > COPIED);
        }
    }
}
