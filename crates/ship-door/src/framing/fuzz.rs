//! The targets of this folder; see [`crate::fuzz`].

use std::cell::RefCell;
use std::convert::Infallible;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;

use super::{Framing, Part, Refusal};
use crate::body::Body;
use crate::limit::Limits;
use crate::protocol;
use crate::strict::{Strict, Told};

/// The first byte is how many come at once: bytes are judged the same however they are split.
pub(crate) fn pieces(bytes: &[u8]) {
    let Some((step, stream)) = bytes.split_first() else {
        return;
    };
    let whole = verdict(stream, stream.len().max(1));
    assert_eq!(verdict(stream, usize::from(*step).max(1)), whole);
    assert!(whole.is_ok() || whole.is_err_and(|(at, _)| at < stream.len()));
}

fn verdict(stream: &[u8], step: usize) -> Result<bool, (usize, &'static str)> {
    let mut framing = Framing::new();
    let mut before = 0;
    for piece in stream.chunks(step) {
        let refused = |refusal: Refusal| (before + refusal.at, refusal.why);
        framing.follow(piece).map_err(refused)?;
        before += piece.len();
    }
    Ok(framing.part == Part::Before)
}

/// A request as this module cuts it.
#[derive(Debug)]
struct Cut {
    head: Range<usize>,
    /// Bytes of a body that says its length.
    counted: Option<u64>,
    /// The body has ended.
    whole: bool,
}

/// The same as hyper saw it.
#[derive(Debug)]
struct Seen {
    method: String,
    fields: usize,
    body: Option<Vec<u8>>,
}

/// The first two bytes are where the stream is split: hyper, behind [`Strict`], sees no request but
/// those that are cut here, with the same heads and bodies, in the same order.
pub(crate) fn connection(bytes: &[u8]) {
    let Some((at, stream)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let at = usize::from(u16::from_be_bytes(*at)).min(stream.len());
    let cuts = cut(stream);
    let seen = seen_by_hyper(stream, at);
    assert!(seen.len() <= cuts.len(), "{seen:?} and not {cuts:?}");
    for (seen, cut) in seen.iter().zip(&cuts) {
        let head = &stream[cut.head.clone()];
        let mut words = head.split(|byte| *byte == b' ');
        assert_eq!(words.next(), Some(seen.method.as_bytes()));
        let lines = head.split(|byte| *byte == b'\n').count();
        assert_eq!(seen.fields, lines - 3, "{}", head.escape_ascii());
        let Some(body) = &seen.body else {
            continue;
        };
        assert!(cut.whole, "a body that has not ended: {cut:?}");
        if let Some(length) = cut.counted {
            let end = cut.head.end + usize::try_from(length).expect("it has come");
            assert_eq!(body, &stream[cut.head.end..end]);
        }
    }
}

/// Byte by byte, up to the first that is refused.
fn cut(stream: &[u8]) -> Vec<Cut> {
    let mut framing = Framing::new();
    let mut cuts: Vec<Cut> = Vec::new();
    let mut start = 0;
    for (at, byte) in stream.iter().enumerate() {
        let before = framing.part;
        if framing.follow(&[*byte]).is_err() {
            break;
        }
        match (before, framing.part) {
            (Part::Before, Part::Line) => start = at,
            (Part::Fields, Part::Fields) => {}
            (Part::Fields, after) => cuts.push(Cut {
                head: start..at + 1,
                counted: match after {
                    Part::Counted(length) => Some(length),
                    Part::Before | Part::Tunnel => Some(0),
                    _ => None,
                },
                whole: matches!(after, Part::Before | Part::Tunnel),
            }),
            (Part::Counted(_) | Part::Trailers, Part::Before) => {
                cuts.last_mut().expect("a head before its body").whole = true;
            }
            _ => {}
        }
        if framing.is_tunnel() {
            break;
        }
    }
    cuts
}

fn seen_by_hyper(stream: &[u8], at: usize) -> Vec<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let told = Arc::new(Told::default());
    let service = service_fn(|request: Request<Incoming>| {
        let (seen, told) = (seen.clone(), told.clone());
        async move {
            let method = request.method().to_string();
            let fields = request.headers().len();
            let body = request.into_body().collect().await;
            seen.borrow_mut().push(Seen {
                method,
                fields,
                body: body.ok().map(|body| body.to_bytes().to_vec()),
            });
            let mut response = Response::new(Body::Empty);
            if told.is_tunnel() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let (first, second) = stream.split_at(at);
    let both = tokio::io::join(first.chain(second), tokio::io::sink());
    let strict = Strict::new(both, told.clone());
    let connection =
        protocol::http1(&Limits::default()).serve_connection(TokioIo::new(strict), service);
    // How it ends does not matter: with an error where something was refused.
    let _ = runtime.expect("a runtime").block_on(connection);
    drop(told);
    seen.take()
}
