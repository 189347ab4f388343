//! The client: one method per route.
//!
//! On this machine every request has a connection of its own, which costs microseconds. Far away one
//! costs ssh half a second, and perhaps its owner a password: there the next request takes the
//! connection whose answer was read to its end. An [`EventStream`] keeps its connection to itself:
//! dropping it ends exactly what it asked for, since the server sees the connection close and cancels.

use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ship_base::clock::Moment;
use ship_base::fault::FaultKind;
use ship_base::hint::Hints;
use ship_base::name::{AppName, KeyName};
use tokio::task::JoinHandle;

use crate::event::{AttachEvent, DeployEvent, LogLine};
use crate::problem::Problem;
use crate::reply::{App, Audit, EnvEntry, Key, Missing, OneOff, Purged, Release, ServerStatus};
use crate::request::{
    AddKey, ChangeEnv, CreateApp, Deploy, Logs, Maintain, Promote, Purge, RemoveKey, RestartApp,
    Rollback, RunIn, Scale, Stop, Up,
};
use crate::route::{Route, Verb};
use crate::source::Source;
use crate::version::{self, Mismatch};
use crate::way::{Caller, Connection, Dial, Way};

/// Why a request got no answer, or not the hoped-for one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket is not there or nobody accepts on it.
    #[error("nobody answers on `{}`", socket.display())]
    NobodyThere {
        /// The socket.
        socket: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The connection ended before the answer did.
    #[error("the server went away during `{route}`")]
    Broken {
        /// What was asked.
        route: String,
        /// How it ended.
        #[source]
        source: hyper::Error,
    },
    /// The program that leads far away could not be started, or did not join us to a server.
    #[error("cannot reach the server at `{destination}`")]
    Far {
        /// What people call it.
        destination: String,
        /// Its exit code: ssh's own is 255, a program that is not there 127.
        code: Option<i32>,
        /// What it said.
        words: Vec<String>,
        /// Why it could not be started, where it could not.
        #[source]
        source: Option<io::Error>,
    },
    /// The server far away speaks another version.
    #[error("the server at `{destination}` is of another version")]
    FarMismatch {
        /// What people call it.
        destination: String,
        /// Both versions.
        #[source]
        source: Mismatch,
    },
    /// The server speaks another version.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The server answered with a failure; it travels in the server's own words.
    #[error(transparent)]
    Refused(Box<Problem>),
    /// The answer is not what this route answers.
    #[error("cannot read the server's answer to `{route}`")]
    Unreadable {
        /// What was asked.
        route: String,
        /// Where it stopped making sense.
        #[source]
        source: serde_json::Error,
    },
}

impl Error {
    /// Whose move it is.
    pub fn fault(&self) -> FaultKind {
        match self {
            Self::NobodyThere { .. } | Self::Broken { .. } | Self::Far { .. } => FaultKind::Outside,
            Self::Mismatch(_) | Self::FarMismatch { .. } => FaultKind::User,
            Self::Refused(problem) => problem.kind,
            Self::Unreadable { .. } => FaultKind::Bug,
        }
    }

    /// Whether the server is not there at all, as opposed to not allowing us in. A connection that
    /// waited to be accepted when the server was killed is reset by the kernel.
    pub fn is_nobody_there(&self) -> bool {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotFound};
        matches!(self, Self::NobodyThere { source, .. }
            if matches!(source.kind(), ConnectionRefused | ConnectionReset | NotFound))
    }

    /// Whether the server was there and is gone: it may have been killed.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }

    /// Whether there is no server, or no longer: one can be started.
    pub fn is_gone(&self) -> bool {
        self.is_broken() || self.is_nobody_there()
    }
}

impl Hints for Error {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NobodyThere { .. } => {
                vec!["`ship doctor` looks at the socket, `ship up` starts the server".to_owned()]
            }
            Self::Broken { .. } => {
                vec!["the same command again: it starts the server anew".to_owned()]
            }
            Self::Mismatch(mismatch) => mismatch.hints(),
            Self::FarMismatch { destination, .. } => {
                vec![format!(
                    "`ship server upgrade {destination}` brings this version there"
                )]
            }
            Self::Far {
                destination,
                code,
                words,
                ..
            } => far_hints(destination, *code, &words.join("\n")),
            Self::Refused(problem) => problem.hints.clone(),
            Self::Unreadable { .. } => Vec::new(),
        }
    }
}

/// What to do, by what ssh is known to say (OpenSSH 8 to 10) and by its exit code.
fn far_hints(destination: &str, code: Option<i32>, words: &str) -> Vec<String> {
    let said = |text: &str| words.contains(text);
    let hint = if said("Host key verification failed") || said("HOST IDENTIFICATION HAS CHANGED") {
        format!(
            "`ssh {destination}` shows the key of the machine: compare it with what its provider shows"
        )
    } else if said("Permission denied") {
        format!(
            "`ssh-copy-id {destination}` lets your key in; `ssh {destination}` shows whether it does"
        )
    } else if said("Could not resolve hostname") {
        "is the name spelled right? a name of your ssh configuration works too".to_owned()
    } else if said("Connection refused") || said("timed out") || said("No route to host") {
        format!("is the machine up, and is that its ssh port? `ssh -v {destination}` tells more")
    } else if code == Some(127) {
        format!("there is no `ship` there yet: `ship server install {destination}`")
    } else {
        format!("`ssh {destination} ship server status` asks there")
    };
    vec![hint]
}

/// Result of every method here.
pub type Result<T> = std::result::Result<T, Error>;

/// A way to the server; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    way: Way,
    /// The connection to a server far away that has nothing to do.
    idle: Arc<Mutex<Option<Open>>>,
}

impl Client {
    /// Makes sure that somebody accepts on `socket`, such as
    /// [`Folders::api_socket`](ship_base::paths::Folders::api_socket).
    pub async fn connect(socket: &Path) -> Result<Self> {
        let client = Self::by(Way::Socket(socket.to_owned(), None));
        client.open().await.map(|_| client)
    }

    /// As a deploy key, with no more than its rights, through
    /// [`Folders::key_socket`](ship_base::paths::Folders::key_socket).
    pub fn as_key(socket: &Path, key: &KeyName) -> Self {
        Self::by(Way::Socket(socket.to_owned(), Some(key.clone())))
    }

    /// A server far away; whether it is there shows with the first request.
    pub fn through(dial: Dial) -> Self {
        Self::by(Way::Program(Arc::new(dial)))
    }

    fn by(way: Way) -> Self {
        let idle = Arc::default();
        Self { way, idle }
    }

    /// What people call a server far away; `None` for the one of this machine.
    pub fn destination(&self) -> Option<&str> {
        match &self.way {
            Way::Socket(..) => None,
            Way::Program(dial) => Some(&dial.destination),
        }
    }

    /// The server itself.
    pub async fn status(&self) -> Result<ServerStatus> {
        self.ask(Route::Status, None::<&()>).await
    }

    /// Stops every app, the door and the server; returns once the apps and the door have ended.
    pub async fn stop_server(&self, stop: &Stop) -> Result<()> {
        self.tell(Route::StopServer, stop).await
    }

    /// The keys, sorted by name.
    pub async fn keys(&self) -> Result<Vec<Key>> {
        self.ask(Route::Keys, None::<&()>).await
    }

    /// Says what a key may.
    pub async fn add_key(&self, key: &AddKey) -> Result<()> {
        self.tell(Route::AddKey, key).await
    }

    /// Takes everything from a key.
    pub async fn remove_key(&self, key: &RemoveKey) -> Result<()> {
        self.tell(Route::RemoveKey, key).await
    }

    /// What was changed, by whom, and whether the log of it is whole.
    pub async fn audit(&self) -> Result<Audit> {
        self.ask(Route::Audit, None::<&()>).await
    }

    /// The API as the server describes it: OpenAPI 3.1.
    pub async fn description(&self) -> Result<serde_json::Value> {
        self.ask(Route::Description, None::<&()>).await
    }

    /// All apps, sorted by name.
    pub async fn apps(&self) -> Result<Vec<App>> {
        self.ask(Route::Apps, None::<&()>).await
    }

    /// Makes an app that has no release yet, where it is not there.
    pub async fn create_app(&self, app: &CreateApp) -> Result<()> {
        self.tell(Route::CreateApp, app).await
    }

    /// One app.
    pub async fn app(&self, app: &AppName) -> Result<App> {
        self.ask(of(app, Verb::Show), None::<&()>).await
    }

    /// Builds a project and brings it live. Dropping the stream cancels the deploy.
    pub async fn up(&self, up: &Up) -> Result<EventStream<DeployEvent>> {
        self.stream(Route::Up, "", Some(up)).await
    }

    /// Brings an older release live again.
    pub async fn rollback(
        &self,
        app: &AppName,
        rollback: &Rollback,
    ) -> Result<EventStream<DeployEvent>> {
        self.stream(of(app, Verb::Rollback), "", Some(rollback))
            .await
    }

    /// Brings a release of another app over to `app`, and that live.
    pub async fn promote(
        &self,
        app: &AppName,
        promote: &Promote,
    ) -> Result<EventStream<DeployEvent>> {
        self.stream(of(app, Verb::Promote), "", Some(promote)).await
    }

    /// New instances of the live release.
    pub async fn restart(
        &self,
        app: &AppName,
        restart: &RestartApp,
    ) -> Result<EventStream<DeployEvent>> {
        self.stream(of(app, Verb::Restart), "", Some(restart)).await
    }

    /// Changes how many instances run.
    pub async fn scale(&self, app: &AppName, scale: &Scale) -> Result<EventStream<DeployEvent>> {
        self.stream(of(app, Verb::Scale), "", Some(scale)).await
    }

    /// Tells what is to be deployed; gives the content that the server does not have yet.
    pub async fn offer(&self, app: &AppName, source: &Source) -> Result<Missing> {
        self.ask(of(app, Verb::Offer), Some(source)).await
    }

    /// Sends content that was missing: a finished [`Batch`](crate::source::Batch).
    pub async fn send_batch(&self, app: &AppName, batch: Vec<u8>) -> Result<()> {
        let route = of(app, Verb::Send);
        let (answer, open) = self.exchange(&route, raw_request(&route, batch)).await?;
        self.whole(&route, answer, open).await.map(drop)
    }

    /// Builds what was sent and brings it live. Dropping the stream cancels the deploy.
    pub async fn deploy(&self, app: &AppName, deploy: &Deploy) -> Result<EventStream<DeployEvent>> {
        self.stream(of(app, Verb::Deploy), "", Some(deploy)).await
    }

    /// The releases of an app, newest first.
    pub async fn releases(&self, app: &AppName) -> Result<Vec<Release>> {
        self.ask(of(app, Verb::Releases), None::<&()>).await
    }

    /// The settings that an app sees, sorted by name.
    pub async fn env(&self, app: &AppName) -> Result<Vec<EnvEntry>> {
        self.ask(of(app, Verb::Env), None::<&()>).await
    }

    /// Sets and unsets settings; they take effect with the next deploy or restart.
    pub async fn change_env(&self, app: &AppName, change: &ChangeEnv) -> Result<()> {
        self.tell(of(app, Verb::ChangeEnv), change).await
    }

    /// The log of an app, oldest line first.
    pub async fn logs(&self, app: &AppName, logs: &Logs) -> Result<EventStream<LogLine>> {
        let query = logs.to_query();
        self.stream(of(app, Verb::Logs), &query, None::<&()>).await
    }

    /// Holds an app that is not detached and streams its log from `since` on (now by default). The
    /// app stops once nobody holds it.
    pub async fn attach(
        &self,
        app: &AppName,
        since: Option<Moment>,
    ) -> Result<EventStream<AttachEvent>> {
        let logs = Logs {
            since,
            ..Logs::default()
        };
        let query = logs.to_query();
        self.stream(of(app, Verb::Attach), &query, None::<&()>)
            .await
    }

    /// What a one-off command needs.
    pub async fn run_in(&self, app: &AppName, run: &RunIn) -> Result<OneOff> {
        self.ask(of(app, Verb::Run), Some(run)).await
    }

    /// Has the front door forget answers that it keeps.
    pub async fn purge(&self, app: &AppName, purge: &Purge) -> Result<Purged> {
        self.ask(of(app, Verb::Purge), Some(purge)).await
    }

    /// Shows visitors a page in the app's place, or the app again; returns once they see it.
    pub async fn maintain(&self, app: &AppName, maintain: &Maintain) -> Result<()> {
        self.tell(of(app, Verb::Maintain), maintain).await
    }

    /// Stops an app; returns once its instances have ended.
    pub async fn stop(&self, app: &AppName, stop: &Stop) -> Result<()> {
        self.tell(of(app, Verb::Stop), stop).await
    }

    /// Stops an app and removes everything of it, its data too.
    pub async fn destroy(&self, app: &AppName, stop: &Stop) -> Result<()> {
        self.tell(of(app, Verb::Destroy), stop).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        route: Route,
        body: Option<&impl Serialize>,
    ) -> Result<T> {
        let (answer, open) = self.send(&route, "", body).await?;
        let text = self.whole(&route, answer, open).await?;
        serde_json::from_slice(&text).map_err(|source| unreadable(&route, source))
    }

    async fn tell(&self, route: Route, body: &impl Serialize) -> Result<()> {
        let (answer, open) = self.send(&route, "", Some(body)).await?;
        self.whole(&route, answer, open).await.map(drop)
    }

    /// Reads an answer to its end, after which its connection can be asked again.
    async fn whole(&self, route: &Route, answer: Response<Incoming>, open: Open) -> Result<Bytes> {
        let text = whole(route, answer).await?;
        if matches!(self.way, Way::Program(_)) {
            *self.idle() = Some(open);
        }
        Ok(text)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stream<T>(
        &self,
        route: Route,
        query: &str,
        body: Option<&impl Serialize>,
    ) -> Result<EventStream<T>> {
        let (answer, open) = self.send(&route, query, body).await?;
        Ok(EventStream {
            route,
            body: answer.into_body(),
            unread: BytesMut::new(),
            _open: open,
            events: PhantomData,
        })
    }

    async fn send(
        &self,
        route: &Route,
        query: &str,
        body: Option<&impl Serialize>,
    ) -> Result<(Response<Incoming>, Open)> {
        self.exchange(route, request(route, query, body)).await
    }

    async fn exchange(
        &self,
        route: &Route,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Open)> {
        let mut request = request;
        let idle = self.idle().take();
        if let Some(mut open) = idle {
            match open.sender.try_send_request(request).await {
                Ok(answer) => return self.accepted(route, answer, open).await,
                // Only what has not left us can be asked again.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => {
                        return Err(self
                            .why(route, error.into_error(), open.caller.take())
                            .await);
                    }
                },
            }
        }
        let (connection, mut caller) = self.open().await?;
        let opened = http1::handshake(TokioIo::new(connection)).await;
        let (sender, connection) = match opened {
            Ok(opened) => opened,
            Err(source) => return Err(self.why(route, source, caller.take()).await),
        };
        let task = tokio::spawn(async move {
            // An error of the connection reaches the one who waits for the answer.
            let _ = connection.await;
        });
        let mut open = Open {
            sender,
            task,
            caller,
        };
        match open.sender.send_request(request).await {
            Ok(answer) => self.accepted(route, answer, open).await,
            Err(source) => Err(self.why(route, source, open.caller.take()).await),
        }
    }

    async fn accepted(
        &self,
        route: &Route,
        answer: Response<Incoming>,
        open: Open,
    ) -> Result<(Response<Incoming>, Open)> {
        let answer = accepted(route, answer).await;
        Ok((answer.map_err(|error| self.placed(error))?, open))
    }

    /// The reason that the program gave which should have led to the server, where one did not.
    async fn why(&self, route: &Route, source: hyper::Error, caller: Option<Caller>) -> Error {
        let (Some(caller), Some(destination)) = (caller, self.destination()) else {
            return broken(route, source);
        };
        let farewell = caller.farewell().await;
        Error::Far {
            destination: destination.to_owned(),
            code: farewell.code,
            words: farewell.words,
            source: None,
        }
    }

    fn placed(&self, error: Error) -> Error {
        match (error, self.destination()) {
            (Error::Mismatch(source), Some(destination)) => Error::FarMismatch {
                destination: destination.to_owned(),
                source,
            },
            (error, _) => error,
        }
    }

    async fn open(&self) -> Result<(Connection, Option<Caller>)> {
        self.way.open().await.map_err(|source| match &self.way {
            Way::Socket(socket, _) => Error::NobodyThere {
                socket: socket.clone(),
                source,
            },
            Way::Program(dial) => Error::Far {
                destination: dial.destination.clone(),
                code: None,
                words: Vec::new(),
                source: Some(source),
            },
        })
    }
}

fn of(app: &AppName, verb: Verb) -> Route {
    Route::Of(app.clone(), verb)
}

fn request(route: &Route, query: &str, body: Option<&impl Serialize>) -> Request<Full<Bytes>> {
    let mut uri = route.path();
    if !query.is_empty() {
        uri.push('?');
        uri.push_str(query);
    }
    let body = body.map_or_else(Vec::new, |body| {
        serde_json::to_vec(body).expect("our requests hold nothing that JSON cannot write")
    });
    built(route, uri, "application/json", body)
}

/// A request whose body is no JSON.
fn raw_request(route: &Route, body: Vec<u8>) -> Request<Full<Bytes>> {
    built(route, route.path(), "application/zlib", body)
}

fn built(route: &Route, uri: String, kind: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(route.method())
        .uri(uri)
        .header(header::HOST, "ship")
        .header(header::CONTENT_TYPE, kind);
    if !spans_versions(route) {
        request = request.header(version::HEADER, version::VERSION);
    }
    request
        .body(Full::new(body.into()))
        .expect("a route and an encoded query make a valid request")
}

/// Whether a route is the same in every version: a server of another version must be stoppable,
/// which is what the hint of [`Mismatch`] says.
fn spans_versions(route: &Route) -> bool {
    *route == Route::StopServer
}

/// The answer, unless it is a failure or comes from another version.
async fn accepted(route: &Route, answer: Response<Incoming>) -> Result<Response<Incoming>> {
    if !spans_versions(route) {
        let said = answer.headers().get(version::HEADER);
        version::check_server(said.and_then(|value| value.to_str().ok()))?;
    }
    if answer.status().is_success() {
        return Ok(answer);
    }
    let text = whole(route, answer).await?;
    let problem = serde_json::from_slice(&text).map_err(|source| unreadable(route, source))?;
    Err(Error::Refused(Box::new(problem)))
}

async fn whole(route: &Route, answer: Response<Incoming>) -> Result<Bytes> {
    let body = answer.into_body().collect().await;
    Ok(body.map_err(|source| broken(route, source))?.to_bytes())
}

fn broken(route: &Route, source: hyper::Error) -> Error {
    Error::Broken {
        route: route.to_string(),
        source,
    }
}

fn unreadable(route: &Route, source: serde_json::Error) -> Error {
    Error::Unreadable {
        route: route.to_string(),
        source,
    }
}

/// A connection; dropping it closes it.
#[derive(Debug)]
struct Open {
    sender: http1::SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
    /// The program in between ends with it.
    caller: Option<Caller>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the server streams, one event a line. Dropping it closes the connection, which the server
/// understands as a wish to cancel.
#[derive(Debug)]
pub struct EventStream<T> {
    route: Route,
    body: Incoming,
    unread: BytesMut,
    _open: Open,
    events: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> EventStream<T> {
    /// The next event; `None` after the last. A server that dies in the middle is an error
    /// ([`Error::is_broken`]), never a quiet end. Safe to drop half-way, as in `select!`.
    pub async fn next(&mut self) -> Result<Option<T>> {
        loop {
            if let Some(line) = self.take_line() {
                // Empty lines are the server's way to find out whether we are still there.
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                let event = serde_json::from_slice(&line);
                return event
                    .map(Some)
                    .map_err(|source| unreadable(&self.route, source));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.unread.extend_from_slice(&data);
                    }
                }
                Some(Err(source)) => return Err(broken(&self.route, source)),
                None if self.unread.is_empty() => return Ok(None),
                None => self.unread.extend_from_slice(b"\n"),
            }
        }
    }

    fn take_line(&mut self) -> Option<BytesMut> {
        let end = self.unread.iter().position(|byte| *byte == b'\n')?;
        let line = self.unread.split_to(end);
        self.unread.advance(1);
        Some(line)
    }
}
