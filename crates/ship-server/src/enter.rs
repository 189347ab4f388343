//! The beginning of `ship up`: the project is read, its name claimed, and the app's turn awaited.

use std::path::Path;
use std::sync::Arc;

use ship_api::request::Up;
use ship_base::name::AppName;
use ship_project::plan::Plan;
use ship_store::AppRecord;

use crate::app::App;
use crate::certificate;
use crate::change::Change;
use crate::environment::Variables;
use crate::error::Error;
use crate::events::Events;
use crate::server::Server;
use crate::table::hosts;
use crate::task::blocking;

/// What a deploy begins with.
pub(crate) struct Entry {
    pub(crate) app: Arc<App>,
    pub(crate) plan: Plan,
    /// The values of `.env`.
    pub(crate) dotenv: Variables,
}

/// Reads the project and waits for the right to change its app.
pub(crate) async fn enter(
    server: &Arc<Server>,
    request: &Up,
    events: &Events,
) -> Result<(Change, Entry), Error> {
    // A project that cannot be read may still have something that serves.
    if let [known] = server.store.apps_of_project(&request.project)?.as_slice() {
        events.about(&known.name);
    }
    loop {
        let (mut plan, mut dotenv) = read(request).await?;
        let app = claim(server, &plan.name.value, &request.project)?;
        let has_to_wait = app.busy().is_some();
        let change = Change::begin(&app, "up", events).await?;
        if has_to_wait {
            // While others had their turn the files may have changed.
            (plan, dotenv) = read(request).await?;
        }
        // … or the app was destroyed, and the name is free.
        if plan.name.value == app.name && server.is_the(&app) {
            return Ok((change, Entry { app, plan, dotenv }));
        }
    }
}

/// The project as it is now.
pub(crate) async fn read(request: &Up) -> Result<(Plan, Variables), Error> {
    let project = request.project.clone();
    let mut reading = blocking(move || Ok(ship_project::read(&project)?)).await?;
    if let Some(name) = request.name.clone() {
        reading.plan.name.value = name;
    }
    let dotenv = reading
        .dotenv
        .into_iter()
        .map(|entry| (entry.name, entry.value))
        .collect();
    Ok((reading.plan, dotenv))
}

/// A path that means something else in each folder is nobody's project.
pub(crate) fn check_absolute(project: &Path) -> Result<(), Error> {
    let text = project.to_string_lossy();
    if text.starts_with('/') && !text.contains('\0') {
        return Ok(());
    }
    Err(Error::Request(format!("`{text}` is not an absolute path")))
}

/// The app of this name, which must not belong to another folder that is still there.
pub(crate) fn claim(server: &Server, name: &AppName, project: &Path) -> Result<Arc<App>, Error> {
    match server.store.app(name)? {
        Some(record) if record.project != project && record.project.is_dir() => {
            let other = record.project.display().to_string();
            return Err(Error::NameTaken {
                app: name.clone(),
                project: other,
            });
        }
        Some(record) if record.project == project => {}
        Some(record) => {
            server.store.save_app(&AppRecord {
                project: project.to_owned(),
                ..record
            })?;
        }
        None => server
            .store
            .save_app(&AppRecord::new(name.clone(), project.to_owned()))?,
    }
    Ok(server.app_or_new(name))
}

/// No host name may lead to two apps; the door would refuse the routes after all the work. And a
/// wildcard has a certificate by DNS alone.
pub(crate) fn check_domains(server: &Server, plan: &Plan) -> Result<(), Error> {
    let mut domains = plan.domains.iter().map(|domain| domain.value.as_str());
    if let Some(domain) = domains.find(|domain| certificate::can_never_be(server, domain)) {
        return Err(Error::Wildcard {
            domain: domain.to_owned(),
        });
    }
    let own: Vec<String> = hosts(plan).collect();
    let others = server
        .apps()
        .into_iter()
        .filter(|app| app.name != plan.name.value);
    for other in others {
        let Some(live) = other.live() else { continue };
        if let Some(domain) = hosts(&live.plan).find(|host| own.contains(host)) {
            return Err(Error::DomainTaken {
                domain,
                other: other.name.clone(),
            });
        }
    }
    Ok(())
}
