//! WebSockets over HTTP/2 (RFC 8441): asked for with a CONNECT that names a protocol.
//!
//! Apps speak HTTP/1.1, so the request becomes the handshake of RFC 6455 before anything below looks
//! at it. What belongs to one connection alone (the key, and the proof that it was understood) is
//! ours on that side, and there is none on the visitor's: there 200 means yes.

use hyper::ext::Protocol;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ship_base::base64;

/// What every server mixes into the key (RFC 6455, 1.3).
const MIXED: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A handshake of ours on behalf of a visitor; travels with the request.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    /// `Sec-WebSocket-Accept` of an app that has understood it.
    proof: HeaderValue,
}

/// A protocol that is not spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OtherProtocol;

impl Handshake {
    fn new() -> (Self, HeaderValue) {
        let mut nonce = [0; 16];
        // Never fails where the kernel is newer than 3.17; a key of zeros is one as well: it only tells
        // an app from a cache that knows nothing of WebSockets.
        let _ = rustix::rand::getrandom(&mut nonce, rustix::rand::GetRandomFlags::empty());
        let key = base64::encode(&nonce);
        let proof = proof(&key);
        (Self { proof }, value(&key))
    }

    /// Whether an app's answer shows that it has read the key (RFC 6455, 4.1).
    pub(crate) fn is_understood(&self, answer: &HeaderMap) -> bool {
        answer.get(header::SEC_WEBSOCKET_ACCEPT) == Some(&self.proof)
    }
}

fn proof(key: &str) -> HeaderValue {
    let mixed = [key.as_bytes(), MIXED].concat();
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, &mixed);
    value(&base64::encode(digest.as_ref()))
}

fn value(base64: &str) -> HeaderValue {
    HeaderValue::from_str(base64).expect("Base64 is visible ASCII")
}

/// Makes the request for a WebSocket of a visitor of HTTP/2 one of HTTP/1.1; whether it was one. Any
/// other CONNECT stays what it is.
pub(crate) fn translate<B>(request: &mut Request<B>) -> Result<bool, OtherProtocol> {
    if request.version() != Version::HTTP_2 || *request.method() != Method::CONNECT {
        return Ok(false);
    }
    match request.extensions().get::<Protocol>() {
        None => return Ok(false),
        Some(protocol) if protocol.as_str() == "websocket" => {}
        Some(_) => return Err(OtherProtocol),
    }
    *request.method_mut() = Method::GET;
    let (handshake, key) = Handshake::new();
    request.extensions_mut().insert(handshake);
    let headers = request.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    Ok(true)
}

/// Makes an app's consent one of HTTP/2 (RFC 8441, 5).
pub(crate) fn consent<B>(response: &mut Response<B>) {
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.remove(header::CONNECTION);
    headers.remove(header::UPGRADE);
    headers.remove(header::SEC_WEBSOCKET_ACCEPT);
    headers.remove(header::CONTENT_LENGTH);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_rfc_6455() {
        assert_eq!(
            proof("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn no_two_keys_are_the_same_and_each_has_sixteen_bytes() {
        let (one, other) = (Handshake::new(), Handshake::new());
        assert_ne!(one.1, other.1);
        let bytes = base64::decode(one.1.to_str().unwrap()).unwrap();
        assert_eq!(bytes.len(), 16);
        let mut answer = HeaderMap::new();
        assert!(!one.0.is_understood(&answer));
        answer.insert(header::SEC_WEBSOCKET_ACCEPT, proof(one.1.to_str().unwrap()));
        assert!(one.0.is_understood(&answer));
        assert!(!other.0.is_understood(&answer));
    }
}
