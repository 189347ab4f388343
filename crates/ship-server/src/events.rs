//! The stream of one deploy to its caller.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use ship_api::event::DeployEvent;
use ship_base::name::AppName;
use tokio::sync::mpsc;

use crate::error::Error;
use crate::server::Server;

/// Events on their way to a caller, who may have gone.
#[derive(Clone)]
pub(crate) struct Events {
    sender: mpsc::UnboundedSender<DeployEvent>,
    app: Arc<OnceLock<AppName>>,
}

impl Events {
    /// A stream and its other end.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<DeployEvent>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (
            Self {
                sender,
                app: Arc::default(),
            },
            receiver,
        )
    }

    /// Tells the caller; one who has gone hears nothing.
    pub(crate) fn send(&self, event: DeployEvent) {
        let _ = self.sender.send(event);
    }

    /// The deploy failed; says what still serves.
    pub(crate) fn failed(&self, server: &Server, error: &Error) {
        let still = still_serving(server, self.app.get());
        self.send(DeployEvent::Failed {
            problem: error.problem(still),
        });
    }

    /// Names the app that this deploy is about, once that is known.
    pub(crate) fn about(&self, app: &AppName) {
        let _ = self.app.set(app.clone());
    }

    /// Something the author should know.
    pub(crate) fn note(&self, text: impl Into<String>, hint: Option<String>) {
        self.send(DeployEvent::Note {
            text: text.into(),
            hint,
        });
    }

    /// Returns once the caller has gone.
    pub(crate) async fn gone(&self) {
        self.sender.closed().await;
    }

    /// Whether the caller has gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }

    /// Fails with [`Error::Cancelled`] once the caller has gone.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.is_gone() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Tells that a step begins, and with [`Step::done`] that it is over.
    pub(crate) fn step(&self, name: impl Into<String>) -> Step<'_> {
        let name = name.into();
        self.send(DeployEvent::Begin { step: name.clone() });
        Step {
            events: self,
            name,
            began: Instant::now(),
        }
    }

    /// Waits for `work`, or fails with [`Error::Cancelled`] when the caller goes first.
    pub(crate) async fn or_gone<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            result = work => result,
            () = self.gone() => Err(Error::Cancelled),
        }
    }
}

/// A step that has begun.
pub(crate) struct Step<'a> {
    events: &'a Events,
    name: String,
    began: Instant,
}

impl Step<'_> {
    /// The step is over.
    pub(crate) fn done(self, detail: impl Into<String>) {
        let took = self.began.elapsed();
        self.events.send(DeployEvent::Done {
            step: self.name,
            took,
            detail: detail.into(),
        });
    }
}

/// `r1 still serves http://blog.localhost:8000`, where something does.
fn still_serving(server: &Server, app: Option<&AppName>) -> Option<String> {
    let name = app?;
    let live = server
        .apps()
        .into_iter()
        .find(|app| &app.name == name)?
        .live()?;
    Some(match server.url(name) {
        Some(url) => format!("{} still serves {url}", live.release),
        None => format!("{} still runs", live.release),
    })
}
