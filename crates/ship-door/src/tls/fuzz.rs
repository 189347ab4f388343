//! The targets of this folder; see [`crate::fuzz`].

use super::bundle::Bundle;

/// What somebody took for a certificate: it is read or refused, and one that is served names hosts.
pub(crate) fn certificate(text: &[u8]) {
    if let Ok(bundle) = Bundle::from_pem(text) {
        assert!(!bundle.names.is_empty());
        assert!(bundle.names.iter().all(|name| !name.is_empty()));
    }
}
