//! The life of a door: a table from disk, a core per processor, questions from the parent, and an
//! end in which what is in flight is finished.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use ship_base::clock::Moment;
use ship_base::file;
use ship_base::hint;
use ship_base::name::AppName;
use tokio::runtime::{Builder, LocalOptions};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::access_log::AccessLog;
use crate::acme::Acme;
use crate::cache::Caches;
use crate::control;
use crate::core::{self, Counters, Order, Setting};
use crate::crowd::Crowd;
use crate::error::{Error, TableError};
use crate::head::Scheme;
use crate::http3::Endpoint;
use crate::instance::{self, Instances};
use crate::limit::Limits;
use crate::listener::Listener;
use crate::route::Routes;
use crate::rules::LastRules;
use crate::stack;
use crate::table::{Status, Table};
use crate::tls::local_ca::LocalCa;
use crate::tls::{self, Own, Store};
use crate::traffic::Traffic;

/// How long a door that is told to end by a signal may finish what is in flight.
const GRACE: Duration = Duration::from_secs(30);

/// The same for one that finds another in its place, and was not told to leave.
const LEAVE: Duration = Duration::from_mins(10);

/// How often the author's own certificates are looked at.
const LOOK_AT_CERTIFICATES: Duration = Duration::from_secs(5);

/// How a door is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// The control socket: made with mode 0600; only the door's own user and root are answered.
    pub socket: PathBuf,
    /// Where the control socket lies at first, for a door that is to take the place of another: its
    /// parent moves it to `socket` once this one serves.
    pub first_socket: Option<PathBuf>,
    /// The folder of the last table (`table.json`), of the author's certificates (`certificates/`)
    /// and of the local CA.
    pub folder: PathBuf,
    /// Threads that serve, each with its own event loop; at least one.
    pub cores: usize,
    /// A laptop: error pages tell the developer what to look at. With false they tell nothing.
    pub developer: bool,
}

/// Runs a door until it is told to stop, on its socket or by SIGTERM or SIGINT.
pub fn run(config: Config) -> Result<(), Error> {
    run_with(config, Limits::default())
}

/// [`run`] with other limits than the door ships with.
pub fn run_with(config: Config, limits: Limits) -> Result<(), Error> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(setup("start an event loop"))?;
    runtime.block_on(live(config, limits))
}

async fn live(config: Config, limits: Limits) -> Result<(), Error> {
    file::create_private_folder(&config.folder)?;
    let limits = Limits {
        connections: limits.connections.min(most_connections(descriptors())),
        ..limits
    };
    let mut terminated = signal(SignalKind::terminate()).map_err(setup("listen for SIGTERM"))?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(setup("listen for SIGINT"))?;
    let door = Rc::new(Door::start(&config, limits)?);
    door.use_last_table().await;
    let control = control::Socket::bind(&config.socket, config.first_socket.as_deref())?;
    info!(cores = door.cores.len(), "the door is ready");
    // A task of its own: what is counted while the door leaves is put down as well.
    let counting = door.clone();
    tokio::task::spawn_local(async move { counting.traffic.keep().await });
    tokio::select! {
        () = control.serve(door.clone()) => {}
        () = door.watch_certificates() => {}
        () = door.acme.run() => {}
        () = door.ended.cancelled() => {}
        () = leave_when_replaced(&control, &door) => {}
        _ = terminated.recv() => stop_twice(&door, terminated.recv()).await,
        _ = interrupted.recv() => stop_twice(&door, interrupted.recv()).await,
    }
    control.finish().await;
    door.join();
    door.traffic.save(Moment::now());
    Ok(())
}

/// Leaves where another door has this one's place and its parent was killed before it said so.
async fn leave_when_replaced(control: &control::Socket, door: &Door) {
    control.replaced().await;
    if door.leaving.get() {
        // It was said: the leave goes on by itself.
        return std::future::pending().await;
    }
    info!("another door has taken this one's place");
    door.leave(LEAVE).await;
}

/// Stops with grace; without, when the signal comes again.
async fn stop_twice(door: &Door, again: impl Future<Output = Option<()>>) {
    tokio::select! {
        () = door.stop(GRACE) => {}
        _ = again => door.stop(Duration::ZERO).await,
    }
}

fn setup(what: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Setup { what, source }
}

/// Descriptors that visitors leave free: for the parent's questions, files of certificates, the
/// table, and what an authority asks.
const RESERVE: u64 = 64;

/// Raises the limit of open files as far as may be: the soft limit of 1024 is for programs that use
/// select(2). Returns what it is then.
fn descriptors() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            warn!(%error, "the limit of open files stays as it is");
            limit.current
        }
    }
}

/// A visitor needs two descriptors at most: its own, and one to an app or a file.
fn most_connections(descriptors: Option<u64>) -> usize {
    let free = descriptors.map(|all| all.saturating_sub(RESERVE) / 2);
    free.map_or(usize::MAX, |most| {
        usize::try_from(most.max(1)).unwrap_or(usize::MAX)
    })
}

/// The door's main thread: owns the table and the listening sockets, and serves nobody itself.
pub(crate) struct Door {
    table: PathBuf,
    listeners: RefCell<Vec<Listener>>,
    instances: RefCell<Instances>,
    caches: RefCell<Caches>,
    rules: RefCell<LastRules>,
    traffic: Traffic,
    cores: Vec<mpsc::UnboundedSender<Order>>,
    threads: Cell<Vec<JoinHandle<()>>>,
    counters: Arc<Counters>,
    folder: PathBuf,
    store: Arc<Store>,
    own: RefCell<Own>,
    acme: Acme,
    /// For endpoints; let go of at the end, since it holds the access log open.
    setting: RefCell<Option<Setting>>,
    /// The port of HTTP/3 that visitors are told; 0 while there is none.
    http3: Arc<AtomicU16>,
    /// Where HTTP/3 is spoken.
    endpoints: RefCell<Vec<Endpoint>>,
    /// Another door has this one's place: tables are used still, for whoever asks on an open
    /// connection, and what of them lasts is the other's to do.
    leaving: Cell<bool>,
    /// One swap at a time: disk and cores must agree on which table is the last.
    swap: tokio::sync::Mutex<()>,
    /// Fires when the door has stopped.
    pub(crate) ended: CancellationToken,
}

impl Door {
    fn start(config: &Config, limits: Limits) -> Result<Self, Error> {
        let each = (!config.developer).then_some(limits.connections_each);
        let store = Arc::new(Store::default());
        let mut own = Own::new(&config.folder, store.clone());
        own.look();
        let tls = tls::config(store.clone()).map_err(|error| Error::Setup {
            what: "set up TLS",
            source: io::Error::other(error),
        })?;
        let tls_of_http3 = tls::config_of_http3(store.clone()).map_err(|error| Error::Setup {
            what: "set up TLS",
            source: io::Error::other(error),
        })?;
        let (access_log, writer) = AccessLog::start().map_err(setup("start a thread"))?;
        let setting = Setting {
            access_log,
            tls,
            tls_of_http3,
            http3: Arc::default(),
            certificates: store.clone(),
            crowd: Crowd::new(limits.connections, each),
            limits,
            cores: config.cores.max(1),
            counters: Arc::default(),
            developer: config.developer,
        };
        let started = (0..setting.cores).map(|number| core::start(number, setting.clone()));
        let started = started.collect::<io::Result<Vec<_>>>();
        let started = started.map_err(setup("start a thread"))?;
        let (cores, mut threads): (_, Vec<_>) = started.into_iter().unzip();
        // The last to be waited for: it ends when the cores have.
        threads.push(writer);
        Ok(Self {
            table: config.folder.join("table.json"),
            listeners: RefCell::default(),
            instances: RefCell::default(),
            caches: RefCell::default(),
            rules: RefCell::default(),
            traffic: Traffic::new(&config.folder, setting.cores, &setting.limits),
            cores,
            threads: Cell::new(threads),
            counters: setting.counters.clone(),
            http3: setting.http3.clone(),
            setting: RefCell::new(Some(setting)),
            endpoints: RefCell::default(),
            folder: config.folder.clone(),
            store: store.clone(),
            own: RefCell::new(own),
            acme: Acme::new(&config.folder, store.clone()),
            leaving: Cell::new(false),
            swap: tokio::sync::Mutex::new(()),
            ended: CancellationToken::new(),
        })
    }

    /// Serves what was served last. A table that cannot be used is no reason not to come up: the
    /// parent sends a new one.
    async fn use_last_table(&self) {
        let routes = last_table(&self.table).and_then(|table| match table {
            Some(table) => Ok(Some((self.compile(&table)?, table))),
            None => Ok(None),
        });
        match routes {
            Ok(None) => {}
            Ok(Some((routes, table))) => {
                self.use_certificates(&table);
                info!(sites = routes.sites().len(), "serving the last table");
                self.use_routes(routes, &table).await;
            }
            Err(error) => warn!(error = %hint::chain(&error), "the last table cannot be used"),
        }
    }

    fn compile(&self, table: &Table) -> Result<Routes, TableError> {
        Routes::compile(
            table,
            &mut self.instances.borrow_mut(),
            &self.caches.borrow(),
            &self.traffic.meters,
            &self.rules.borrow(),
        )
    }

    /// Swaps the table: checked first, on disk second, used third; a failure changes nothing.
    pub(crate) async fn swap(&self, table: Table) -> Result<(), Error> {
        let _one = self.swap.lock().await;
        let routes = self.compile(&table)?;
        let text = serde_json::to_vec(&table).map_err(|error| unreadable(&error))?;
        if !self.leaving.get() {
            // The keys of accounts elsewhere stand in it.
            file::write_whole_with_mode(&self.table, &text, 0o600)?;
        }
        self.use_certificates(&table);
        self.use_routes(routes, &table).await;
        info!(sites = table.sites.len(), "swapped the table");
        Ok(())
    }

    /// A local CA that cannot be had is no reason not to serve.
    fn use_certificates(&self, table: &Table) {
        self.own.borrow_mut().look();
        let wanted = &table.certificates;
        let hosts = table
            .sites
            .iter()
            .flat_map(|site| site.hosts.iter().cloned());
        if !self.leaving.get() {
            self.acme.want(wanted.acme.as_deref(), hosts);
        }
        match (wanted.local, self.store.has_local()) {
            (true, false) => match LocalCa::open(&self.folder) {
                Ok(ca) => self.store.set_local(Some(ca)),
                Err(error) => warn!(error = %hint::chain(&error), "there is no local CA"),
            },
            (false, true) => self.store.set_local(None),
            _ => {}
        }
    }

    /// Looks for changed files of certificates, until the door ends.
    async fn watch_certificates(&self) {
        loop {
            tokio::time::sleep(LOOK_AT_CERTIFICATES).await;
            self.own.borrow_mut().look();
        }
    }

    async fn use_routes(&self, routes: Routes, table: &Table) {
        self.traffic.use_budgets(&table.sites, Moment::now());
        let routes = Arc::new(routes);
        self.tell_all(|done| Order::Use(routes.clone(), done)).await;
        self.instances.borrow_mut().forget_idle(&routes.instances);
        self.caches.borrow_mut().keep(routes.sites());
        self.rules.borrow_mut().keep(routes.sites());
    }

    /// Gives an order to every core and waits until each has followed it.
    async fn tell_all(&self, order: impl Fn(oneshot::Sender<()>) -> Order) {
        let tell = |core: &mpsc::UnboundedSender<Order>| {
            let (done, followed) = oneshot::channel();
            // A core that has ended has nothing to follow.
            let _ = core.send(order(done));
            followed
        };
        let followed: Vec<_> = self.cores.iter().map(tell).collect();
        for core in followed {
            let _ = core.await;
        }
    }

    /// Waits until nothing is in flight to these keys, and cuts what is after `within`.
    pub(crate) async fn drain(&self, keys: &[String], within: Duration) -> u64 {
        let leaving = self.instances.borrow().with_keys(keys);
        let cut = instance::drain(&leaving, within, stack::FAREWELL).await;
        info!(?keys, cut, "drained");
        cut
    }

    /// Forgets what is kept of an app's answers; gives how many there were.
    pub(crate) fn purge(&self, app: &AppName, path: &str) -> u64 {
        let purged = self
            .caches
            .borrow()
            .of(app)
            .map_or(0, |cache| cache.purge(path));
        info!(%app, path, purged, "purged");
        purged as u64
    }

    /// Accepts on a socket, on every core. A name that is known is left as it is.
    pub(crate) async fn listen(&self, listener: Listener) -> io::Result<()> {
        if self
            .listeners
            .borrow()
            .iter()
            .any(|known| known.name == listener.name)
        {
            return Ok(());
        }
        if listener.is_of_http3() {
            return self.speak_http3(listener);
        }
        let scheme = Scheme::of_listener(&listener.name);
        let copies = self.cores.iter().map(|_| listener.copy());
        let copies = copies.collect::<io::Result<Vec<_>>>()?;
        info!(address = %listener.address, name = listener.name, "listening");
        self.listeners.borrow_mut().push(listener);
        for (core, copy) in self.cores.iter().zip(copies) {
            let (done, followed) = oneshot::channel();
            let _ = core.send(Order::Accept(scheme, copy.into(), done));
            let _ = followed.await;
        }
        Ok(())
    }

    /// Speaks HTTP/3 on a socket, and says so to visitors from now on.
    fn speak_http3(&self, listener: Listener) -> io::Result<()> {
        let setting = self.setting.borrow().clone();
        let setting = setting.ok_or(io::ErrorKind::BrokenPipe)?;
        let endpoint = Endpoint::start(listener.copy()?, &setting, self.cores.clone())?;
        info!(address = %listener.address, name = listener.name, "listening");
        let port = listener.address.port();
        self.http3.store(port, Ordering::Relaxed);
        self.endpoints.borrow_mut().push(endpoint);
        self.listeners.borrow_mut().push(listener);
        Ok(())
    }

    /// Names and copies of the listening sockets.
    pub(crate) fn listeners(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        let listeners = self.listeners.borrow();
        let pair = |one: &Listener| Ok((one.name.clone(), one.copy()?));
        listeners.iter().map(pair).collect()
    }

    pub(crate) fn status(&self) -> Status {
        Status {
            pid: rustix::process::getpid().as_raw_pid(),
            listening: self
                .listeners
                .borrow()
                .iter()
                .map(|one| one.address)
                .collect(),
            connections: self.counters.connections.load(Ordering::Relaxed),
            requests: self.counters.requests.load(Ordering::Relaxed),
            failures: self.counters.failures.load(Ordering::Relaxed),
            in_flight: self.instances.borrow().in_flight(),
            certificates: [self.own.borrow().states(), self.acme.states()].concat(),
        }
    }

    /// Accepts no more, and finishes what is in flight, at most `within`.
    pub(crate) async fn stop(&self, within: Duration) {
        self.end();
        self.tell_all(|done| Order::Stop(within, done)).await;
    }

    /// The same where another door has this one's place.
    pub(crate) async fn leave(&self, within: Duration) {
        self.leaving.set(true);
        self.end();
        self.tell_all(|done| Order::Leave(within, done)).await;
    }

    fn end(&self) {
        info!("stopping");
        // Who follows asks the authority.
        self.acme.want(None, std::iter::empty());
        self.listeners.borrow_mut().clear();
        self.http3.store(0, Ordering::Relaxed);
        self.endpoints.borrow().iter().for_each(Endpoint::close);
    }

    /// Waits for the cores' threads, which have been told to stop.
    fn join(&self) {
        self.endpoints.take().into_iter().for_each(Endpoint::end);
        self.setting.take();
        for thread in self.threads.take() {
            if thread.join().is_err() {
                warn!("a core ended by a panic");
            }
        }
    }
}

fn last_table(path: &Path) -> Result<Option<Table>, Error> {
    match file::read_text_if_there(path)? {
        Some(text) => Ok(Some(read_table(&text)?)),
        None => Ok(None),
    }
}

fn read_table(text: &str) -> Result<Table, TableError> {
    serde_json::from_str(text).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> TableError {
    TableError::Unreadable {
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::Meters;

    /// A table as version 1 wrote it: a door of today must serve it.
    const VERSION_1: &str = include_str!("../tests/tables/v1.json");

    #[test]
    fn visitors_leave_descriptors_free() {
        assert_eq!(most_connections(Some(1064)), 500);
        assert_eq!(most_connections(Some(10)), 1);
        assert_eq!(most_connections(None), usize::MAX);
    }

    #[test]
    fn a_table_of_version_1_can_still_be_read() {
        let table = read_table(VERSION_1).unwrap();
        let routes = Routes::compile(
            &table,
            &mut Instances::default(),
            &Caches::default(),
            &Meters::default(),
            &LastRules::default(),
        )
        .unwrap();
        assert_eq!(routes.site("blog.localhost").unwrap().app.as_str(), "blog");
        assert_eq!(routes.instances.len(), 2);
    }
}
