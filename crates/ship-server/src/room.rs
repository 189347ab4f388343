//! Room on the disk: what has a cap, and what is kept free for the front door, its certificates and
//! the records of control.
//!
//! Releases, environments and logs have caps of their own (`ship_store::retention`,
//! `ship_observe`). Here are the caches of builds, which a server has for each app, and the reserve
//! below which no deploy begins.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ship_base::clock::Moment;
use ship_base::file::{self, WithPath as _};
use ship_base::{count, hint};
use tracing::{info, warn};

use crate::app::App;
use crate::error::Error;
use crate::server::Server;
use crate::task::blocking;

/// What caches are called while they are removed: half of one must not be found by a build.
const LEAVING: &str = ".leaving-build";

/// What may take how much of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The most lines of the audit log; a tenth more before the oldest go.
    pub audit_lines: u64,
    /// The most bytes of all caches of builds together, on a server.
    pub build_caches: u64,
    /// The bytes that no deploy may begin to use, on a server.
    pub reserve: u64,
}

impl Default for Room {
    /// 200,000 lines are about 60 MB, and years of a busy team.
    fn default() -> Self {
        Self {
            audit_lines: 200_000,
            build_caches: 5 << 30,
            reserve: 512 << 20,
        }
    }
}

/// Removes caches until all together are within their cap, those of the app that was deployed
/// longest ago first. An app that is being changed keeps its own.
pub(crate) async fn shrink_caches(server: &Arc<Server>) {
    if server.config.public.is_none() {
        return;
    }
    let most = server.config.room.build_caches;
    if let Err(error) = shrink_to(server, most).await {
        warn!(error = %hint::chain(&error), "caches of builds not removed");
    }
}

/// Fails where a deploy would begin to use the reserve, after caches have made what room they can.
pub(crate) async fn check_reserve(server: &Arc<Server>) -> Result<(), Error> {
    if server.config.public.is_none() {
        return Ok(());
    }
    let reserve = server.config.room.reserve;
    if free(server)? >= reserve {
        return Ok(());
    }
    shrink_to(server, 0).await?;
    let free = free(server)?;
    if free >= reserve {
        return Ok(());
    }
    Err(Error::NoRoom {
        folder: server.folders.data().to_owned(),
        free,
        reserve,
    })
}

async fn shrink_to(server: &Arc<Server>, most: u64) -> Result<(), Error> {
    let by_age = by_age(server)?;
    let measure = move || by_age.into_iter().map(Cache::measured).collect();
    let caches: Vec<Cache> = blocking(measure).await?;
    let mut all: u64 = caches.iter().map(|cache| cache.bytes).sum();
    for cache in caches {
        if all <= most {
            break;
        }
        // Whoever changes the app builds, perhaps, and needs them.
        let Some(turn) = cache.app.turn_if_free("making room") else {
            continue;
        };
        let bytes = cache.bytes;
        blocking(move || {
            let _turn = turn;
            cache.remove()
        })
        .await?;
        all -= bytes;
    }
    Ok(())
}

/// The apps that have caches, that which was changed longest ago first.
fn by_age(server: &Server) -> Result<Vec<(Arc<App>, PathBuf)>, Error> {
    let last = server.store.last_deploys()?;
    let age = |app: &Arc<App>| last.get(app.name.as_str()).copied();
    let mut apps: Vec<_> = server
        .store
        .apps()?
        .into_iter()
        .map(|record| server.app_or_new(&record.name))
        .collect();
    apps.sort_by_key(|app| age(app).unwrap_or_else(|| Moment::from_millis(0)));
    let with_folder = apps.into_iter().map(|app| {
        let folder = server.folders.build_home(&app.name);
        (app, folder)
    });
    Ok(with_folder.collect())
}

/// What the builds of one app keep.
struct Cache {
    app: Arc<App>,
    folder: PathBuf,
    bytes: u64,
}

impl Cache {
    fn measured((app, folder): (Arc<App>, PathBuf)) -> Result<Self, Error> {
        let bytes = taken(&folder)?;
        Ok(Self { app, folder, bytes })
    }

    fn remove(&self) -> Result<(), Error> {
        let leaving = self.folder.with_file_name(LEAVING);
        file::remove_folder(&leaving)?;
        if !self.folder.exists() {
            return Ok(());
        }
        file::rename_synced(&self.folder, &leaving)?;
        file::remove_folder(&leaving)?;
        let (app, bytes) = (&self.app.name, count::bytes(self.bytes));
        info!(%app, bytes, "caches of its builds removed to make room");
        Ok(())
    }
}

/// How many bytes of the disk a folder takes: blocks, each file once however many names it has
/// there. A folder that is not there takes none.
fn taken(folder: &Path) -> Result<u64, Error> {
    let (mut bytes, mut seen) = (0, BTreeSet::new());
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in file::entries_if_there(&folder)? {
            // A tool that ended late may still remove something.
            let Ok(facts) = entry.metadata() else {
                continue;
            };
            if facts.nlink() < 2 || facts.is_dir() || seen.insert((facts.dev(), facts.ino())) {
                bytes += facts.blocks() * 512;
            }
            if facts.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(bytes)
}

/// The bytes that are free for us where our data lies.
fn free(server: &Server) -> Result<u64, Error> {
    let folder = server.folders.data();
    let facts = rustix::fs::statvfs(folder)
        .map_err(std::io::Error::from)
        .with_path("ask for the free space of", folder)?;
    Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Scene;
    use crate::server::Public;
    use ship_store::DeployRecord;
    use std::time::Duration;

    fn scene(room: Room) -> Scene {
        let public = Public {
            http: 80,
            https: 443,
            http3: true,
            acme: None,
        };
        Scene::with_room(public, room)
    }

    /// An app with 1 MB of caches that was deployed at this second.
    fn built(scene: &Scene, name: &str, second: i64) -> PathBuf {
        let app = scene.app(name, true);
        let deploy = DeployRecord {
            app: app.name.clone(),
            release: None,
            by: "root".to_owned(),
            verb: "deploy".to_owned(),
            at: Moment::from_millis(second * 1000),
            took: Duration::ZERO,
            outcome: "live".to_owned(),
        };
        scene.server.store.deployed(&deploy).unwrap();
        let folder = scene.server.folders.build_home(&app.name);
        file::create_folder(&folder.join("uv")).unwrap();
        file::write_whole(&folder.join("uv/wheel"), &vec![7; 1 << 20]).unwrap();
        std::fs::hard_link(folder.join("uv/wheel"), folder.join("uv/again")).unwrap();
        folder
    }

    #[tokio::test]
    async fn beyond_the_cap_the_caches_of_the_app_deployed_longest_ago_go_first() {
        let scene = scene(Room {
            build_caches: (2 << 20) + (1 << 19),
            ..Room::default()
        });
        let (new, old, mid) = (
            built(&scene, "new", 30),
            built(&scene, "old", 10),
            built(&scene, "mid", 20),
        );
        shrink_caches(&scene.server).await;
        assert!(new.is_dir() && mid.is_dir());
        assert!(!old.exists());
        assert!(!old.with_file_name(LEAVING).exists());
    }

    #[tokio::test]
    async fn an_app_that_is_being_changed_keeps_its_caches() {
        let scene = scene(Room {
            build_caches: 0,
            ..Room::default()
        });
        let (one, other) = (built(&scene, "one", 10), built(&scene, "other", 20));
        let app = scene.server.app_or_new(&"one".parse().unwrap());
        let _turn = app.turn("ship deploy").await;
        shrink_caches(&scene.server).await;
        assert!(one.is_dir());
        assert!(!other.exists());
    }

    #[tokio::test]
    async fn no_deploy_begins_that_would_use_the_reserve_and_caches_go_before() {
        let scene = scene(Room {
            reserve: u64::MAX,
            ..Room::default()
        });
        let cache = built(&scene, "blog", 10);
        let error = check_reserve(&scene.server).await.unwrap_err();
        assert!(matches!(error, Error::NoRoom { .. }), "{error}");
        assert!(!cache.exists());
        let scene = self::scene(Room::default());
        let cache = built(&scene, "blog", 10);
        check_reserve(&scene.server).await.unwrap();
        assert!(cache.is_dir());
    }
}
