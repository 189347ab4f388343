//! Where visitors go.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A site on this machine, over plain HTTP and over TLS.
#[derive(Debug, Clone)]
pub struct Place {
    /// The name that TLS and the requests over it are for.
    pub domain: String,
    /// The name of plain requests.
    pub local: String,
    /// The port of plain HTTP.
    pub http: u16,
    /// The port of TLS.
    pub https: u16,
    roots: Arc<RootCertStore>,
}

impl Place {
    /// One whose certificates are signed by `root`, in PEM.
    pub fn new(domain: &str, local: &str, ports: (u16, u16), root: &str) -> Self {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(root.as_bytes()) {
            roots.add(root.expect("PEM")).expect("a root");
        }
        Self {
            domain: domain.to_owned(),
            local: local.to_owned(),
            http: ports.0,
            https: ports.1,
            roots: roots.into(),
        }
    }

    pub(super) fn plain_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.http).into()
    }

    pub(super) fn secure_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.https).into()
    }

    pub(super) fn name(&self) -> ServerName<'static> {
        ServerName::try_from(self.domain.clone()).expect("a name")
    }

    /// Every handshake is a whole one: a resumed session would not look at the certificate.
    pub(super) fn tls(&self, protocol: &[u8]) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions that ring knows")
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Arc::new(config)
    }

    /// The certificate that a visitor gets who comes now.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("an event loop");
        runtime.block_on(async {
            let stream = TcpStream::connect(self.secure_address()).await.ok()?;
            let shaken = self
                .connector(b"http/1.1")
                .connect(self.name(), stream)
                .await;
            let shaken = shaken.ok()?;
            let certificates = shaken.get_ref().1.peer_certificates()?;
            Some(certificates.first()?.to_vec())
        })
    }

    pub(super) fn connector(&self, protocol: &[u8]) -> TlsConnector {
        TlsConnector::from(self.tls(protocol))
    }
}
