//! A certificate authority of this machine alone, so that `https://blog.localhost:8443` is what it
//! will be on a server.
//!
//! It may sign nothing but names below `localhost` and loopback addresses, and says so in its own
//! certificate (RFC 5280, 4.2.1.10): whoever trusts it trusts nobody with the web.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use jiff::{ToSpan as _, Zoned};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use ship_base::file::{self, FileError};

use super::bundle::{Bundle, BundleError};

/// The name under which systems and browsers list it.
pub const NAME: &str = "Shipsmith local CA";

const YEARS: i32 = 10;

/// Days that a certificate for a name is valid. Apple's systems take no more than 825.
const DAYS: i32 = 90;

/// Why there is no local CA, or no certificate of it.
#[derive(Debug, thiserror::Error)]
pub enum LocalCaError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key or certificate could not be made.
    #[error("cannot make a key or certificate")]
    Make(#[from] rcgen::Error),
    /// The file is there and holds something else.
    #[error("`{}` holds no key and certificate", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// What was made cannot be served.
    #[error("the made certificate cannot be used: {reason}")]
    Unusable {
        /// Why.
        reason: String,
    },
}

/// The CA, with its key.
#[derive(Debug)]
pub struct LocalCa {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl LocalCa {
    /// Opens the CA of a door's folder; makes it where there is none. Its key and certificate are
    /// one file, `local-ca.pem`, that nobody else may read.
    pub fn open(door: &Path) -> Result<Self, LocalCaError> {
        let path = door.join("local-ca.pem");
        if let Some(text) = file::read_text_if_there(&path)? {
            return Self::read(&text).ok_or(LocalCaError::Broken { path });
        }
        let key = KeyPair::generate()?;
        let text = authority().self_signed(&key)?.pem() + &key.serialize_pem();
        file::create_private_folder(door)?;
        file::write_whole_with_mode(&path, text.as_bytes(), 0o600)?;
        // Read again: where two made one at once, the last on disk is the CA.
        let text = file::read_text(&path)?;
        Self::read(&text).ok_or(LocalCaError::Broken { path })
    }

    fn read(text: &str) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).ok()?;
        let key = KeyPair::try_from(key.secret_der()).ok()?;
        let (pem, _) = text.split_once("-----BEGIN PRIVATE KEY-----")?;
        Some(Self {
            issuer: Issuer::new(authority(), key),
            certificate,
            pem: pem.to_owned(),
        })
    }

    /// The certificate, for whoever is to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a name of this machine; the one of `localhost` covers its addresses, too.
    pub(crate) fn issue(&self, name: &str) -> Result<Bundle, LocalCaError> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        if name == "localhost" {
            params.subject_alt_names.extend([
                SanType::IpAddress([127, 0, 0, 1].into()),
                SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
            ]);
        }
        params.distinguished_name = called(name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        valid(&mut params, 0, DAYS);
        let key = KeyPair::generate()?;
        let made = params.signed_by(&key, &self.issuer)?;
        let chain = vec![made.der().clone(), self.certificate.clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Bundle::new(chain, key).map_err(|error: BundleError| LocalCaError::Unusable {
            reason: error.to_string(),
        })
    }
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = called(NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(
                Ipv6Addr::LOCALHOST.octets(),
                128,
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    valid(&mut params, YEARS, 0);
    params
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}

/// From yesterday, for clocks that differ, on for so many years and days.
fn valid(params: &mut CertificateParams, years: i32, days: i32) {
    let today = Zoned::now().date();
    let day = |date: jiff::civil::Date| {
        rcgen::date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8)
    };
    params.not_before = day(today.saturating_sub(1.days()));
    params.not_after = day(today.saturating_add(years.years().days(days)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{ServerName, UnixTime};
    use std::sync::Arc;

    #[test]
    fn the_ca_is_made_once_and_its_key_is_this_users_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let first = LocalCa::open(folder.path()).unwrap();
        let again = LocalCa::open(folder.path()).unwrap();
        assert_eq!(first.pem(), again.pem());
        assert!(!first.pem().contains("PRIVATE"));
        let path = folder.path().join("local-ca.pem");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn who_trusts_the_ca_trusts_it_with_names_of_this_machine_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(folder.path()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(ca.certificate.clone()).unwrap();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), super::super::provider())
                .build()
                .unwrap();
        let trusted = |name: &str| {
            let bundle = ca.issue(name).unwrap();
            let (leaf, rest) = bundle.key.cert.split_first().unwrap();
            let name = ServerName::try_from(name.to_owned()).unwrap();
            let now = UnixTime::now();
            verifier
                .verify_server_cert(leaf, rest, &name, &[], now)
                .is_ok()
        };
        assert!(trusted("blog.localhost"));
        assert!(trusted("localhost"));
        assert!(!trusted("bank.example"));
    }
}
