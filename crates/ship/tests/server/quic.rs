//! Whether a door speaks HTTP/3.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use ship_test::Home;

/// Long enough for a handshake on a busy machine; a socket that nobody reads never answers.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a visitor and the door agree on HTTP/3, at the port of TLS.
pub(crate) fn is_spoken(home: &Home) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let agreed = tokio::time::timeout(PATIENCE, dial(home)).await;
        agreed.is_ok_and(|agreed| agreed.is_some())
    })
}

async fn dial(home: &Home) -> Option<quinn::Connection> {
    let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).expect("a socket");
    let port = read(home, "port-https").trim().parse().expect("a port");
    let address = ([127, 0, 0, 1], port).into();
    let config = config(&read(home, "local-ca.pem"));
    let connecting = endpoint.connect_with(config, address, "blog.localhost");
    connecting.expect("a name and an address").await.ok()
}

fn config(root: &str) -> quinn::ClientConfig {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(root.as_bytes()) {
        roots
            .add(root.expect("a certificate"))
            .expect("an authority");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).expect("TLS 1.3")))
}

#[expect(clippy::disallowed_methods, reason = "a visitor reads what is there")]
fn read(home: &Home, name: &str) -> String {
    std::fs::read_to_string(home.folder().join("door").join(name)).expect("a file of the door")
}
