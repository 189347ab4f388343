//! `ship up` without `--detach`: it shows the app's lines and holds the app while it listens.

use std::sync::Arc;

use ship_api::event::AttachEvent;
use ship_api::request::Logs;
use ship_base::clock::Moment;
use tokio::sync::mpsc::{self, Receiver};

use crate::app::App;
use crate::error::Error;
use crate::logs;
use crate::server::Server;

/// The app's lines from `since` (or now) on; the app is held until the receiver is dropped. It
/// ends when the app is stopped by somebody else. An app that does not run cannot be held.
pub(crate) fn stream(
    server: &Arc<Server>,
    app: &Arc<App>,
    since: Option<Moment>,
) -> Result<Receiver<AttachEvent>, Error> {
    if app.live().is_none() {
        return Err(Error::NotRunning {
            app: app.name.clone(),
        });
    }
    let (sender, receiver) = mpsc::channel(256);
    let attached = app.lease.attach();
    let (server, app) = (server.clone(), app.clone());
    server.clone().tasks.spawn(async move {
        let _attached = attached;
        if sender.send(AttachEvent::Held).await.is_err() {
            return;
        }
        let query = Logs {
            since: since.or_else(|| Some(Moment::now())),
            follow: true,
            ..Logs::default()
        };
        let mut lines = logs::stream(&server, &app.name, query);
        loop {
            tokio::select! {
                line = lines.recv() => {
                    let Some(line) = line else { return };
                    if sender.send(AttachEvent::Line(line)).await.is_err() {
                        return;
                    }
                }
                () = sender.closed() => return,
                () = app.ended() => return,
                () = server.stopping.cancelled() => return,
            }
        }
    });
    Ok(receiver)
}
