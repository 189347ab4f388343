//! The stream of one deploy to its caller.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use ship_api::event::DeployEvent;
use ship_base::name::AppName;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::error::Error;
use crate::server::Server;

/// Events on their way to a caller, and the reasons to give up: the caller has gone, the app is to
/// be stopped, this process is about to end.
#[derive(Clone)]
pub(crate) struct Events {
    sender: mpsc::UnboundedSender<DeployEvent>,
    app: Arc<OnceLock<AppName>>,
    interrupted: Arc<OnceLock<CancellationToken>>,
    end: CancellationToken,
}

impl Events {
    /// A stream and its other end. `end` fires when no deploy is to go on.
    pub(crate) fn new(end: CancellationToken) -> (Self, mpsc::UnboundedReceiver<DeployEvent>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let events = Self {
            sender,
            app: Arc::default(),
            interrupted: Arc::default(),
            end,
        };
        (events, receiver)
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

    /// The app that this deploy is about, once that is known.
    pub(crate) fn app(&self) -> Option<&AppName> {
        self.app.get()
    }

    /// Names the app that this deploy is about, once that is known.
    pub(crate) fn about(&self, app: &AppName) {
        let _ = self.app.set(app.clone());
    }

    /// From now on the deploy ends when somebody wants `app` stopped.
    pub(crate) fn heed(&self, app: &App) {
        self.about(&app.name);
        let _ = self.interrupted.set(app.deploys());
    }

    /// Something the author should know.
    pub(crate) fn note(&self, text: impl Into<String>, hint: Option<String>) {
        self.send(DeployEvent::Note {
            text: text.into(),
            hint,
        });
    }

    /// Waits for a reason to give up.
    pub(crate) async fn given_up(&self) -> Error {
        let interrupted = async {
            match self.interrupted.get() {
                Some(interrupted) => interrupted.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.sender.closed() => Error::Cancelled,
            () = interrupted => Error::Interrupted,
            () = self.end.cancelled() => Error::Ending,
        }
    }

    /// Fails when there is a reason to give up.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let interrupted = self.interrupted.get();
        if self.sender.is_closed() {
            Err(Error::Cancelled)
        } else if interrupted.is_some_and(CancellationToken::is_cancelled) {
            Err(Error::Interrupted)
        } else if self.end.is_cancelled() {
            Err(Error::Ending)
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

    /// Waits for `work`, unless a reason to give up comes first.
    pub(crate) async fn unless_given_up<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            result = work => result,
            why = self.given_up() => Err(why),
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
