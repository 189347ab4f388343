//! What an authority is to see; taken away when it has looked.

use std::sync::Arc;

use instant_acme::{ChallengeType, KeyAuthorization};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::CertifiedKey;

use super::order::Ask;
use super::{AcmeError, dns01};
use crate::tls::{self, Store};

/// Where it is shown.
pub(super) enum Shown {
    /// By this door.
    Here {
        /// Ends it when it is let go of, with whoever held it.
        _shown: Here,
    },
    /// In the zone of the name.
    InZone(dns01::Shown),
}

impl Shown {
    pub(super) async fn new(
        ask: &Ask<'_>,
        store: &Arc<Store>,
        way: &ChallengeType,
        token: &str,
        proof: &KeyAuthorization,
    ) -> Result<Self, AcmeError> {
        if *way == ChallengeType::Dns01 {
            let dns = ask.dns.ok_or(AcmeError::NoDns)?;
            let name = ask.name.trim_start_matches("*.");
            let shown = dns01::Shown::new(dns, name, proof.dns_value()).await?;
            return Ok(Self::InZone(shown));
        }
        let name = &ask.name;
        if *way == ChallengeType::TlsAlpn01 {
            store.set_challenge(name, Some(certificate(name, proof)?));
        } else {
            store.set_token(token, Some((name.clone(), proof.as_str().to_owned())));
        }
        let shown = Here {
            store: store.clone(),
            name: name.clone(),
            token: token.to_owned(),
        };
        Ok(Self::Here { _shown: shown })
    }

    pub(super) async fn hide(self) {
        if let Self::InZone(shown) = self {
            shown.remove().await;
        }
    }
}

/// See [`Shown::Here`].
pub(super) struct Here {
    store: Arc<Store>,
    name: String,
    token: String,
}

impl Drop for Here {
    fn drop(&mut self) {
        self.store.set_challenge(&self.name, None);
        self.store.set_token(&self.token, None);
    }
}

/// The certificate of `tls-alpn-01` (RFC 8737, 3): for the name, with the proof in an extension.
fn certificate(name: &str, proof: &KeyAuthorization) -> Result<Arc<CertifiedKey>, AcmeError> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    let digest = CustomExtension::new_acme_identifier(proof.digest().as_ref());
    params.custom_extensions.push(digest);
    let key = KeyPair::generate()?;
    let made = params.self_signed(&key)?;
    let der = PrivatePkcs8KeyDer::from(key.serialize_der());
    let key = CertifiedKey::from_der(vec![made.der().clone()], der.into(), &tls::provider());
    key.map(Arc::new)
        .map_err(|error| AcmeError::Bundle(tls::BundleError::Key(error)))
}
