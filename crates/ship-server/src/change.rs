//! One change of an app by a verb: it waits for its turn, is recorded, and when it went well the
//! instances that were replaced leave.

use std::sync::Arc;
use std::time::Instant;

use ship_api::event::DeployEvent;
use ship_base::clock::Moment;
use ship_base::hint;
use ship_base::name::ReleaseId;
use ship_store::DeployRecord;
use tracing::{info, warn};

use crate::app::{App, Turn};
use crate::certificate;
use crate::error::Error;
use crate::events::Events;
use crate::instance::Instance;
use crate::roll::retire;
use crate::room;
use crate::server::Server;
use crate::task::blocking;
use crate::traffic;
use crate::work::{self, Claim};

/// How many releases of an app are kept: docs/architecture.md, "A deploy", step 8.
const KEEP: usize = 5;

/// A change that has its turn.
pub(crate) struct Change {
    app: Arc<App>,
    turn: Turn,
    verb: &'static str,
    began: Instant,
    /// What it is about to bring up, once that is known.
    claim: Option<(ReleaseId, Claim)>,
}

/// A change that visitors have seen, or need not see.
pub(crate) struct Switched {
    /// What is live.
    pub(crate) release: ReleaseId,
    /// The instances that were replaced, still finishing what they have in hand.
    pub(crate) old: Vec<Arc<Instance>>,
    /// Nothing was changed: it was live already.
    pub(crate) unchanged: bool,
}

impl Change {
    /// Waits for the right to change `app`; the caller is told whom for. `verb` is the word of the
    /// record: `up`.
    pub(crate) async fn begin(
        app: &Arc<App>,
        verb: &'static str,
        events: &Events,
    ) -> Result<Self, Error> {
        let began = Instant::now();
        events.heed(app);
        if let Some(holder) = app.busy() {
            events.send(DeployEvent::Waiting { holder });
        }
        let turn = events
            .unless_given_up(async { Ok(app.turn(title(verb)).await) })
            .await?;
        Ok(Self {
            app: app.clone(),
            turn,
            verb,
            began,
            claim: None,
        })
    }

    /// The release that is to be brought up: it stays until the change is over.
    pub(crate) async fn claim(&mut self, release: ReleaseId) {
        let claim = self.app.work.claim(release).await;
        self.claim = Some((release, claim));
    }

    /// Records how it went. When well: tells the caller, frees the app for the next change, and lets
    /// the replaced instances leave.
    pub(crate) async fn end(
        self,
        server: &Arc<Server>,
        result: Result<Switched, Error>,
        events: &Events,
    ) -> Result<(), Error> {
        let switched = match result {
            Ok(switched) => switched,
            Err(error) => {
                self.record(server, &hint::chain(&error));
                return Err(error);
            }
        };
        if !switched.unchanged {
            self.record(server, "live");
        }
        let Self {
            app,
            turn,
            began,
            claim,
            ..
        } = self;
        drop((turn, claim));
        if let Some(live) = app.live() {
            certificate::await_all(server, &live.plan, events).await;
            traffic::tell(server, &app, events);
        }
        events.send(DeployEvent::Live {
            release: switched.release,
            url: server.url(&app.name).unwrap_or_default(),
            took: began.elapsed(),
            unchanged: switched.unchanged,
        });
        retire(server, &app, switched.old).await;
        if !switched.unchanged {
            clean_up(server, &app);
        }
        events.send(DeployEvent::Finished);
        Ok(())
    }

    fn record(&self, server: &Server, outcome: &str) {
        let deploy = DeployRecord {
            app: self.app.name.clone(),
            release: self.claim.as_ref().map(|(release, _)| *release),
            by: server.user.clone(),
            verb: self.verb.to_owned(),
            at: Moment::now().before(self.began.elapsed()),
            took: self.began.elapsed(),
            outcome: outcome.to_owned(),
        };
        if let Err(error) = server.store.deployed(&deploy) {
            warn!(app = %self.app.name, error = %hint::chain(&error), "deploy not recorded");
        }
    }
}

/// What others are told while they wait.
fn title(verb: &'static str) -> &'static str {
    match verb {
        "up" => "ship up",
        "deploy" => "ship deploy",
        "promote" => "ship promote",
        "rollback" => "ship rollback",
        "restart" => "ship restart",
        "scale" => "ship scale",
        other => other,
    }
}

/// Removes the releases, environments and working copies that nobody needs.
pub(crate) fn clean_up(server: &Arc<Server>, app: &Arc<App>) {
    let (server, app, busy) = (server.clone(), app.clone(), server.busy());
    server.clone().tasks.spawn(async move {
        let _busy = busy;
        let held = app.work.hold().await;
        let name = app.name.clone();
        let of = server.clone();
        let collected = blocking(move || {
            let _held = held;
            let in_use = work::in_use(&of, &app);
            Ok(of.store.collect(&app.name, &in_use, KEEP)?)
        });
        match collected.await {
            Ok(collected) => info!(app = %name, ?collected, "collected"),
            Err(error) => warn!(app = %name, error = %hint::chain(&error), "not collected"),
        }
        room::shrink_caches(&server).await;
    });
}
