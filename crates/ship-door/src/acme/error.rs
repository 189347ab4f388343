//! Why a name has no new certificate, and whose move it is.

use std::path::PathBuf;

use ship_base::file::FileError;

use super::schedule::Fault;
use crate::dns::DnsError;
use crate::tls::BundleError;

/// Why a name has no new certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcmeError {
    /// The name leads nowhere: asking would only use up the authority's patience.
    #[error("`{name}` has no address: its DNS does not know it")]
    NoAddress {
        /// The name.
        name: String,
    },
    /// The authority looked and did not find us.
    #[error("the authority could not verify `{name}`: {why}")]
    NotVerified {
        /// The name.
        name: String,
        /// In the authority's words.
        why: String,
    },
    /// The authority offers no way to show that the name is ours.
    #[error("the authority offers no challenge that can be answered here")]
    NoChallenge,
    /// The zone of a wildcard cannot be changed any more.
    #[error("for a wildcard, `[acme.dns]` in `server.toml` has to say who can change its zone")]
    NoDns,
    /// The record that shows the name to be ours is not in its zone.
    #[error("cannot show by DNS that the name is yours")]
    Dns(#[from] DnsError),
    /// The authority refused, or could not be reached.
    #[error("the authority did not answer as hoped")]
    Authority(#[from] instant_acme::Error),
    /// The file of its root cannot be used.
    #[error("the root certificate of the authority cannot be used")]
    Root(#[source] rustls::Error),
    /// A key or request could not be made.
    #[error("cannot make a key or request")]
    Make(#[from] rcgen::Error),
    /// What came is no certificate that we can serve.
    #[error("the authority's certificate cannot be served")]
    Bundle(#[from] BundleError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// What binds the account to one made elsewhere is no key.
    #[error("`eab-key` is not base64")]
    Binding,
    /// The account's file holds something else.
    #[error("`{}` holds no account", path.display())]
    NoAccount {
        /// The file.
        path: PathBuf,
    },
}

impl AcmeError {
    /// Whose fault it is.
    pub(super) fn fault(&self) -> Fault {
        let problem = match self {
            Self::Authority(instant_acme::Error::Api(problem)) => problem,
            Self::Authority(_) => return Fault::Outage,
            _ => return Fault::Refused,
        };
        match (self.kind(), problem.status) {
            (Some("rateLimited"), _) | (_, Some(429)) => Fault::Limited,
            (_, Some(500..)) => Fault::Outage,
            (Some("rejectedIdentifier" | "caa" | "unsupportedIdentifier"), _) => Fault::Unwilling,
            _ => Fault::Refused,
        }
    }

    /// What the authority calls it (RFC 8555, 6.7), without what all such names begin with.
    pub(super) fn kind(&self) -> Option<&str> {
        match self {
            Self::Authority(instant_acme::Error::Api(problem)) => {
                let kind = problem.r#type.as_deref()?;
                kind.strip_prefix("urn:ietf:params:acme:error:")
            }
            _ => None,
        }
    }
}
