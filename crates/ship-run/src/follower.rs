//! The control process's end of the line to one keeper.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::error::Error;
use crate::event::{Ask, Report, State};
use crate::files::{Files, Record};
use crate::keeper::PATIENCE;
use crate::process::ProcessKey;
use crate::remains;

/// The connection to a keeper.
pub(crate) struct Line {
    hears: BufReader<OwnedReadHalf>,
    says: OwnedWriteHalf,
}

impl Line {
    /// Connects, and takes the report that comes first.
    pub(crate) async fn open(files: &Files, known: &Report) -> Result<(Report, Self), Error> {
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
pub(crate) struct Follower {
    pub(crate) files: Files,
    pub(crate) listens: Option<PathBuf>,
    pub(crate) boot: String,
    pub(crate) last: Arc<Mutex<Report>>,
    pub(crate) reports: watch::Sender<Option<Report>>,
    pub(crate) asked: mpsc::Receiver<Ask>,
}

impl Follower {
    pub(crate) async fn follow(mut self, line: Line) {
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

    /// Sees that the keeper is gone; where it was killed, ends what it left.
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
            remains::kill(record.report.keeper);
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
