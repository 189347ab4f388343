//! The control process's handle on a keeper, told from start to gone.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use ship_base::file;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use crate::announcement::Announcement;
use crate::error::Error;
use crate::event::{Ask, Ended, Report, State};
use crate::files::{Files, Record};
use crate::not_ready::{NotReady, Why};
use crate::process::ProcessKey;
use crate::remains;
use crate::spec::{Address, Spec};

/// How long a keeper may take to begin, to answer, or to end after its program has: it needs
/// milliseconds, but the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

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
    /// Starts a keeper for `spec`: `program` is the `ship` binary (or any whose role `keep` is
    /// [`crate::keep::main`]). Returns once it has begun; whether the instance becomes ready is
    /// another question, see [`Keeper::ready`].
    pub async fn start(program: &Path, spec: &Spec) -> Result<Self, Error> {
        file::create_folder(&spec.keepers)?;
        let files = Files::new(&spec.keepers, &spec.instance, spec.release);
        launch(program, spec, &files).await?;
        let record = Record::read(&files.state());
        let record = record.ok_or_else(|| Error::Gone {
            instance: spec.instance.clone(),
        })?;
        let connected = Self::connect(files, &record).await;
        if connected.is_err() {
            spawn_blocking(move || remains::kill_keeper(&record.report));
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
    /// Decided early when the program cannot be started, ends for good, or ends twice in a row.
    pub async fn ready(&self, within: Duration) -> Result<Option<Address>, NotReady> {
        let deadline = Instant::now() + within;
        let mut reports = self.watch();
        let mut missing = None;
        loop {
            let report = reports.borrow_and_update().clone();
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
            // An error of `changed` means that the keeper is gone, which the next round sees.
            if timeout_at(deadline, reports.changed()).await.is_err() {
                let missing = missing.unwrap_or_else(|| "it keeps ending".to_owned());
                return Err(self.not_ready(within, Why::WaitingFor(missing)));
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

/// Starts the keeper's process, gives it its spec, and waits for it to say that it has begun.
async fn launch(program: &Path, spec: &Spec, files: &Files) -> Result<(), Error> {
    let failed = |source| Error::Start {
        instance: spec.instance.clone(),
        program: program.to_owned(),
        source,
    };
    let errors = file::append(&files.errors(), 0o600)?;
    let mut child = command(program, spec, errors).spawn().map_err(failed)?;
    let key = ProcessKey::of(child.id().cast_signed());
    let text = serde_json::to_vec(spec).map_err(|error| failed(error.into()))?;
    let told = spawn_blocking(move || (tell(&mut child, &text), child));
    let Ok(told) = timeout(PATIENCE, told).await else {
        key.map(|key| key.signal(Signal::KILL));
        return Err(failed(io::ErrorKind::TimedOut.into()));
    };
    let (announcement, child) = told.map_err(|error| failed(io::Error::other(error)))?;
    let announcement = announcement.map_err(failed)?;
    let instance = spec.instance.clone();
    match announcement {
        // Its exit status is taken by the follower.
        Announcement::Began => return Ok(()),
        Announcement::Taken => wait(child).await.map(|()| Error::Taken {
            instance,
            release: spec.release,
        }),
        Announcement::Failed(why) => wait(child).await.map(|()| Error::Begin { instance, why }),
    }
    .map_or_else(|source| Err(failed(source)), Err)
}

fn command(program: &Path, spec: &Spec, errors: File) -> Command {
    let (app, local, release) = (&spec.instance.app, spec.instance.local(), spec.release);
    let mut command = Command::new(program);
    command
        .arg0(format!("ship: {app} {local} {release}"))
        .arg("keep")
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(errors));
    command
}

/// Writes the spec and reads the announcement; the keeper closes its output right after.
fn tell(child: &mut Child, spec: &[u8]) -> io::Result<Announcement> {
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    stdin.write_all(spec)?;
    drop(stdin);
    let mut said = Vec::new();
    let mut stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    stdout.read_to_end(&mut said)?;
    if said.is_empty() {
        child.wait()?;
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&said)?)
}

async fn wait(mut child: Child) -> io::Result<()> {
    spawn_blocking(move || child.wait())
        .await
        .map_err(io::Error::other)??;
    Ok(())
}

/// The connection to a keeper.
struct Line {
    hears: BufReader<OwnedReadHalf>,
    says: OwnedWriteHalf,
}

impl Line {
    /// Connects, and takes the report that comes first.
    async fn open(files: &Files, known: &Report) -> Result<(Report, Self), Error> {
        let talk = |source| Error::Talk {
            instance: known.instance.clone(),
            source,
        };
        let opened = timeout(PATIENCE, async {
            let stream = UnixStream::connect(files.socket()).await?;
            let (hears, says) = stream.into_split();
            let mut line = Self {
                hears: BufReader::new(hears),
                says,
            };
            Ok((line.hear().await?, line))
        });
        let opened = opened
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let (text, line) = opened.map_err(talk)?;
        let text = text.ok_or_else(|| Error::Gone {
            instance: known.instance.clone(),
        })?;
        let report = serde_json::from_str(&text);
        let report = report.map_err(|source| Error::Understand {
            instance: known.instance.clone(),
            source,
        })?;
        Ok((report, line))
    }

    async fn hear(&mut self) -> io::Result<Option<String>> {
        let mut text = String::new();
        let length = self.hears.read_line(&mut text).await?;
        Ok(if length == 0 { None } else { Some(text) })
    }

    async fn say(&mut self, ask: &Ask) -> io::Result<()> {
        let mut text = serde_json::to_vec(ask)?;
        text.push(b'\n');
        self.says.write_all(&text).await
    }
}

/// The task behind a handle: passes reports on, asks along, and clears up when the keeper is gone.
struct Follower {
    files: Files,
    listens: Option<PathBuf>,
    boot: String,
    last: Arc<Mutex<Report>>,
    reports: watch::Sender<Option<Report>>,
    asked: mpsc::Receiver<Ask>,
}

impl Follower {
    async fn follow(mut self, line: Line) {
        let mut line = Some(line);
        let keeper = self.last().keeper;
        while let Some(open) = line.take() {
            self.talk(open).await;
            // A keeper hangs up only when it ends, or on a listener that did not keep up.
            ended(keeper).await;
            if keeper.is_alive() {
                line = self.reconnect().await;
            }
        }
        self.clear().await;
        self.reports.send_replace(None);
    }

    fn last(&self) -> Report {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns when the connection ends.
    async fn talk(&mut self, mut line: Line) {
        // What a turn leaves unfinished stays in here for the next.
        let mut text = Vec::new();
        loop {
            let ask = tokio::select! {
                heard = line.hears.read_until(b'\n', &mut text) => match heard {
                    Ok(1..) => None,
                    _ => return,
                },
                Some(ask) = self.asked.recv() => Some(ask),
            };
            match ask {
                Some(ask) => {
                    if line.say(&ask).await.is_err() {
                        return;
                    }
                }
                None => self.heard(&std::mem::take(&mut text)),
            }
        }
    }

    fn heard(&mut self, text: &[u8]) {
        match serde_json::from_slice::<Report>(text) {
            Ok(report) => {
                debug!(instance = %report.instance, state = ?report.state, "keeper");
                self.last
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone_from(&report);
                self.reports.send_replace(Some(report));
            }
            Err(error) => warn!(%error, "a keeper said what is no report"),
        }
    }

    async fn reconnect(&mut self) -> Option<Line> {
        match Line::open(&self.files, &self.last()).await {
            Ok((report, line)) => {
                self.last
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone_from(&report);
                self.reports.send_replace(Some(report));
                Some(line)
            }
            Err(error) => {
                let error = ship_base::hint::chain(&error);
                warn!(error, "a keeper does not answer; ending it");
                None
            }
        }
    }

    /// Takes the keeper's exit status; where it was killed, ends what it left.
    async fn clear(&mut self) {
        let report = self.last();
        let finished = matches!(report.state, State::Ended { .. });
        let record = Record {
            boot: self.boot.clone(),
            listens: self.listens.clone(),
            report,
        };
        let files = self.files.clone();
        let cleared = spawn_blocking(move || {
            remains::kill_keeper(&record.report);
            if finished {
                Ok(files.remove()?)
            } else {
                remains::clear(&files, &record)
            }
        });
        if let Ok(Err(error)) = cleared.await {
            let error = ship_base::hint::chain(&error);
            warn!(error, "could not clear up after a keeper");
        }
    }
}

/// Waits for the end of a process, at most a second.
async fn ended(key: ProcessKey) {
    // A pidfd that cannot be had is a process that is gone.
    let pidfd = Pid::from_raw(key.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let Some(pidfd) = pidfd.filter(|_| key.is_alive()) else {
        return;
    };
    let second = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let wait = move || poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&second)).is_ok();
    let _ = spawn_blocking(wait).await;
}
