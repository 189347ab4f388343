//! The control process's handle on a keeper, told from start to gone.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use ship_base::file;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::warn;

use crate::error::Error;
use crate::event::{Ask, Ended, Report, State};
use crate::files::{Files, Record};
use crate::follower::{Follower, Line};
use crate::fork_server::ForkServer;
use crate::launch::launch;
use crate::not_ready::{NotReady, UNWELL, Why};
use crate::remains;
use crate::spec::{Address, Spec};

/// How long a keeper may take to begin, to answer, or to end after its program has: it needs
/// milliseconds, but the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Ends in a row without ever being ready that decide a start.
const TRIES: u32 = 2;

/// A handle on a keeper. Clones are handles on the same one; when the last is dropped the keeper
/// lives on.
#[derive(Debug, Clone)]
pub struct Keeper {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    last: Arc<Mutex<Report>>,
    reports: watch::Receiver<Option<Report>>,
    asks: mpsc::Sender<Ask>,
    follower: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl Keeper {
    /// Starts a keeper for `spec`. Returns once it has begun; whether the instance becomes ready is
    /// another question, see [`Keeper::ready`].
    pub async fn start(server: &Arc<ForkServer>, spec: &Spec) -> Result<Self, Error> {
        file::create_folder(&spec.keepers)?;
        let files = Files::new(&spec.keepers, &spec.instance, spec.release);
        launch(server, spec, &files).await?;
        let record = Record::read(&files.state());
        let record = record.ok_or_else(|| Error::Gone {
            instance: spec.instance.clone(),
        })?;
        let connected = Self::connect(files, &record).await;
        if connected.is_err() {
            spawn_blocking(move || remains::kill(record.report.keeper));
        }
        connected
    }

    /// Connects to the keeper that `record` tells of and takes its first report.
    pub(crate) async fn connect(files: Files, record: &Record) -> Result<Self, Error> {
        let (last, line) = Line::open(&files, &record.report).await?;
        let (report_to, reports) = watch::channel(Some(last.clone()));
        let (asks, asked) = mpsc::channel(8);
        let last = Arc::new(Mutex::new(last));
        let folder = files.folder().to_owned();
        let follower = Follower {
            files,
            listens: record.listens.clone(),
            boot: record.boot.clone(),
            last: last.clone(),
            reports: report_to,
            asked,
        };
        let follower = tokio::spawn(follower.follow(line)).abort_handle();
        Ok(Self {
            shared: Arc::new(Shared {
                folder,
                last,
                reports,
                asks,
                follower,
            }),
        })
    }

    /// The folder of its state file and socket: [`Spec::keepers`].
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// The last report; when the keeper is gone, its very last.
    pub fn report(&self) -> Report {
        self.shared
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Every new report; `None` when the keeper is gone and nothing is left of its instance. A slow
    /// watcher misses some and sees the last.
    pub fn watch(&self) -> watch::Receiver<Option<Report>> {
        self.shared.reports.clone()
    }

    /// Waits until the instance is ready, at most `within`; gives where it can be reached, which is
    /// nowhere for a process that does not listen.
    ///
    /// Decided early when the program cannot be started, ends for good, ends twice in a row, or
    /// answers badly for [`UNWELL`].
    pub async fn ready(&self, within: Duration) -> Result<Option<Address>, NotReady> {
        let deadline = Instant::now() + within;
        let mut reports = self.watch();
        let mut missing = None;
        let mut unwell = None;
        loop {
            let report = reports.borrow_and_update().clone();
            let answered = report.as_ref().is_some_and(|report| report.answered);
            unwell = answered.then(|| unwell.unwrap_or_else(|| Instant::now() + UNWELL));
            let why = match report.map(verdict) {
                None => Some(Why::KeeperGone),
                Some(Verdict::Ready(address)) => return Ok(address),
                Some(Verdict::Failed(why)) => Some(why),
                Some(Verdict::Wait(waiting_for)) => {
                    missing = waiting_for.or(missing);
                    None
                }
            };
            if let Some(why) = why {
                return Err(self.not_ready(within, why));
            }
            let until = unwell.unwrap_or(deadline).min(deadline);
            // An error of `changed` means that the keeper is gone, which the next round sees.
            if timeout_at(until, reports.changed()).await.is_err() {
                let missing = missing.unwrap_or_else(|| "it keeps ending".to_owned());
                let is_unwell = until < deadline;
                let why = if is_unwell {
                    Why::Unwell
                } else {
                    Why::WaitingFor
                };
                return Err(self.not_ready(within, why(missing)));
            }
        }
    }

    fn not_ready(&self, within: Duration, why: Why) -> NotReady {
        let report = self.report();
        let why = match (why, report.ended()) {
            // The last report can be newer than the channel's end.
            (Why::KeeperGone, Some(ended)) => Why::Ended(ended.clone()),
            (why, _) => why,
        };
        NotReady {
            instance: report.instance.clone(),
            report,
            within,
            why,
        }
    }

    /// Stops the instance: SIGTERM, at most `grace`, SIGKILL for everything it started; returns
    /// when nothing is left, with how the program ended. A second stop can only shorten the first.
    pub async fn stop(&self, grace: Duration) -> Result<Option<Ended>, Error> {
        // Refused only when the keeper is gone, which is what is wanted.
        let _ = self.shared.asks.send(Ask::Stop { grace }).await;
        let deadline = Instant::now() + grace + PATIENCE;
        if let Ok(ended) = timeout_at(deadline, self.gone()).await {
            return Ok(ended);
        }
        let report = self.report();
        warn!(instance = %report.instance, "its keeper does not end; killing it");
        let keeper = report.keeper;
        spawn_blocking(move || keeper.signal(Signal::KILL));
        match timeout(PATIENCE, self.gone()).await {
            Ok(ended) => Ok(ended),
            Err(_) => Err(Error::Unkillable {
                instance: report.instance,
                count: 1,
            }),
        }
    }

    /// Stops the program with the grace of its spec and starts it again at once, in the same place.
    /// Returns when it was asked; [`Keeper::ready`] tells the rest.
    pub async fn restart(&self) -> Result<(), Error> {
        let asked = self.shared.asks.send(Ask::Restart).await;
        asked.map_err(|_| Error::Gone {
            instance: self.report().instance,
        })
    }

    /// Waits until the keeper is gone and nothing is left of its instance; gives how the program
    /// ended, where the keeper lived to tell.
    pub async fn gone(&self) -> Option<Ended> {
        let mut reports = self.watch();
        let _ = reports.wait_for(Option::is_none).await;
        self.report().ended().cloned()
    }
}

/// What one report means to a start.
enum Verdict {
    Ready(Option<Address>),
    Failed(Why),
    Wait(Option<String>),
}

fn verdict(report: Report) -> Verdict {
    match report.state {
        State::Ready { .. } => Verdict::Ready(report.address),
        State::Starting { waiting_for, .. } => Verdict::Wait(Some(waiting_for)),
        State::Stopping { .. } => Verdict::Wait(None),
        State::Ended { ended } => Verdict::Failed(Why::Ended(ended)),
        State::Waiting { ended, .. } => {
            let hopeless = matches!(ended, Ended::NotStarted(_)) || report.failures >= TRIES;
            if hopeless {
                Verdict::Failed(Why::Ended(ended))
            } else {
                Verdict::Wait(None)
            }
        }
    }
}
