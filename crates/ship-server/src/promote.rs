//! `ship promote`: a release of one app becomes what visitors of another reach, as it is. Source,
//! packages and static files are those that were tried; settings, data and domains are the other's
//! own, and its release command runs with them.

use std::sync::Arc;

use ship_api::event::DeployEvent;
use ship_api::request::Promote;
use ship_base::name::{AppName, ReleaseId};
use ship_build::Cancel;
use ship_project::plan::{Plan, Sourced};
use ship_store::{ReleaseMeta, ReleaseRecord};

use crate::app::App;
use crate::build::{Outcome, or_cancel};
use crate::candidate::Candidate;
use crate::change::{Change, Switched};
use crate::deploy::{bring_up, discard, is_live, runs_again, tell_unrecorded};
use crate::enter::check_domains;
use crate::environment::Settings;
use crate::error::Error;
use crate::events::Events;
use crate::plan_view::plan_view;
use crate::server::Server;
use crate::task::blocking;
use crate::work::Claim;
use crate::{domain, door, drawn, room, users};

/// A release to be brought over. It stays while this is there.
struct Origin {
    app: Arc<App>,
    _held: Claim,
    release: ReleaseRecord,
    plan: Plan,
}

/// Brings a release of another app over to `app`, and that live.
pub(crate) async fn promote(
    server: &Arc<Server>,
    app: &Arc<App>,
    request: Promote,
    events: &Events,
) -> Result<(), Error> {
    let mut change = Change::begin(app, "promote", events).await?;
    let result = bring_over(server, app, &mut change, &request, events).await;
    change.end(server, result, events).await
}

async fn bring_over(
    server: &Arc<Server>,
    app: &Arc<App>,
    change: &mut Change,
    request: &Promote,
    events: &Events,
) -> Result<Switched, Error> {
    if !server.is_the(app) {
        let app = app.name.to_string();
        return Err(Error::NoApp { app });
    }
    room::check_reserve(server).await?;
    let origin = Origin::of(server, request).await?;
    let plan = planned(server, app, &origin, &request.domains)?;
    events.send(DeployEvent::Planned {
        plan: Box::new(plan_view(&plan)),
    });
    check_domains(server, &plan)?;
    let dotenv = server.store.dotenv(&app.name)?;
    let mut settings = Settings::new(&plan, dotenv, server.store.settings(&app.name)?);
    let missing = settings.missing(&plan);
    if !missing.is_empty() {
        return Err(Error::MissingSettings {
            app: app.name.clone(),
            names: missing,
        });
    }
    drawn::draw(server, &app.name, &plan, &mut settings, events)?;
    door::open(server, None).await?;
    let settings = settings.merged();
    users::check(&app.name, &plan, &settings)?;

    let step = events.step("promote");
    let detail = format!("{} of {}", origin.release.id, origin.app.name);
    let (release, outcome) = copied(server, &app.name, origin, &plan, events).await?;
    step.done(detail);
    let next = Arc::new(Candidate {
        release,
        plan,
        settings,
    });
    change.claim(release).await;
    if outcome == Outcome::Same && is_live(server, app, &next)? {
        return Ok(Switched {
            release,
            old: Vec::new(),
            unchanged: true,
        });
    }
    match bring_up(server, app, &next, None, outcome, events).await {
        Ok(old) => {
            tell_unrecorded(runs_again(server, app), events);
            Ok(Switched {
                release,
                old,
                unchanged: false,
            })
        }
        Err(error) => {
            if outcome == Outcome::New {
                discard(server, app, release).await;
            }
            Err(error)
        }
    }
}

impl Origin {
    async fn of(server: &Server, request: &Promote) -> Result<Self, Error> {
        let name = &request.from;
        let gone = |release: String| Error::NoSuchRelease {
            app: name.clone(),
            release,
        };
        let current = server.record(name)?.current;
        let Some(id) = request.release.or(current) else {
            return Err(Error::NothingToPromote { app: name.clone() });
        };
        let app = server.app_or_new(name);
        // What was being removed is gone from here on, and what is there stays.
        let held = app.work.claim(id).await;
        let release = server.store.release(name, id)?;
        Ok(Self {
            app,
            _held: held,
            release: release.ok_or_else(|| gone(id.to_string()))?,
            plan: server.plan(name, id)?,
        })
    }
}

/// The plan of the release under its new name. Domains that came with a deploy of the other app are
/// that app's; those of the project come along.
fn planned(server: &Server, app: &App, origin: &Origin, domains: &[String]) -> Result<Plan, Error> {
    let mut plan = origin.plan.clone();
    let reason = format!("promoted from {}", origin.app.name);
    plan.name = Sourced::by_default(app.name.clone(), reason);
    domain::take_given(&mut plan);
    domain::add(server, app, &mut plan, domains)?;
    Ok(plan)
}

/// The release as one of `app`: a new one, unless it is what `app` has already.
async fn copied(
    server: &Arc<Server>,
    app: &AppName,
    origin: Origin,
    plan: &Plan,
    events: &Events,
) -> Result<(ReleaseId, Outcome), Error> {
    let current = server.record(app)?.current;
    let draft = server.store.begin(app)?;
    let from = server.folders.release(&origin.app.name, origin.release.id);
    let cancel = Cancel::default();
    let work = {
        let (plan, cancel) = (plan.clone(), cancel.clone());
        blocking(move || {
            let content = ship_build::promote(&from, draft.folder(), &plan, &cancel)?;
            Ok((draft, content))
        })
    };
    let (draft, content) = or_cancel(work, &cancel, events).await?;
    let (server, app) = (server.clone(), app.clone());
    blocking(move || {
        let held = match current {
            Some(current) => server.store.release(&app, current)?,
            None => None,
        };
        if let Some(same) = held.filter(|held| held.content == content) {
            return Ok((same.id, Outcome::Same));
        }
        let meta = ReleaseMeta {
            content,
            environment: origin.release.environment,
            layer: origin.release.layer,
            summary: origin.release.summary,
            by: server.user.clone(),
        };
        Ok((server.store.commit(draft, meta)?.id, Outcome::New))
    })
    .await
}
