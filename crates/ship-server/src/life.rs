//! The control process from start to end.

use std::sync::Arc;
use std::time::Duration;

use ship_base::hint;
use ship_base::lock::Lock;
use ship_store::Store;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::api::Entrance;
use crate::door;
use crate::error::Error;
use crate::server::{Config, Server};
use crate::socket::Socket;
use crate::{adopt, api, certificate, job, stop};

/// How long what is under way may take to give up at the end: a build ends its tools, a deploy
/// tells its caller. What needs longer is left as it is, and sorted out by the next control process.
const FAREWELL: Duration = Duration::from_secs(3);

/// Serves until SIGTERM, `ship server stop`, or nothing is left to do. Apps and door live on after
/// a SIGTERM; they are found again at the next start.
pub fn run(config: Config) -> Result<(), Error> {
    config.folders.create()?;
    let Some(_only) = Lock::try_now(&config.folders.server_lock())? else {
        return Err(Error::AlreadyRuns);
    };
    let store = Store::open(&config.folders)?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failed("an event loop"))?;
    let served = runtime.block_on(serve(Arc::new(Server::new(config, store))));
    // A thread that removes files, or whose tool will not end, must not keep the lock from the
    // next control process.
    runtime.shutdown_background();
    served
}

async fn serve(server: Arc<Server>) -> Result<(), Error> {
    let signals = Signals::new()?;
    adopt::everything(&server).await?;
    let socket = Socket::listen(&server.folders.api_socket())?;
    let keys = Socket::listen(&server.folders.key_socket())?;
    info!(pid = std::process::id(), socket = %server.folders.api_socket().display(), "serving");
    server
        .tasks
        .spawn(api::serve(server.clone(), socket, Entrance::Own));
    server
        .tasks
        .spawn(api::serve(server.clone(), keys, Entrance::Keys));
    server.tasks.spawn(job::run(server.clone()));
    server.tasks.spawn(certificate::watch(server.clone()));
    server.tasks.spawn(end_when_idle(server.clone()));
    tokio::select! {
        () = signals.end() => server.stopping.cancel(),
        () = server.stopping.cancelled() => {}
    }
    server.tasks.close();
    let _ = tokio::time::timeout(FAREWELL, server.tasks.wait()).await;
    info!("ended");
    Ok(())
}

/// The signals that mean something to this process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Heard and ignored: the terminal that this process was started from has closed.
    _hang_up: Signal,
}

impl Signals {
    /// From now on none of them ends this process by itself.
    fn new() -> Result<Self, Error> {
        let hear = |kind| signal(kind).map_err(failed("signals"));
        Ok(Self {
            terminate: hear(SignalKind::terminate())?,
            interrupt: hear(SignalKind::interrupt())?,
            _hang_up: hear(SignalKind::hangup())?,
        })
    }

    async fn end(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn failed(what: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::Setup { what, source }
}

/// Ends this process, and the door, once nothing has run and nobody has called for a while.
async fn end_when_idle(server: Arc<Server>) {
    let Some(idle) = server.config.idle else {
        return;
    };
    loop {
        let calmed = server.calmed();
        tokio::pin!(calmed);
        calmed.as_mut().enable();
        let waited = async {
            if server.is_idle() {
                tokio::time::timeout(idle, calmed).await.is_err()
            } else {
                calmed.await;
                false
            }
        };
        let waited = tokio::select! {
            waited = waited => waited,
            () = server.stopping.cancelled() => return,
        };
        // Nothing happens between this look and the end: no caller is accepted any more.
        if waited && server.is_idle() {
            info!("nothing runs and nobody calls");
            server.stopping.cancel();
            door::close(&server).await;
            return;
        }
    }
}

/// `ship server stop`: stops every app, the door, and then this process.
pub(crate) async fn stop_everything(server: &Arc<Server>, within: Option<Duration>) {
    server.deploys_end.cancel();
    let mut leaving = tokio::task::JoinSet::new();
    for app in server.apps() {
        let server = server.clone();
        leaving.spawn(async move { stop::stop(&server, &app, within).await });
    }
    for stopped in leaving.join_all().await {
        if let Err(error) = stopped {
            warn!(error = %hint::chain(&error), "an app was not stopped");
        }
    }
    door::close(server).await;
    server.stopping.cancel();
}
