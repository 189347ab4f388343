//! What stands before Pebble and adds what it does not have: renewal information (RFC 9773), and
//! troubles at will. Pebble signs URLs for whatever host it is asked by, so it need not know.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::{Value, json};
use ship_base::base64;
use ship_test::Authority;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// See the module.
pub(crate) struct Front {
    directory: String,
    root: PathBuf,
    seen: Arc<Mutex<Seen>>,
    _folder: TempDir,
}

/// What it was asked, and what it does about it.
#[derive(Default)]
struct Seen {
    /// Certificates, in the order in which they were asked about.
    asked_about: Vec<String>,
    replaced: Vec<String>,
    orders: usize,
    first_renewed: bool,
    refuse_predecessors: bool,
    /// Too many certificates, for so many seconds.
    limit: Option<i64>,
    forgets_accounts: bool,
}

/// Pebble, behind it.
#[derive(Clone)]
struct Behind {
    address: String,
    connector: TlsConnector,
}

impl Front {
    pub(crate) async fn before(authority: &Authority) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(authority.root()).unwrap();
        roots.add(root).unwrap();
        let client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let behind = Behind {
            address: authority.directory().split('/').nth(2).unwrap().to_owned(),
            connector: TlsConnector::from(Arc::new(client)),
        };
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let root = folder.path().join("root.pem");
        std::fs::write(&root, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(serve(stream, acceptor, behind, shared.clone()));
            }
        });
        Self {
            directory: format!("https://localhost:{port}/dir"),
            root,
            seen,
            _folder: folder,
        }
    }

    pub(crate) fn directory(&self) -> &str {
        &self.directory
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The first certificate that it is asked about is to be renewed now, every other one in a year.
    pub(crate) fn wants_first_renewed(&self) {
        self.seen.lock().unwrap().first_renewed = true;
    }

    /// An order that names a certificate is malformed.
    pub(crate) fn refuse_predecessors(&self) {
        self.seen.lock().unwrap().refuse_predecessors = true;
    }

    /// New orders are too many, for so many seconds.
    pub(crate) fn limit(&self, seconds: i64) {
        self.seen.lock().unwrap().limit = Some(seconds);
    }

    /// Whoever orders has no account.
    pub(crate) fn forget_accounts(&self) {
        self.seen.lock().unwrap().forgets_accounts = true;
    }

    pub(crate) fn asked_about(&self) -> Vec<String> {
        self.seen.lock().unwrap().asked_about.clone()
    }

    /// The predecessors that orders named.
    pub(crate) fn replaced(&self) -> Vec<String> {
        self.seen.lock().unwrap().replaced.clone()
    }

    /// How many orders were taken.
    pub(crate) fn orders(&self) -> usize {
        self.seen.lock().unwrap().orders
    }
}

type Answer = Response<Full<Bytes>>;

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, behind: Behind, seen: Arc<Mutex<Seen>>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let answer = service_fn(move |request| {
        let (behind, seen) = (behind.clone(), seen.clone());
        async move { Ok::<_, Infallible>(answer(request, &behind, &seen).await) }
    });
    let serving = hyper::server::conn::http1::Builder::new();
    let _ = serving.serve_connection(TokioIo::new(stream), answer).await;
}

async fn answer(request: Request<Incoming>, behind: &Behind, seen: &Mutex<Seen>) -> Answer {
    let host = request.headers()[header::HOST].to_str().unwrap().to_owned();
    let path = request.uri().path().to_owned();
    if let Some(certificate) = path.strip_prefix("/renewal-info/") {
        return info(certificate, &mut seen.lock().unwrap());
    }
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let is_order = path == "/order-plz" && parts.method == Method::POST;
    let replaces = is_order.then(|| replaces(&body)).flatten();
    let refusal = seen.lock().unwrap().refusal(replaces.as_deref());
    if let Some(refusal) = refusal.filter(|_| is_order) {
        return with_nonce(refusal, behind).await;
    }
    let request = Request::from_parts(parts, Full::new(body));
    let (mut parts, body) = forward(request, behind).await.into_parts();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_slice(&body).unwrap();
        change(&mut value);
        Bytes::from(value.to_string())
    };
    let body = match &replaces {
        _ if path == "/dir" => changed(&|directory| {
            directory["renewalInfo"] = format!("https://{host}/renewal-info").into();
        }),
        _ if is_order && parts.status.is_success() => {
            let mut seen = seen.lock().unwrap();
            seen.orders += 1;
            seen.replaced.extend(replaces.clone());
            changed(&|order| order["replaces"] = json!(replaces))
        }
        _ => body,
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Full::new(body))
}

impl Seen {
    fn refusal(&self, replaces: Option<&str>) -> Option<Answer> {
        if let Some(seconds) = self.limit {
            let mut answer = problem(429, "rateLimited", "too many certificates");
            let pause = HeaderValue::from(seconds);
            answer.headers_mut().insert(header::RETRY_AFTER, pause);
            return Some(answer);
        }
        if self.forgets_accounts {
            return Some(problem(400, "accountDoesNotExist", "no such account"));
        }
        (self.refuse_predecessors && replaces.is_some())
            .then(|| problem(409, "alreadyReplaced", "it has been replaced"))
    }
}

fn problem(status: u16, kind: &str, detail: &str) -> Answer {
    let text = json!({
        "type": format!("urn:ietf:params:acme:error:{kind}"),
        "detail": detail,
        "status": status,
    });
    let body = Full::new(Bytes::from(text.to_string()));
    Response::builder().status(status).body(body).unwrap()
}

/// With a nonce of Pebble's for the next request.
async fn with_nonce(mut answer: Answer, behind: &Behind) -> Answer {
    let request = Request::head("/nonce-plz").header(header::HOST, "localhost");
    let request = request.body(Full::new(Bytes::new())).unwrap();
    let given = forward(request, behind).await;
    let nonce = given.headers()["replay-nonce"].clone();
    answer.headers_mut().insert("replay-nonce", nonce);
    answer
}

/// RFC 9773, 4.2.
fn info(certificate: &str, seen: &mut Seen) -> Answer {
    seen.asked_about.push(certificate.to_owned());
    let is_first = seen.asked_about[0] == certificate;
    let year = if is_first && seen.first_renewed {
        2020
    } else {
        2200
    };
    let text = json!({
        "suggestedWindow": {
            "start": format!("{year}-01-02T04:00:00Z"),
            "end": format!("{year}-01-03T04:00:00Z"),
        },
        "explanationURL": "https://localhost/why",
    });
    let body = Full::new(Bytes::from(text.to_string()));
    let answer = Response::builder().header(header::RETRY_AFTER, "21600");
    answer.body(body).unwrap()
}

/// What an order replaces, out of the signed request.
fn replaces(body: &[u8]) -> Option<String> {
    let signed: Value = serde_json::from_slice(body).ok()?;
    let payload = signed["payload"].as_str()?;
    let mut payload = payload.replace('-', "+").replace('_', "/");
    payload.extend(std::iter::repeat_n('=', (4 - payload.len() % 4) % 4));
    let order: Value = serde_json::from_slice(&base64::decode(&payload)?).ok()?;
    order["replaces"].as_str().map(str::to_owned)
}

async fn forward(request: Request<Full<Bytes>>, behind: &Behind) -> Response<Bytes> {
    let stream = TcpStream::connect(&behind.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = behind.connector.connect(name, stream).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}
