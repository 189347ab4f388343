//! The logs of an app: asked once, or followed.

use std::sync::Arc;
use std::time::Duration;

use ship_api::event::LogLine;
use ship_api::request::Logs;
use ship_base::hint;
use ship_base::name::{AppName, ProcessName, ReleaseId};
use ship_build::last_words::LastWords;
use ship_observe::log_store::{self, Follower, Line, Query};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tracing::warn;

use crate::error::Error;
use crate::server::Server;

/// How often a follower looks for more. A person sees no difference, and a look is cheap.
const LOOK: Duration = Duration::from_millis(100);

/// The lines that `asked` names; with `follow` the stream goes on until the receiver is dropped.
pub(crate) fn stream(server: &Arc<Server>, app: &AppName, asked: Logs) -> Receiver<LogLine> {
    let (sender, receiver) = mpsc::channel(256);
    let folder = if asked.access {
        server.folders.access_log(app)
    } else {
        server.folders.logs(app)
    };
    let query = query(&asked);
    let server = server.clone();
    let app = app.clone();
    server.clone().tasks.spawn(async move {
        let sent = if asked.follow {
            follow(&server, Follower::new(&folder, query), &sender).await
        } else {
            once(folder, query, sender).await
        };
        if let Err(error) = sent {
            warn!(%app, error = %hint::chain(&error), "logs not read");
        }
    });
    receiver
}

fn query(asked: &Logs) -> Query {
    Query {
        process: asked.process.clone(),
        release: asked.release,
        since: asked.since,
        until: None,
        grep: asked.grep.clone(),
        tail: asked.tail,
    }
}

async fn once(
    folder: std::path::PathBuf,
    query: Query,
    sender: Sender<LogLine>,
) -> Result<(), Error> {
    crate::task::blocking(move || {
        for line in log_store::query(&folder, &query)? {
            if sender.blocking_send(api_line(line?)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    })
    .await
}

async fn follow(
    server: &Server,
    mut follower: Follower,
    sender: &Sender<LogLine>,
) -> Result<(), Error> {
    loop {
        for line in follower.poll()? {
            if sender.send(api_line(line)).await.is_err() {
                return Ok(());
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = sender.closed() => return Ok(()),
            () = server.stopping.cancelled() => return Ok(()),
        }
    }
}

/// What one process of one release wrote last, for an error: at most `count` lines.
pub(crate) fn last_words(
    server: &Server,
    app: &AppName,
    process: &ProcessName,
    release: ReleaseId,
    count: usize,
) -> LastWords {
    let query = Query {
        process: Some(process.clone()),
        release: Some(release),
        // Beside those of the program stand remarks of ours, and it may have been started again.
        tail: Some(count * 3),
        ..Query::default()
    };
    let lines = log_store::query(&server.folders.logs(app), &query);
    let lines: Vec<Line> = lines.into_iter().flatten().filter_map(Result::ok).collect();
    let mut said = of_last_start(&lines);
    said.drain(..said.len().saturating_sub(count));
    let work = server.folders.work(app, release);
    LastWords::read(app, &work, said)
}

/// What the program wrote since its last start, without what it wrote at the starts before: of the
/// instance that wrote last, back to a remark of ours.
fn of_last_start(lines: &[Line]) -> Vec<String> {
    let is_own = |line: &&Line| line.stream != log_store::Stream::Ship;
    let Some(last) = lines.iter().rev().find(is_own) else {
        return Vec::new();
    };
    let of_instance = lines
        .iter()
        .rev()
        .filter(|line| line.instance == last.instance);
    let mut said: Vec<String> = of_instance
        .skip_while(|line| !is_own(line))
        .take_while(is_own)
        .map(|line| line.lossy().into_owned())
        .collect();
    said.reverse();
    said
}

fn api_line(line: Line) -> LogLine {
    LogLine {
        at: line.at,
        text: line.lossy().into_owned(),
        stream: line.stream.as_str().to_owned(),
        instance: line.instance,
        release: line.release,
    }
}
