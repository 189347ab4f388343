//! A door of this test, the apps behind it, and visitors.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use ship_door::client::DoorClient;
use ship_door::limit::Limits;
use ship_door::table::{
    Address, Certificates, Https, Protocol, Route, RouteRules, Site, SiteRules, Table, Target,
    Upstream, VERSION,
};
use ship_door::{Config, bind, bind_datagrams, run_with};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;

/// No wait of a test lasts longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const HOST: &str = "blog.localhost";

/// A running door with one listener.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    /// Where it speaks TLS.
    pub(crate) secure: SocketAddr,
    pub(crate) folder: TempDir,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    pub(crate) async fn start(sites: Vec<Site>) -> Self {
        Self::start_with(sites, true, Limits::default()).await
    }

    pub(crate) async fn start_with(sites: Vec<Site>, developer: bool, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            socket: folder.path().join("door.sock"),
            first_socket: None,
            folder: folder.path().join("door"),
            cores: 2,
            developer,
        };
        let thread = std::thread::spawn(move || run_with(config, limits).unwrap());
        let mut door = Self {
            address: ([127, 0, 0, 1], 0).into(),
            secure: ([127, 0, 0, 1], 0).into(),
            folder,
            thread: Some(thread),
        };
        door.listen().await;
        door.swap(sites).await;
        door
    }

    async fn listen(&mut self) {
        let listener: std::net::TcpListener = bind(self.address).unwrap().into();
        self.address = listener.local_addr().unwrap();
        let secure: std::net::TcpListener = bind(self.secure).unwrap().into();
        self.secure = secure.local_addr().unwrap();
        let sockets = vec![
            ("http".to_owned(), listener.into()),
            ("https".to_owned(), secure.into()),
        ];
        self.client().await.listen(sockets).await.unwrap();
    }

    /// Has it speak HTTP/3 beside TLS, at the same number of port.
    pub(crate) async fn speak_http3(&mut self) {
        for attempt in 0.. {
            match bind_datagrams(self.secure) {
                Ok(socket) => {
                    let sockets = vec![("http3".to_owned(), socket)];
                    return self.client().await.listen(sockets).await.unwrap();
                }
                // Somebody else's; another number then.
                Err(error) if attempt < 10 => {
                    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
                    let any = ([127, 0, 0, 1], 0).into();
                    let secure: std::net::TcpListener = bind(any).unwrap().into();
                    self.secure = secure.local_addr().unwrap();
                    let sockets = vec![(format!("https:{attempt}"), secure.into())];
                    self.client().await.listen(sockets).await.unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) async fn client(&self) -> DoorClient {
        connect(&self.folder.path().join("door.sock")).await
    }

    pub(crate) async fn swap(&self, sites: Vec<Site>) {
        self.client().await.swap(table(sites)).await.unwrap();
    }

    pub(crate) async fn visit(&self) -> Visitor {
        Visitor::connect(self.address).await
    }

    /// One GET on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.visit().await.get(path).await
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let socket = self.folder.path().join("door.sock");
        let stopping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                if let Ok(mut client) = DoorClient::connect(&socket).await {
                    let _ = client.stop(Duration::ZERO).await;
                }
            });
        });
        stopping.join().unwrap();
        let thread = self.thread.take().unwrap();
        if !std::thread::panicking() {
            thread.join().unwrap();
        }
    }
}

/// Connects as soon as the door answers.
pub(crate) async fn connect(socket: &Path) -> DoorClient {
    until("the door answers", async || {
        DoorClient::connect(socket).await.ok()
    })
    .await
}

/// Asks again until there is an answer.
pub(crate) async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let answer = tokio::time::timeout(DEADLINE, asking).await;
    answer.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

/// Awaits with a deadline.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let done = tokio::time::timeout(DEADLINE, future).await;
    done.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

pub(crate) fn table(sites: Vec<Site>) -> Table {
    Table {
        version: VERSION,
        sites,
        certificates: Certificates {
            local: true,
            acme: None,
        },
    }
}

pub(crate) fn site(routes: Vec<Route>) -> Site {
    Site {
        app: "blog".parse().unwrap(),
        release: Some("r7".parse().unwrap()),
        hosts: vec![HOST.to_owned()],
        routes,
        body_limit: 1 << 20,
        https: Https::default(),
        access_log: None,
        rules: SiteRules::default(),
    }
}

pub(crate) fn route(prefix: &str, to: Target) -> Route {
    Route {
        prefix: prefix.to_owned(),
        to,
        cache: None,
        rules: RouteRules::default(),
    }
}

/// The site of these apps alone.
pub(crate) fn served_by(apps: &[&App]) -> Vec<Site> {
    let upstreams = apps.iter().map(|app| app.upstream()).collect();
    vec![site(vec![route(
        "/",
        Target::Instances {
            upstreams,
            strip: false,
        },
    )])]
}

pub(crate) fn instances(upstreams: Vec<Upstream>) -> Target {
    Target::Instances {
        upstreams,
        strip: false,
    }
}

/// What an app answers with.
pub(crate) type Reply = Response<BoxBody<Bytes, std::io::Error>>;

/// A reply with this body.
pub(crate) fn text(body: impl Into<Bytes>) -> Reply {
    Response::new(
        Full::new(body.into())
            .map_err(|never| match never {})
            .boxed(),
    )
}

/// A stream of an app's listener.
pub(crate) trait Stream:
    tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send
{
}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> Stream for T {}

/// An app that listens on a unix socket or a loopback port; it ends when it is dropped.
pub(crate) struct App {
    key: String,
    address: Address,
    protocol: Protocol,
    _tasks: JoinSet<()>,
    _folder: TempDir,
}

impl App {
    /// Answers every request by `answer`, with hyper.
    pub(crate) fn http<F, A>(key: &str, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        Self::raw(key, move |stream| {
            let answer = answer.clone();
            async move {
                let service = service_fn(move |request| {
                    let answered = answer(request);
                    async move { Ok::<_, Infallible>(answered.await) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades()
                    .await;
            }
        })
    }

    /// Hands every connection to `serve`.
    pub(crate) fn raw<F, S>(key: &str, serve: F) -> Self
    where
        F: Fn(Box<dyn Stream>) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.sock");
        Self::at(key, path, folder, serve)
    }

    /// The same at a path that is already in a table.
    pub(crate) fn at<F, S>(key: &str, path: PathBuf, folder: TempDir, serve: F) -> Self
    where
        F: Fn(Box<dyn Stream>) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = UnixListener::bind(&path).unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(Box::new(stream)));
            }
        });
        Self {
            key: key.to_owned(),
            address: Address::Unix(path),
            protocol: Protocol::Http1,
            _tasks: tasks,
            _folder: folder,
        }
    }

    /// An app on a loopback port.
    pub(crate) async fn tcp<F, S>(key: &str, serve: F) -> Self
    where
        F: Fn(Box<dyn Stream>) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(Box::new(stream)));
            }
        });
        Self {
            key: key.to_owned(),
            address,
            protocol: Protocol::Http1,
            _tasks: tasks,
            _folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn upstream(&self) -> Upstream {
        Upstream {
            key: self.key.clone(),
            address: self.address.clone(),
            protocol: self.protocol,
        }
    }

    /// The same, where it speaks HTTP/2.
    pub(crate) fn h2c(self) -> Self {
        Self {
            protocol: Protocol::H2c,
            ..self
        }
    }

    /// A connection to the app itself, past the door.
    pub(crate) async fn dial(&self) -> Box<dyn Stream> {
        match &self.address {
            Address::Unix(path) => Box::new(UnixStream::connect(path).await.unwrap()),
            Address::Tcp(address) => Box::new(TcpStream::connect(address).await.unwrap()),
        }
    }
}

/// Counts, across tasks.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A visitor's connection.
pub(crate) struct Visitor {
    sender: hyper::client::conn::http1::SendRequest<BoxBody<Bytes, std::io::Error>>,
    _tasks: JoinSet<()>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Visitor {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { drop(connection.await) });
        Self {
            sender,
            _tasks: tasks,
        }
    }

    /// Sends a request and returns the answer's head.
    pub(crate) async fn begin(
        &mut self,
        mut request: Request<BoxBody<Bytes, std::io::Error>>,
    ) -> hyper::Result<Response<Incoming>> {
        if !request.headers().contains_key("host") {
            request.headers_mut().insert("host", HOST.parse().unwrap());
        }
        soon("the connection is ready", self.sender.ready()).await?;
        soon("an answer begins", self.sender.send_request(request)).await
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<BoxBody<Bytes, std::io::Error>>,
    ) -> hyper::Result<Answer> {
        let (parts, body) = self.begin(request).await?.into_parts();
        let body = soon("an answer ends", body.collect()).await?.to_bytes();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(get(path, &[])).await.unwrap()
    }
}

pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> Request<BoxBody<Bytes, std::io::Error>> {
    request("GET", path, headers, "")
}

pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<BoxBody<Bytes, std::io::Error>> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Full::new(body.into())
        .map_err(|never| match never {})
        .boxed();
    request.body(body).unwrap()
}
