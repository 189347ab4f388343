//! HTTP to an authority: one connection for each request, with TLS and a limit of time.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use ship_base::file;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::AcmeError;
use crate::tls;

/// The time for one question and its answer.
const TIME: Duration = Duration::from_secs(30);

/// The longest answer: a chain has a few kilobytes.
const LONGEST: usize = 1 << 20;

/// RFC 8555, 6.1 asks for one.
const AGENT: &str = concat!("shipsmith/", env!("CARGO_PKG_VERSION"));

pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// See the module.
#[derive(Clone)]
pub(super) struct Client {
    tls: TlsConnector,
    /// The pause that its last answer asks for.
    told: Arc<Mutex<Option<Duration>>>,
}

impl Client {
    /// `root`: the only root that is trusted, for an authority of one's own; else the system's.
    pub(super) fn new(root: Option<&Path>) -> Result<Self, AcmeError> {
        let config = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(AcmeError::Root)?;
        let config = match root {
            None => config.with_platform_verifier().map_err(AcmeError::Root)?,
            Some(root) => config.with_root_certificates(roots(&file::read(root)?)?),
        };
        let tls = TlsConnector::from(Arc::new(config.with_no_client_auth()));
        let told = Arc::default();
        Ok(Self { tls, told })
    }

    /// The pause that the last answer asks for, where that was one of too much or of a trouble.
    pub(super) fn told(&self) -> Option<Duration> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there for everybody.
    pub(super) async fn get(&self, url: &str) -> Result<Response<Bytes>, Cause> {
        let request = Request::get(url)
            .header(header::USER_AGENT, AGENT)
            .body(BodyWrapper::default())?;
        let answer = self.timed(request).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(format!("`{url}` answers {}", answer.status()).into())
    }

    async fn timed(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Response<Bytes>, Cause> {
        let answer = tokio::time::timeout(TIME, self.clone().exchange(request)).await??;
        let is_pause = matches!(
            answer.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        let told = retry_after(answer.headers()).filter(|_| is_pause);
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
        Ok(answer)
    }

    async fn exchange(
        self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Bytes>, Cause> {
        let uri = request.uri().clone();
        let host = uri.host().ok_or("the authority's address has no host")?;
        let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(443))).await?;
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
        let stream = self.tls.connect(name, stream).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let asking = async move {
            let (parts, body) = sender
                .send_request(as_sent(request, &uri)?)
                .await?
                .into_parts();
            let body = Limited::new(body, LONGEST).collect().await?.to_bytes();
            Ok::<_, Cause>(Response::from_parts(parts, body))
        };
        // The connection ends when its sender does.
        let (answer, _) = tokio::join!(asking, connection);
        answer
    }
}

/// With its host in a field and only the path in its line.
fn as_sent(
    mut request: Request<BodyWrapper<Bytes>>,
    uri: &Uri,
) -> Result<Request<BodyWrapper<Bytes>>, Cause> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    request
        .headers_mut()
        .insert(header::HOST, HeaderValue::from_str(authority)?);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse()?;
    Ok(request)
}

fn roots(pem: &[u8]) -> Result<RootCertStore, AcmeError> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(pem) {
        let root = root.map_err(|error| AcmeError::Bundle(tls::BundleError::Pem(error)))?;
        roots.add(root).map_err(AcmeError::Root)?;
    }
    Ok(roots)
}

/// How long from now, where an answer says so: in seconds, or as a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(fields: &HeaderMap) -> Option<Duration> {
    let text = fields.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let answer = client.timed(request).await.map_err(Error::Other)?;
            let (parts, body) = answer.into_parts();
            let body = Box::new(body);
            Ok(BytesResponse { parts, body })
        })
    }
}
