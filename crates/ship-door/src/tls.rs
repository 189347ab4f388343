//! TLS: one configuration for every core, and the certificate chosen anew for each handshake.
//!
//! Certificates come from three places: files of the author ([`own`]), an authority on the internet
//! ([`crate::acme`]), and on a laptop a CA of this machine alone ([`local_ca`]). In that order, by
//! the name the visitor asks for; a name that none of them covers gets no certificate, above all not
//! another app's.

mod bundle;
mod der;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod identity;
pub mod local_ca;
mod own;
mod store;
mod validity;

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::ServerSessionMemoryCache;

pub(crate) use bundle::{Bundle, BundleError};
pub(crate) use identity::Identity;
pub(crate) use own::Own;
pub(crate) use store::{Store, is_of_this_machine};
pub(crate) use validity::Validity;

/// What a visitor and we may agree to speak, the one we prefer first. The last is no protocol but a
/// question of an authority (RFC 8737).
const PROTOCOLS: [&[u8]; 3] = [b"h2", b"http/1.1", ACME];

/// The protocol of `tls-alpn-01` (RFC 8737, 4).
pub(crate) const ACME: &[u8] = b"acme-tls/1";

/// RFC 9114, 3.1.
const HTTP3: &[u8] = b"h3";

/// Sessions kept for visitors of TLS 1.2 that come again; 1.3 uses tickets, which cost us nothing.
const SESSIONS: usize = 1024;

/// rustls with ring: the one that builds without a C toolchain of its own.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// TLS 1.2 and 1.3, only with forward secrecy and authenticated encryption: rustls has no other.
/// No early data: it can be replayed.
pub(crate) fn config(store: Arc<Store>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(store);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    config.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(config))
}

/// The same for HTTP/3, which has TLS 1.3 within QUIC (RFC 9001) and is not an authority's question.
pub(crate) fn config_of_http3(store: Arc<Store>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(store);
    config.alpn_protocols = vec![HTTP3.to_vec()];
    config.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(config))
}

/// The folder of the author's own certificates, below the door's.
pub(crate) fn own_folder(door: &Path) -> std::path::PathBuf {
    door.join("certificates")
}
