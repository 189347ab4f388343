//! The control process from start to end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ship_api::reply::ServerStatus;
use ship_base::file;
use ship_base::hint;
use ship_base::lock::Lock;
use ship_base::name::{AppName, ReleaseId};
use ship_base::paths::Folders;
use ship_project::plan::Plan;
use ship_store::{AppRecord, Store};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::app::{App, lock};
use crate::door::Door;
use crate::environment::Settings;
use crate::error::Error;
use crate::{adopt, api, door, job, stop};

/// How the control process is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folders of this installation.
    pub folders: Folders,
    /// The binary whose roles `door` and `keep` are started.
    pub program: PathBuf,
    /// Error pages of the door tell the developer what to look at: a laptop, not a server.
    pub developer: bool,
    /// The environment that the door is started with: what it needs to find `folders` again.
    pub role_environment: BTreeMap<OsString, OsString>,
    /// End after this long without apps and callers; `None`: never.
    pub idle: Option<Duration>,
}

/// Everything the control process holds; shared by its tasks.
pub(crate) struct Server {
    pub(crate) config: Config,
    pub(crate) folders: Folders,
    pub(crate) program: PathBuf,
    pub(crate) user: String,
    pub(crate) store: Store,
    pub(crate) door: Door,
    /// Every task of this process; waited for at the end.
    pub(crate) tasks: TaskTracker,
    /// Set when this process is about to end.
    pub(crate) stopping: CancellationToken,
    apps: Mutex<BTreeMap<AppName, Arc<App>>>,
    generation: AtomicU32,
    busy: AtomicUsize,
    calm: Notify,
}

/// Serves until SIGTERM, `ship server stop`, or nothing is left to do. Apps and door live on after
/// a SIGTERM; they are found again at the next start.
pub fn run(config: Config) -> Result<(), Error> {
    config.folders.create()?;
    let Some(_only) = Lock::try_now(&config.folders.server_lock())? else {
        return Err(Error::AlreadyRuns);
    };
    let store = Store::open(&config.folders)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| Error::Socket {
        socket: "epoll".to_owned(),
        source,
    })?;
    runtime.block_on(serve(Arc::new(Server::new(config, store))))
}

async fn serve(server: Arc<Server>) -> Result<(), Error> {
    adopt::everything(&server).await?;
    let listener = listen(&server)?;
    info!(pid = std::process::id(), socket = %server.folders.api_socket().display(), "serving");
    server.tasks.spawn(api::serve(server.clone(), listener));
    server.tasks.spawn(job::run(server.clone()));
    server.tasks.spawn(end_when_idle(server.clone()));
    wait_for_the_end(&server).await?;
    server.tasks.close();
    // What still follows an app or a caller sees `stopping`; a deploy in the middle is dropped and
    // its new instances are found, and stopped, by the next control process.
    let _ = tokio::time::timeout(Duration::from_secs(2), server.tasks.wait()).await;
    info!("ended");
    Ok(())
}

fn listen(server: &Server) -> Result<UnixListener, Error> {
    let socket = server.folders.api_socket();
    // The server lock says that nobody listens there any more.
    file::remove(&socket)?;
    let name = socket.display().to_string();
    UnixListener::bind(&socket).map_err(|source| Error::Socket {
        socket: name,
        source,
    })
}

async fn wait_for_the_end(server: &Server) -> Result<(), Error> {
    let failed = |source| Error::Socket {
        socket: "signals".to_owned(),
        source,
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    loop {
        tokio::select! {
            _ = terminate.recv() => server.stopping.cancel(),
            _ = interrupt.recv() => server.stopping.cancel(),
            // The terminal that this process was started from has closed: no reason to end.
            _ = hang_up.recv() => {}
            () = server.stopping.cancelled() => return Ok(()),
        }
    }
}

/// Ends this process, and the door, once nothing has run and nobody has called for a while.
async fn end_when_idle(server: Arc<Server>) {
    let Some(idle) = server.config.idle else {
        return;
    };
    loop {
        let changed = server.calm.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if server.is_idle() {
            if tokio::time::timeout(idle, changed).await.is_err() && server.is_idle() {
                info!("nothing runs and nobody calls");
                door::close(&server).await;
                server.stopping.cancel();
                return;
            }
        } else {
            changed.await;
        }
    }
}

impl Server {
    fn new(config: Config, store: Store) -> Self {
        Self {
            folders: config.folders.clone(),
            program: config.program.clone(),
            user: user(&config.role_environment),
            config,
            store,
            door: Door::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            apps: Mutex::default(),
            generation: AtomicU32::new(0),
            busy: AtomicUsize::new(0),
            calm: Notify::new(),
        }
    }

    /// A number that no keeper of this installation had while it lived.
    pub(crate) fn next_generation(&self) -> u32 {
        self.generation.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Later generations are numbered from here.
    pub(crate) fn start_generations_after(&self, last: u32) {
        self.generation.store(last, Ordering::SeqCst);
    }

    /// The apps that this process knows.
    pub(crate) fn apps(&self) -> Vec<Arc<App>> {
        lock(&self.apps).values().cloned().collect()
    }

    /// The app of this name, made where this process does not know it yet.
    pub(crate) fn app_or_new(&self, name: &AppName) -> Arc<App> {
        let mut apps = lock(&self.apps);
        apps.entry(name.clone())
            .or_insert_with(|| Arc::new(App::new(name.clone())))
            .clone()
    }

    /// Forgets an app that is no more.
    pub(crate) fn forget(&self, name: &AppName) {
        lock(&self.apps).remove(name);
    }

    /// What the store knows of an app.
    pub(crate) fn record(&self, name: &AppName) -> Result<AppRecord, Error> {
        let record = self.store.app(name)?;
        record.ok_or_else(|| Error::NoApp {
            app: name.to_string(),
        })
    }

    /// The plan of a release.
    pub(crate) fn plan(&self, app: &AppName, release: ReleaseId) -> Result<Plan, Error> {
        let path = self.folders.release(app, release).join("plan.json");
        let text = file::read(&path)?;
        serde_json::from_slice(&text).map_err(|source| Error::Plan { path, source })
    }

    /// The settings of an app in their layers.
    pub(crate) fn settings(&self, app: &AppName, plan: &Plan) -> Result<Settings, Error> {
        Ok(Settings::new(
            plan,
            self.store.dotenv(app)?,
            self.store.settings(app)?,
        ))
    }

    /// The host name with the port, as a browser sends it.
    pub(crate) fn authority(&self, app: &AppName) -> String {
        match self.door.port() {
            None | Some(80) => host(app),
            Some(port) => format!("{}:{port}", host(app)),
        }
    }

    /// Where visitors find an app, while the door is open.
    pub(crate) fn url(&self, app: &AppName) -> Option<String> {
        self.door
            .port()
            .map(|_| format!("http://{}", self.authority(app)))
    }

    /// Sends the routes of now to the door; a door that is down gets them when it is started.
    pub(crate) async fn refresh_routes(&self) {
        if self.door.pid().is_none() {
            return;
        }
        if let Err(error) = door::swap(self).await {
            warn!(error = %hint::chain(&error), "the door did not take the new routes");
        }
    }

    /// The server itself.
    pub(crate) fn status(&self) -> ServerStatus {
        let running = self.apps().into_iter().filter(|app| app.live().is_some());
        ServerStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: i32::try_from(std::process::id()).unwrap_or(0),
            door: self.door.pid(),
            port: self.door.port(),
            running: running.map(|app| app.name.clone()).collect(),
        }
    }

    /// Stops every app, the door, and then this process.
    pub(crate) async fn stop_everything(self: &Arc<Self>) {
        let mut leaving = tokio::task::JoinSet::new();
        for app in self.apps() {
            let server = self.clone();
            leaving.spawn(async move { stop::stop(&server, &app).await });
        }
        for stopped in leaving.join_all().await {
            if let Err(error) = stopped {
                warn!(error = %hint::chain(&error), "an app was not stopped");
            }
        }
        door::close(self).await;
        let server = self.clone();
        // After the answer is on its way.
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            server.stopping.cancel();
        });
    }

    /// Marks this process as busy until the guard is dropped.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(self.clone())
    }

    fn is_idle(&self) -> bool {
        self.busy.load(Ordering::SeqCst) == 0
            && self
                .apps()
                .iter()
                .all(|app| app.live().is_none() && app.fleet.all().is_empty())
    }
}

/// The host name of an app on this machine: RFC 6761 sends every `*.localhost` to loopback.
pub(crate) fn host(app: &AppName) -> String {
    format!("{app}.localhost")
}

/// Who this installation belongs to, as deploys record it.
fn user(environment: &BTreeMap<OsString, OsString>) -> String {
    let named = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| environment.get(&OsString::from(name)));
    match named.and_then(|name| name.to_str()) {
        Some(name) => name.to_owned(),
        None => format!("uid {}", rustix::process::getuid().as_raw()),
    }
}

/// Somebody calls, or something is under way.
pub(crate) struct Busy(Arc<Server>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
        self.0.calm.notify_one();
    }
}
