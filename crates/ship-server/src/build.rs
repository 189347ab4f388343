//! The build of a deploy: off the event loop, told to the caller, stopped when the caller goes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ship_api::event::DeployEvent;
use ship_base::name::{AppName, ReleaseId};
use ship_base::secret::Secret;
use ship_build::event::{Event, Phase};
use ship_build::{Again, Cancel, Remedy};
use ship_project::plan::{Dependencies, Plan};
use ship_store::{Draft, ReleaseMeta};

use crate::app::App;
use crate::candidate::Candidate;
use crate::environment::Variables;
use crate::error::Error;
use crate::events::Events;
use crate::owner;
use crate::plan_view::summary;
use crate::room;
use crate::server::Server;
use crate::task::blocking;

/// What is to be built.
pub(crate) struct Job<'a> {
    pub(crate) app: &'a Arc<App>,
    pub(crate) project: &'a Path,
    pub(crate) plan: Plan,
    pub(crate) settings: &'a Variables,
    /// In which ways it differs from an ordinary build.
    pub(crate) remedies: &'a [Remedy],
}

/// What came of it.
pub(crate) struct Built {
    release: ReleaseId,
    plan: Plan,
    pub(crate) outcome: Outcome,
    /// What may be tried where the release does not start.
    pub(crate) again: Option<Again>,
}

/// Whether the build made something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A release that was not there before.
    New,
    /// Exactly what the current release holds.
    Same,
}

impl Built {
    /// The release with the settings it is to run with.
    pub(crate) fn candidate(&self, settings: Variables) -> Candidate {
        Candidate {
            release: self.release,
            plan: self.plan.clone(),
            settings,
        }
    }
}

/// Builds, and keeps the result as a release unless it is the one that is current.
pub(crate) async fn build(
    server: &Arc<Server>,
    job: Job<'_>,
    tools: &BTreeMap<String, Secret<String>>,
    events: &Events,
) -> Result<Built, Error> {
    room::check_reserve(server).await?;
    let app = job.app.name.clone();
    let current = server.record(&app)?.current;
    let draft = server.store.begin(&app)?;
    let cancel = Cancel::default();
    let work = {
        let (server, events, cancel) = (server.clone(), events.clone(), cancel.clone());
        let (project, tools) = (job.project.to_owned(), tools.clone());
        let (plan, settings) = (job.plan, job.settings.clone());
        let remedies = job.remedies.to_vec();
        let previous = current.map(|release| server.folders.release(&app, release));
        let app = app.clone();
        blocking(move || {
            let builder = owner::builder(&server, &app)?;
            let request = ship_build::Request {
                folders: &server.folders,
                app: &app,
                project: &project,
                into: draft.folder(),
                plan,
                settings: &settings,
                tools: &tools,
                builder: builder.as_ref(),
                previous: previous.as_deref(),
                remedies: &remedies,
                cancel: &cancel,
            };
            let built = ship_build::build(&request, &mut |event| tell(&events, event))?;
            Ok((draft, built))
        })
    };
    let (draft, built) = or_cancel(work, &cancel, events).await?;
    if let Some(release) = current
        && server
            .store
            .release(&app, release)?
            .is_some_and(|held| held.content == built.content)
    {
        // Thousands of files are removed with it.
        blocking(move || {
            drop(draft);
            Ok(())
        })
        .await?;
        return Ok(Built {
            release,
            plan: built.plan,
            outcome: Outcome::Same,
            again: None,
        });
    }
    let chose_versions = built.chose_versions;
    let built = keep(server, draft, built).await?;
    if chose_versions {
        offer_pins(server, &app, &built, events);
    }
    Ok(built)
}

/// A build tomorrow may choose other versions; the author can decide that it must not.
fn offer_pins(server: &Server, app: &AppName, built: &Built, events: &Events) {
    let dependencies = built
        .plan
        .dependencies
        .as_ref()
        .map(|dependencies| &dependencies.value);
    let hint = if let Some(Dependencies::Pyproject { .. }) = dependencies {
        "`uv lock` keeps them with the project".to_owned()
    } else {
        let pins = server
            .folders
            .release(app, built.release)
            .join(ship_build::PINS);
        format!(
            "{} lists them: as requirements.txt it gives every build the same",
            pins.display()
        )
    };
    events.note(
        "not every package has an exact version; the ones chosen now stay with this app",
        Some(hint),
    );
}

/// Waits for the work to end, which it soon does when there is a reason to give up.
pub(crate) async fn or_cancel<T>(
    work: impl Future<Output = Result<T, Error>>,
    cancel: &Cancel,
    events: &Events,
) -> Result<T, Error> {
    tokio::pin!(work);
    let why = tokio::select! {
        done = &mut work => return done,
        why = events.given_up() => why,
    };
    cancel.cancel();
    let _ = work.await;
    Err(why)
}

async fn keep(
    server: &Arc<Server>,
    draft: Draft,
    built: ship_build::Built,
) -> Result<Built, Error> {
    let meta = ReleaseMeta {
        content: built.content,
        environment: built.environment,
        layer: built.layer,
        summary: summary(&built.plan, built.python.as_deref()),
        by: server.user.clone(),
    };
    let server = server.clone();
    let release = blocking(move || Ok(server.store.commit(draft, meta)?)).await?;
    Ok(Built {
        release: release.id,
        plan: built.plan,
        outcome: Outcome::New,
        again: built.again,
    })
}

fn tell(events: &Events, event: Event) {
    match event {
        Event::Begin(phase) => events.send(DeployEvent::Begin { step: step(phase) }),
        Event::Progress { phase, done, total } => {
            events.send(DeployEvent::Progress {
                step: step(phase),
                done,
                total,
            });
        }
        Event::Output { phase, line } => {
            events.send(DeployEvent::Output {
                step: step(phase),
                line,
            });
        }
        Event::Done {
            phase,
            took,
            detail,
        } => {
            events.send(DeployEvent::Done {
                step: step(phase),
                took,
                detail,
            });
        }
        Event::Corrected(text) => events.note(text, None),
        Event::Note(note) => events.note(note.text, note.hint),
    }
}

fn step(phase: Phase) -> String {
    match phase {
        Phase::Uv => "uv",
        Phase::Python => "python",
        Phase::Lock => "lock",
        Phase::Source => "source",
        Phase::Environment => "environment",
        Phase::ByteCode => "byte code",
        Phase::FrontEnd => "front end",
        Phase::Proof => "proof",
        Phase::Assets => "assets",
    }
    .to_owned()
}
