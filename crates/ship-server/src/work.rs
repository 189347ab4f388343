//! The working copies of an app's releases: where instances run, and what they may write outside
//! the data folder; gone when the release stops.
//!
//! One is made before the first instance of a release starts, and removed with the release or when
//! nothing is left in it: it is not live, and there is no instance, no deploy that is about to start
//! some, and no `ship run` at somebody's terminal. The latter is known by the folder that its process
//! is in, as `/proc` shows it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ship_base::file;
use ship_base::name::ReleaseId;

use crate::app::{App, lock};
use crate::candidate::Candidate;
use crate::error::Error;
use crate::events::Events;
use crate::owner;
use crate::server::Server;
use crate::task::blocking;

/// How long a working copy stays for a program that was told to start in it and has not yet.
const LENT: Duration = Duration::from_secs(30);

/// The working copies of one app.
#[derive(Default)]
pub(crate) struct WorkingCopies {
    /// One makes or removes at a time.
    one: Arc<tokio::sync::Mutex<()>>,
    /// Those that a deploy is about to use.
    claimed: Arc<Mutex<Vec<ReleaseId>>>,
    /// When a caller was last told to start something in one.
    lent: Mutex<BTreeMap<ReleaseId, Instant>>,
}

/// A release that stays until this is dropped.
pub(crate) struct Claim {
    release: ReleaseId,
    claimed: Arc<Mutex<Vec<ReleaseId>>>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claimed = lock(&self.claimed);
        if let Some(own) = claimed.iter().position(|one| *one == self.release) {
            claimed.swap_remove(own);
        }
    }
}

impl WorkingCopies {
    /// Keeps all working copies as they are until this is dropped.
    pub(crate) async fn hold(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.one.clone().lock_owned().await
    }

    /// Keeps `release` and its copy: instances of it are about to be started. What is being removed
    /// right now is gone when this returns.
    pub(crate) async fn claim(&self, release: ReleaseId) -> Claim {
        let _held = self.hold().await;
        lock(&self.claimed).push(release);
        Claim {
            release,
            claimed: self.claimed.clone(),
        }
    }

    /// Somebody will start a program in the copy of `release`.
    fn lend(&self, release: ReleaseId) {
        lock(&self.lent).insert(release, Instant::now());
    }

    /// Those in which somebody is about to start a program.
    fn lent(&self) -> Vec<ReleaseId> {
        let mut lent = lock(&self.lent);
        lent.retain(|_, since| since.elapsed() < LENT);
        lent.keys().copied().collect()
    }

    fn claimed(&self) -> Vec<ReleaseId> {
        lock(&self.claimed).clone()
    }
}

/// Prepares the working copy of a release: afresh, unless something runs in it.
pub(crate) async fn prepare(
    server: &Arc<Server>,
    app: &Arc<App>,
    next: &Arc<Candidate>,
    project: Option<&Path>,
    events: &Events,
) -> Result<(), Error> {
    let held = app.work.hold().await;
    let (server, app, next) = (server.clone(), app.clone(), next.clone());
    let project = project.map(Path::to_owned);
    let moved = blocking(move || {
        let _held = held;
        if occupied(&server, &app).contains(&next.release) {
            return Ok(Vec::new());
        }
        make(&server, &app, &next, project.as_deref())
    });
    for moved in moved.await? {
        events.note(moved.to_string(), None);
    }
    Ok(())
}

/// Makes sure that a release has a working copy, for a program that a caller will start in it.
pub(crate) async fn lend(
    server: &Arc<Server>,
    app: &Arc<App>,
    of: &Arc<Candidate>,
) -> Result<(), Error> {
    let held = app.work.hold().await;
    app.work.lend(of.release);
    let (server, app, of) = (server.clone(), app.clone(), of.clone());
    blocking(move || {
        let _held = held;
        if !server.folders.work(&app.name, of.release).is_dir() {
            make(&server, &app, &of, None)?;
        }
        Ok(())
    })
    .await
}

fn make(
    server: &Server,
    app: &App,
    of: &Candidate,
    project: Option<&Path>,
) -> Result<Vec<ship_build::Moved>, Error> {
    let folders = &server.folders;
    let work = folders.work(&app.name, of.release);
    owner::settle(server, &app.name)?;
    file::remove_folder(&work)?;
    let release = folders.release(&app.name, of.release);
    let data = folders.app_data(&app.name);
    let owner = owner::of(server, &app.name);
    let made = ship_build::prepare_work(&release, &work, &data, &of.plan, project, owner);
    if made.is_err() {
        // Half a copy must not be taken for one.
        let _ = file::remove_folder(&work);
    }
    Ok(made?)
}

/// The releases that must stay: something runs in their working copies, or is about to. What is live
/// needs its copy also while nothing runs in it: its next job may be due, or its next instance.
pub(crate) fn in_use(server: &Server, app: &App) -> Vec<ReleaseId> {
    let mut in_use = occupied(server, app);
    in_use.extend(app.live().map(|live| live.release));
    in_use.extend(app.work.claimed());
    in_use
}

/// The releases in whose working copies something runs. Reads all of `/proc`.
fn occupied(server: &Server, app: &App) -> Vec<ReleaseId> {
    let mut occupied = app.fleet.releases();
    occupied.extend(app.work.lent());
    occupied.extend(inhabited(&server.folders.app(&app.name).join("work")));
    occupied
}

/// The releases whose working copy below `works` is the current folder of a process. Of other
/// users' processes only root sees it; on a laptop nobody else's program runs there.
fn inhabited(works: &Path) -> Vec<ReleaseId> {
    // `/proc` shows the path without links.
    let works = works.canonicalize().unwrap_or_else(|_| works.to_owned());
    let processes = file::entries(Path::new("/proc")).unwrap_or_default();
    let folders = processes
        .iter()
        .filter_map(|process| process.path().join("cwd").read_link().ok());
    folders
        .filter_map(|folder| release_of(&works, &folder))
        .collect()
}

fn release_of(works: &Path, folder: &Path) -> Option<ReleaseId> {
    let inside = folder.strip_prefix(works).ok()?;
    let number = inside.components().next()?.as_os_str().to_str()?;
    number.parse().ok().map(ReleaseId::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_working_copy_is_inhabited_while_a_process_is_anywhere_in_it() {
        let works = tempfile::tempdir().unwrap();
        let inside = works.path().join("7/src");
        file::create_folder(&inside).unwrap();
        file::create_folder(&works.path().join("8")).unwrap();
        assert_eq!(inhabited(works.path()), []);
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .current_dir(&inside)
            .spawn()
            .unwrap();
        assert_eq!(inhabited(works.path()), [ReleaseId::new(7)]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(inhabited(works.path()), []);
    }

    #[test]
    fn folders_beside_the_working_copies_belong_to_no_release() {
        let release = |folder: &str| release_of(Path::new("/a/work"), Path::new(folder));
        assert_eq!(release("/a/work/12"), Some(ReleaseId::new(12)));
        assert_eq!(release("/a/work/12/x"), Some(ReleaseId::new(12)));
        for other in ["/a/work", "/a/work/x", "/a/workshop/12", "/"] {
            assert_eq!(release(other), None, "{other}");
        }
    }
}
