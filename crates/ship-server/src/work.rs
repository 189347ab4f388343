//! The working copy of a release: where its instances run, and what they may write outside the
//! data folder; gone when the release stops.

use std::path::Path;
use std::sync::Arc;

use ship_base::file;

use crate::app::{App, Candidate};
use crate::error::Error;
use crate::events::Events;
use crate::server::Server;
use crate::task::blocking;

/// Prepares the working copy of a release, unless instances already run in it.
pub(crate) async fn prepare(
    server: &Arc<Server>,
    app: &Arc<App>,
    next: &Arc<Candidate>,
    project: Option<&Path>,
    events: &Events,
) -> Result<(), Error> {
    if app.fleet.releases().contains(&next.release) {
        return Ok(());
    }
    let (server, app, next) = (server.clone(), app.name.clone(), next.clone());
    let project = project.map(Path::to_owned);
    let moved = blocking(move || {
        let folders = &server.folders;
        let work = folders.work(&app, next.release);
        file::remove_folder(&work)?;
        let release = folders.release(&app, next.release);
        let data = folders.app_data(&app);
        Ok(ship_build::prepare_work(
            &release,
            &work,
            &data,
            &next.plan,
            project.as_deref(),
        )?)
    });
    for moved in moved.await? {
        events.note(moved.to_string(), None);
    }
    Ok(())
}
