//! What the control process holds, and how the rest of it finds an app, a plan, a URL.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ship_api::reply::{Certificate, ServerStatus};
use ship_base::file;
use ship_base::hint;
use ship_base::name::{AppName, ReleaseId};
use ship_base::paths::Folders;
use ship_base::secret::Secret;
use ship_door::table::Acme;
use ship_project::plan::Plan;
use ship_run::ForkServer;
use ship_store::{AppRecord, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::app::{App, lock};
use crate::certificate;
use crate::domain;
use crate::door::{self, Door};
use crate::environment::Settings;
use crate::error::Error;
use crate::room::Room;
use crate::socket_store::SocketStore;
use crate::table::local_host;

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
    /// A server of a machine, as opposed to a laptop's: where visitors come in.
    pub public: Option<Public>,
    /// What the tools of a build from afar are started with: a caller's own variables stay at home.
    pub tools: BTreeMap<String, Secret<String>>,
    /// End after this long without apps and callers; `None`: never.
    pub idle: Option<Duration>,
    /// What may take how much of the disk.
    pub room: Room,
    /// Where the door's sockets outlive both of us.
    pub sockets: Arc<SocketStore>,
}

/// How a machine's server meets the world. Its apps run as users of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// The port of plain HTTP, on every address.
    pub http: u16,
    /// The port of TLS, on every address.
    pub https: u16,
    /// Whether HTTP/3 is spoken, at the UDP port of the same number.
    pub http3: bool,
    /// The authority that is asked for certificates of the apps' domains; `None` asks nobody.
    pub acme: Option<Acme>,
}

/// Everything the control process holds; shared by its tasks.
pub(crate) struct Server {
    pub(crate) config: Config,
    pub(crate) folders: Folders,
    pub(crate) program: PathBuf,
    /// Where keepers come from.
    pub(crate) keepers: Arc<ForkServer>,
    pub(crate) user: String,
    pub(crate) store: Store,
    pub(crate) door: Door,
    /// Every task of this process; waited for at the end.
    pub(crate) tasks: TaskTracker,
    /// Set when this process is about to end.
    pub(crate) stopping: CancellationToken,
    /// Set when no deploy is to go on, and none to begin: with `stopping`, and from the beginning
    /// of `ship server stop`.
    pub(crate) deploys_end: CancellationToken,
    /// What the door said last.
    pub(crate) certificates: Mutex<Vec<Certificate>>,
    /// What a key was refused last, and when.
    pub(crate) refused: Mutex<Option<((String, String), Instant)>>,
    apps: Mutex<BTreeMap<AppName, Arc<App>>>,
    generation: AtomicU32,
    busy: AtomicUsize,
    calm: Notify,
}

impl Server {
    /// With no app known and no door open.
    pub(crate) fn new(config: Config, store: Store) -> Self {
        let stopping = CancellationToken::new();
        Self {
            folders: config.folders.clone(),
            program: config.program.clone(),
            keepers: Arc::new(ForkServer::new(&config.program)),
            user: user(&config.role_environment),
            config,
            store,
            door: Door::default(),
            tasks: TaskTracker::new(),
            deploys_end: stopping.child_token(),
            stopping,
            certificates: Mutex::default(),
            refused: Mutex::default(),
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

    /// Whether this is the app of its name: not one that was destroyed while somebody waited.
    pub(crate) fn is_the(&self, app: &Arc<App>) -> bool {
        lock(&self.apps)
            .get(&app.name)
            .is_some_and(|known| Arc::ptr_eq(known, app))
    }

    /// Forgets an app that is no more.
    pub(crate) fn forget(&self, app: &App) {
        lock(&self.apps).remove(&app.name);
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
    pub(crate) fn authority(&self, plan: &Plan) -> String {
        let base = self.base_of(plan, self.door.port(), self.door.https_port());
        let authority = base.split_once("://").map(|(_, authority)| authority);
        authority.unwrap_or_default().to_owned()
    }

    /// Where visitors find the app of a plan, while the door is open.
    pub(crate) fn url_of(&self, plan: &Plan) -> Option<String> {
        // Workers alone: the door has nothing to lead to.
        if plan.web().is_none() && plan.routes.is_empty() {
            return None;
        }
        let port = self.door.port()?;
        Some(self.base_of(plan, Some(port), self.door.https_port()))
    }

    /// What an app is told its URL is, once for the life of an instance: with TLS already where
    /// the certificate is only asked for when the first instance answers.
    pub(crate) fn url_to_be(&self, plan: &Plan) -> Option<String> {
        let port = self.door.port()?;
        let has_tls = |domain: &str| certificate::is_to_come(self, domain);
        Some(self.base_where(plan, Some(port), self.door.https_port(), has_tls))
    }

    /// Scheme, host and port of an app with a door on these ports: on a server its first domain,
    /// with TLS where there is a certificate for it.
    pub(crate) fn base_of(&self, plan: &Plan, http: Option<u16>, https: Option<u16>) -> String {
        self.base_where(plan, http, https, |domain| {
            certificate::serves(self, domain)
        })
    }

    pub(crate) fn base_where(
        &self,
        plan: &Plan,
        http: Option<u16>,
        https: Option<u16>,
        has_tls: impl Fn(&str) -> bool,
    ) -> String {
        let domains = || {
            plan.domains
                .iter()
                .map(|domain| domain.value.to_lowercase())
        };
        let single = domains().find(|domain| !domain.starts_with('*'));
        // Where all are wildcards, a name that they have; nobody signs for the address.
        let app = &plan.name.value;
        let below = || domains().find_map(|it| Some(format!("{app}.{}", it.strip_prefix("*.")?)));
        let named = single.or_else(below);
        let address = || plan.domains.first().and_then(|_| domain::own_address());
        let is_public = self.config.public.is_some();
        let with_tls = is_public && named.as_deref().is_some_and(has_tls);
        let domain = named.or_else(address).filter(|_| is_public);
        let host = domain.unwrap_or_else(|| local_host(&plan.name.value));
        let (scheme, usual, port) = match https.filter(|_| with_tls) {
            Some(https) => ("https", 443, Some(https)),
            None => ("http", 80, http),
        };
        match port.filter(|port| *port != usual) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }

    /// Where visitors find an app, while it runs and the door is open.
    pub(crate) fn url(&self, app: &AppName) -> Option<String> {
        let live = self.apps().into_iter().find(|known| &known.name == app)?;
        self.url_of(&live.live()?.plan)
    }

    /// Sends the routes of now to the door, if there is one.
    pub(crate) async fn refresh_routes(&self) {
        if !self.door.is_open() {
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
            https_port: self.door.https_port(),
            running: running.map(|app| app.name.clone()).collect(),
            certificates: lock(&self.certificates).clone(),
        }
    }

    /// Marks this process as busy until the guard is dropped.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(self.clone())
    }

    /// Returns when somebody who was busy is so no more.
    pub(crate) fn calmed(&self) -> tokio::sync::futures::Notified<'_> {
        self.calm.notified()
    }

    /// Whether nothing runs and nobody calls.
    pub(crate) fn is_idle(&self) -> bool {
        self.busy.load(Ordering::SeqCst) == 0
            && self
                .apps()
                .iter()
                .all(|app| app.live().is_none() && app.fleet.all().is_empty())
    }
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
