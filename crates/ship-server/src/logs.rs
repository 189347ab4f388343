//! The logs of an app: asked once, or followed.

use std::sync::Arc;
use std::time::Duration;

use ship_api::event::LogLine;
use ship_api::request::Logs;
use ship_base::hint;
use ship_base::name::{AppName, ProcessName, ReleaseId};
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

/// The last lines of one process of one release, oldest first, for an error.
pub(crate) fn last(
    server: &Server,
    app: &AppName,
    process: &ProcessName,
    release: ReleaseId,
    count: usize,
) -> Vec<String> {
    let query = Query {
        process: Some(process.clone()),
        release: Some(release),
        tail: Some(count),
        ..Query::default()
    };
    let lines = log_store::query(&server.folders.logs(app), &query);
    let lines = lines.into_iter().flatten().filter_map(Result::ok);
    let own = lines.filter(|line| line.stream != log_store::Stream::Ship);
    own.map(|line| line.lossy().into_owned()).collect()
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
