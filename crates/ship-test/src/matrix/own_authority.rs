//! Certificates of an author's own: signed by an authority of this test alone.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority, and the file in which the door looks for what it signs.
pub(super) struct OwnAuthority {
    authority: CertifiedIssuer<'static, KeyPair>,
    domain: String,
    file: PathBuf,
}

impl OwnAuthority {
    /// One with a first certificate for `domain`, in the folder that the door looks at.
    pub(super) fn new(domain: &str, folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        std::fs::create_dir_all(folder).expect("a folder");
        let own = Self {
            authority,
            domain: domain.to_owned(),
            file: folder.join("visited.pem"),
        };
        own.renew();
        own
    }

    pub(super) fn root(&self) -> String {
        self.authority.pem()
    }

    /// Another key and certificate for the same name, put in place at once. Gives the certificate.
    pub(super) fn renew(&self) -> Vec<u8> {
        let params = CertificateParams::new(vec![self.domain.clone()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let signed = params
            .signed_by(&key, &self.authority)
            .expect("a certificate");
        let content = signed.pem() + &key.serialize_pem();
        ship_base::file::write_whole(&self.file, content.as_bytes()).expect("a file");
        signed.der().to_vec()
    }
}
