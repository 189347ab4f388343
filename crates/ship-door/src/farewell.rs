//! The last words to who is refused for the framing of a request: hyper answers with a bare 400, and a
//! person who looks at it would like to know why.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// How hyper's answer begins to what it cannot read.
const BARE: &[u8] = b"HTTP/1.1 400 Bad Request\r\n";

/// It has three short fields, and nothing behind them.
const LONGEST: usize = 256;

/// See the module. Only asked once something was refused.
#[derive(Debug)]
pub(crate) struct Farewell {
    /// What was wrong.
    why: &'static str,
    /// What is sent in place of hyper's answer, and how much of that has left.
    instead: Option<(Vec<u8>, usize)>,
}

impl Farewell {
    pub(crate) fn new(why: &'static str) -> Self {
        Self { why, instead: None }
    }

    /// Writes what hyper writes; its refusal, which is the last of it, with a reason.
    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut stream = Pin::new(stream);
        // Answers that are due come first, perhaps in the same piece.
        let due = bare_at(bytes);
        if due > 0 || bytes.is_empty() {
            return stream.poll_write(context, &bytes[..due]);
        }
        let (instead, sent) = self
            .instead
            .get_or_insert_with(|| (with_reason(bytes, self.why), 0));
        while *sent < instead.len() {
            match ready!(stream.as_mut().poll_write(context, &instead[*sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => *sent += written,
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }
}

/// Where hyper's refusal begins; the end where there is none.
fn bare_at(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(LONGEST);
    let starts = bytes[from..].windows(BARE.len());
    let found = starts.enumerate().rfind(|(_, start)| *start == BARE);
    match found.map(|(at, _)| from + at) {
        Some(at) if is_bare(&bytes[at + BARE.len()..]) => at,
        _ => bytes.len(),
    }
}

/// Whether these are the fields of hyper's own refusal, and no app's.
fn is_bare(fields: &[u8]) -> bool {
    let Some(fields) = str::from_utf8(fields)
        .ok()
        .and_then(|text| text.strip_suffix("\r\n\r\n"))
    else {
        return false;
    };
    let mut fields = fields.split("\r\n");
    let known = |field: &str| {
        matches!(field, "connection: close" | "content-length: 0") || field.starts_with("date: ")
    };
    fields.all(known)
}

fn with_reason(bare: &[u8], why: &str) -> Vec<u8> {
    let body = format!("The request cannot be read without doubt: {why}.\n");
    let bare = String::from_utf8_lossy(bare);
    let length = format!(
        "content-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n",
        body.len()
    );
    (bare.replacen("content-length: 0\r\n", &length, 1) + &body).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    const REFUSAL: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\
                           content-length: 0\r\ndate: Tue, 01 Dec 2026 05:00:00 GMT\r\n\r\n";

    /// What a visitor gets of it, through a pipe that takes a few bytes at a time.
    async fn told(written: &str) -> String {
        let (mut ours, mut theirs) = tokio::io::duplex(7);
        let mut farewell = Farewell::new("a field is folded");
        let writing = async move {
            let mut left = written.as_bytes();
            while !left.is_empty() {
                let write =
                    |context: &mut Context<'_>| farewell.poll_write(&mut ours, context, left);
                let sent = std::future::poll_fn(write).await.unwrap();
                left = &left[sent..];
            }
        };
        let mut all = String::new();
        tokio::join!(writing, async {
            theirs.read_to_string(&mut all).await.unwrap()
        });
        all
    }

    #[tokio::test]
    async fn the_refusal_says_why_and_what_is_due_comes_first() {
        let due = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let all = told(&format!("{due}{REFUSAL}")).await;
        let rest = all.strip_prefix(due).unwrap();
        let (head, body) = rest.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            body,
            "The request cannot be read without doubt: a field is folded.\n"
        );
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())));
        assert!(!head.contains("content-length: 0"));
    }

    #[tokio::test]
    async fn an_apps_answer_is_its_own() {
        let of_app = REFUSAL.replace("date: ", "x-request-id: 1\r\ndate: ");
        assert_eq!(told(&of_app).await, of_app);
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(told(ok).await, ok);
    }
}
