//! The target of this folder; see [`crate::fuzz`].

use std::io;

use bytes::BytesMut;
use hyper::{HeaderMap, Method, StatusCode};

use super::answer;
use super::content::Next;

/// An answer that came whole.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: StatusCode,
    fields: HeaderMap,
    content: Vec<u8>,
    trailers: Option<HeaderMap>,
    /// Bytes that were taken.
    taken: usize,
    stays: bool,
}

/// The first byte is how many come at once, and whether the request was a HEAD: an answer is the same
/// however it is cut, and what follows it changes nothing but what an app says until its end.
pub(crate) fn answers(bytes: &[u8]) {
    let Some((first, stream)) = bytes.split_first() else {
        return;
    };
    let method = match first & 1 {
        0 => Method::GET,
        _ => Method::HEAD,
    };
    let step = usize::from(first >> 1).max(1);
    let whole = read(stream, &method, stream.len().max(1)).ok();
    let pieces = read(stream, &method, step).ok();
    assert_eq!(pieces, whole);
    let Some(answer) = whole else {
        return;
    };
    assert!(answer.content.len() <= answer.taken && answer.taken <= stream.len());
    if answer.stays {
        let alone = read(&stream[..answer.taken], &method, stream.len());
        assert_eq!(alone.ok(), Some(answer));
    }
}

/// Reads one that comes in pieces of this length, and then the end.
fn read(stream: &[u8], method: &Method, step: usize) -> io::Result<Answer> {
    let mut pieces = stream.chunks(step);
    let mut came = BytesMut::new();
    let mut head = loop {
        if let Some(head) = answer::take(&mut came, method)? {
            break head;
        }
        let piece = pieces.next().ok_or(io::ErrorKind::UnexpectedEof)?;
        came.extend_from_slice(piece);
    };
    let mut content = head.first.to_vec();
    let trailers = loop {
        match head.content.next(&mut came)? {
            Next::Data(data) => {
                assert!(!data.is_empty());
                content.extend(data);
            }
            Next::End(trailers) => break trailers,
            Next::More(most) => {
                assert!(most > 0);
                match pieces.next() {
                    Some(piece) => came.extend_from_slice(piece),
                    None => head.content.end()?,
                }
            }
        }
    };
    let unread: usize = pieces.map(<[u8]>::len).sum();
    Ok(Answer {
        status: head.response.status(),
        fields: std::mem::take(head.response.headers_mut()),
        content,
        trailers,
        taken: stream.len() - unread - came.len(),
        stays: head.stays,
    })
}
