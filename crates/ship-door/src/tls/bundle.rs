//! A certificate with its chain and its key, as it lies in a file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use ship_base::file::{self, FileError};

use super::identity::Identity;
use super::validity::{self, Validity};

/// Why a file's certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no PEM.
    #[error("it is not PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// There is no certificate in it.
    #[error("there is no certificate in it")]
    Empty,
    /// There is no key, neither in it nor beside it.
    #[error("there is no private key in it, and no file of the same name that ends with `.key`")]
    NoKey,
    /// The key belongs to another certificate, or is of a kind that nobody uses.
    #[error("the private key does not belong to the certificate")]
    Key(#[source] rustls::Error),
    /// The certificate names no host.
    #[error("the certificate names no host")]
    Nameless,
    /// It does not say from when until when it is valid.
    #[error("the certificate has no time")]
    Timeless,
    /// The certificate cannot be understood.
    #[error("the certificate cannot be read")]
    Certificate(#[source] webpki::Error),
}

/// A certificate that can be served: its key belongs to it, and it names hosts.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    pub(crate) key: Arc<CertifiedKey>,
    /// In lower case; `*.example.org` covers one label.
    pub(crate) names: Vec<String>,
    pub(crate) validity: Validity,
    /// By what its authority knows it; `None` where nobody signed it but itself.
    pub(crate) identity: Option<Identity>,
}

impl Bundle {
    /// Reads a bundle from a file; its key may lie beside it (`blog.pem`, `blog.key`).
    pub(crate) fn load(path: &Path) -> Result<Self, BundleError> {
        let text = file::read(path)?;
        let beside = path.with_extension("key");
        let key = match PrivateKeyDer::from_pem_slice(&text) {
            Ok(key) => key,
            Err(rustls::pki_types::pem::Error::NoItemsFound) if beside != path => {
                match file::read_text_if_there(&beside)? {
                    None => return Err(BundleError::NoKey),
                    Some(key) => {
                        PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(BundleError::Pem)?
                    }
                }
            }
            Err(error) => return Err(BundleError::Pem(error)),
        };
        Self::new(certificates(&text)?, key)
    }

    /// Reads a bundle from PEM.
    pub(crate) fn from_pem(text: &[u8]) -> Result<Self, BundleError> {
        let key = PrivateKeyDer::from_pem_slice(text).map_err(BundleError::Pem)?;
        Self::new(certificates(text)?, key)
    }

    /// The leaf first.
    pub(crate) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, BundleError> {
        let leaf = chain.first().ok_or(BundleError::Empty)?;
        let names = names(leaf)?;
        let validity = validity::of(leaf).ok_or(BundleError::Timeless)?;
        let identity = Identity::of(leaf);
        let key = CertifiedKey::from_der(chain, key, &super::provider());
        Ok(Self {
            key: Arc::new(key.map_err(BundleError::Key)?),
            names,
            validity,
            identity,
        })
    }
}

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, BundleError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    all.map_err(BundleError::Pem)
}

fn names(leaf: &CertificateDer<'_>) -> Result<Vec<String>, BundleError> {
    let leaf = webpki::EndEntityCert::try_from(leaf).map_err(BundleError::Certificate)?;
    let names: Vec<String> = leaf.valid_dns_names().map(str::to_lowercase).collect();
    if names.is_empty() {
        return Err(BundleError::Nameless);
    }
    Ok(names)
}
