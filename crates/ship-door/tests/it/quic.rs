//! Visitors that come by HTTP/3.

use std::future::poll_fn;
use std::net::UdpSocket;
use std::sync::Arc;

use bytes::{Buf as _, Bytes, BytesMut};
use h3::client::{RequestStream, SendRequest};
use h3::error::{Code, StreamError};
use hyper::{HeaderMap, Request};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinSet;

use crate::door::{Answer, Door, HOST, soon};
use crate::tls::local_root;

/// One connection.
pub(crate) struct Visitor {
    pub(crate) connection: quinn::Connection,
    pub(crate) endpoint: quinn::Endpoint,
    requests: SendRequest<h3_quinn::OpenStreams, Bytes>,
    _tasks: JoinSet<()>,
}

/// A request that was sent.
pub(crate) type Asked = RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

pub(crate) fn client_config(root: &str) -> quinn::ClientConfig {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(root.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

/// A socket of a visitor.
pub(crate) fn endpoint() -> quinn::Endpoint {
    quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap()
}

/// A connection of QUIC alone.
pub(crate) async fn dial(
    endpoint: &quinn::Endpoint,
    door: &Door,
    root: &str,
    name: &str,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let config = client_config(root);
    let connecting = endpoint.connect_with(config, door.secure, name).unwrap();
    soon("an agreement on QUIC", connecting).await
}

impl Visitor {
    pub(crate) async fn connect(door: &Door) -> Self {
        Self::connect_to(door, &local_root(door), HOST)
            .await
            .unwrap()
    }

    pub(crate) async fn connect_to(
        door: &Door,
        root: &str,
        name: &str,
    ) -> Result<Self, quinn::ConnectionError> {
        let endpoint = endpoint();
        let connection = dial(&endpoint, door, root, name).await?;
        let shaken = h3::client::new(h3_quinn::Connection::new(connection.clone())).await;
        // A door that stops may agree on QUIC still, and close before HTTP/3 has begun.
        let Ok((mut driver, requests)) = shaken else {
            return Err(soon("the end of the connection", connection.closed()).await);
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let _ = poll_fn(|context| driver.poll_close(context)).await;
        });
        Ok(Self {
            connection,
            endpoint,
            requests,
            _tasks: tasks,
        })
    }

    /// Sends the head of a request.
    pub(crate) async fn begin(&mut self, request: Request<()>) -> Result<Asked, StreamError> {
        soon("a request is sent", self.requests.send_request(request)).await
    }

    /// Sends a request and gives the whole answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<()>,
        body: impl Into<Bytes>,
    ) -> Result<Answer, StreamError> {
        let mut asked = self.begin(request).await?;
        let body = body.into();
        if !body.is_empty() {
            soon("a body is sent", asked.send_data(body)).await?;
        }
        asked.finish().await?;
        answer(asked).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(request("GET", path, &[]), "").await.unwrap()
    }

    /// Comes from another port of the same address from now on.
    pub(crate) fn move_on(&self) {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        self.endpoint.rebind(socket).unwrap();
    }
}

/// The whole answer.
pub(crate) async fn answer(mut asked: Asked) -> Result<Answer, StreamError> {
    let response = soon("an answer begins", asked.recv_response()).await?;
    let (parts, ()) = response.into_parts();
    let mut body = BytesMut::new();
    while let Some(mut data) = soon("an answer goes on", asked.recv_data()).await? {
        body.extend_from_slice(&data.copy_to_bytes(data.remaining()));
    }
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: body.freeze(),
    })
}

/// A head for the door's own host.
pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("https://{HOST}{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// The code with which a stream was refused.
pub(crate) fn refused_with(error: StreamError) -> Code {
    match error {
        StreamError::RemoteTerminate { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

/// The code with which the door closes a connection.
pub(crate) async fn closed_with(connection: &quinn::Connection) -> u64 {
    match soon("the door closes", connection.closed()).await {
        quinn::ConnectionError::ApplicationClosed(closed) => closed.error_code.into(),
        other => panic!("{other:?}"),
    }
}

/// Fields of an answer that there may be none of.
pub(crate) fn has(headers: &HeaderMap, name: &str) -> bool {
    headers.contains_key(name)
}
