//! What the store promises, through its public face.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use ship_base::clock::Moment;
use ship_base::file;
use ship_base::hash::ContentHash;
use ship_base::hint::{Hints as _, chain};
use ship_base::name::{AppName, ReleaseId};
use ship_base::paths::Folders;
use ship_base::secret::Secret;
use ship_store::{AppRecord, DeployRecord, Error, ReleaseMeta, ReleaseRecord, Store};
use tempfile::TempDir;

/// An installation with one app.
struct Home {
    folder: TempDir,
    folders: Folders,
    app: AppName,
}

impl Home {
    fn new() -> Self {
        // In memory where the system has such a folder: what a sync costs is not at stake here.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.unwrap();
        let folders = Folders::under(folder.path().to_owned());
        folders.create().unwrap();
        Self {
            folder,
            folders,
            app: "blog".parse().unwrap(),
        }
    }

    /// The store as the server opens it, the app known.
    fn open(&self) -> Store {
        let store = Store::open(&self.folders).unwrap();
        if store.app(&self.app).unwrap().is_none() {
            let record = AppRecord::new(self.app.clone(), "/home/ana/blog".into());
            store.save_app(&record).unwrap();
        }
        store
    }

    fn release_folder(&self, number: u32) -> std::path::PathBuf {
        self.folders.release(&self.app, ReleaseId::new(number))
    }
}

impl Drop for Home {
    /// `TempDir` alone stops at the read-only folders of releases.
    fn drop(&mut self) {
        let _ = file::remove_folder(self.folder.path());
    }
}

fn meta() -> ReleaseMeta {
    ReleaseMeta {
        content: ContentHash::of(b"content"),
        environment: None,
        layer: None,
        summary: "Flask 3.1 · Python 3.12".to_owned(),
        by: "ana".to_owned(),
    }
}

fn deploy(store: &Store, app: &AppName) -> ReleaseRecord {
    let draft = store.begin(app).unwrap();
    file::create_folder(&draft.folder().join("source")).unwrap();
    file::write_whole(&draft.folder().join("source/app.py"), b"app = 1").unwrap();
    let release = store.commit(draft, meta()).unwrap();
    store.switch(app, release.id).unwrap();
    release
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_release_is_read_only_once_it_is_whole() {
    let home = Home::new();
    let release = deploy(&home.open(), &home.app);
    let folder = home.release_folder(release.id.number());
    assert_eq!(mode(&folder), 0o555);
    assert_eq!(mode(&folder.join("source")), 0o555);
    assert_eq!(mode(&folder.join("source/app.py")) & 0o222, 0);
}

#[test]
fn builds_that_come_to_nothing_use_no_number_up() {
    let home = Home::new();
    let store = home.open();
    assert_eq!(deploy(&store, &home.app).id, ReleaseId::new(1));
    drop(store.begin(&home.app).unwrap());
    drop(store);
    assert_eq!(deploy(&home.open(), &home.app).id, ReleaseId::new(2));
}

#[test]
fn a_failed_build_leaves_nothing() {
    let home = Home::new();
    let store = home.open();
    let draft = store.begin(&home.app).unwrap();
    file::write_whole(&draft.folder().join("half"), b"").unwrap();
    drop(draft);
    let releases = file::entries(&home.folders.releases(&home.app)).unwrap();
    assert!(releases.is_empty(), "{releases:?}");
}

#[test]
fn a_rollback_and_back_again_are_two_switches() {
    let home = Home::new();
    let store = home.open();
    let [one, two] = [(); 2].map(|()| deploy(&store, &home.app).id);
    let live = || {
        let record = store.app(&home.app).unwrap().unwrap();
        [record.current, record.previous]
    };
    store.switch(&home.app, one).unwrap();
    assert_eq!(live(), [Some(one), Some(two)]);
    // Again: nothing changes, the way back is not lost.
    store.switch(&home.app, one).unwrap();
    assert_eq!(live(), [Some(one), Some(two)]);
    store.switch(&home.app, two).unwrap();
    assert_eq!(live(), [Some(two), Some(one)]);
}

#[test]
fn the_last_releases_are_kept_and_the_live_ones_always() {
    let home = Home::new();
    let store = home.open();
    for _ in 0..8 {
        deploy(&store, &home.app);
    }
    let [one, two, five] = [1, 2, 5].map(ReleaseId::new);
    store.switch(&home.app, one).unwrap();
    let collected = store.collect(&home.app, &[five], 2).unwrap();
    assert_eq!(collected.releases, [6, 4, 3, 2].map(ReleaseId::new));
    let kept = store.releases(&home.app).unwrap();
    let kept: Vec<u32> = kept.iter().map(|release| release.id.number()).collect();
    assert_eq!(kept, [8, 7, 5, 1]);
    assert!(!home.release_folder(two.number()).exists());
    let error = store.switch(&home.app, two).unwrap_err();
    assert_eq!(error.to_string(), "`blog` has no release `r2`");
}

#[test]
fn working_copies_of_stopped_releases_go() {
    let home = Home::new();
    let store = home.open();
    let [one, two] = [(); 2].map(|()| deploy(&store, &home.app).id);
    let [stopped, running] = [one, two].map(|id| home.folders.work(&home.app, id));
    for work in [&stopped, &running] {
        file::create_folder(&work.join("__pycache__")).unwrap();
    }
    store.collect(&home.app, &[two], 5).unwrap();
    assert!(!stopped.exists() && running.exists());
}

#[test]
fn a_release_without_its_environment_is_refused_and_leaves_nothing() {
    let home = Home::new();
    let store = home.open();
    let draft = store.begin(&home.app).unwrap();
    let folder = draft.folder().to_owned();
    let environment = Some(ContentHash::of(b"nowhere"));
    let error = store
        .commit(
            draft,
            ReleaseMeta {
                environment,
                ..meta()
            },
        )
        .unwrap_err();
    assert!(matches!(error, Error::EnvironmentGone(_)), "{error}");
    assert!(!folder.exists());
    assert_eq!(store.releases(&home.app).unwrap(), []);
}

#[test]
fn forgetting_an_app_leaves_no_trace_and_no_other_app_is_touched() {
    let home = Home::new();
    let store = home.open();
    deploy(&store, &home.app);
    let shop: AppName = "shop".parse().unwrap();
    store
        .save_app(&AppRecord::new(shop.clone(), "/home/ana/shop".into()))
        .unwrap();
    store
        .change_settings(&home.app, &settings(&[("TOKEN", "hunter2")]), &[])
        .unwrap();
    store.forget_app(&home.app).unwrap();
    assert_eq!(store.app(&home.app).unwrap(), None);
    assert!(!home.folders.app(&home.app).exists());
    assert!(home.folders.app_data(&shop).is_dir());
    // A new app of that name begins from nothing.
    store
        .save_app(&AppRecord::new(home.app.clone(), "/elsewhere".into()))
        .unwrap();
    assert_eq!(store.settings(&home.app).unwrap(), BTreeMap::new());
    assert_eq!(deploy(&store, &home.app).id, ReleaseId::new(1));
}

#[test]
fn data_of_an_app_that_the_database_does_not_know_is_left_alone() {
    let home = Home::new();
    drop(home.open());
    let data = home.folders.app_data(&home.app).join("db.sqlite3");
    file::write_whole(&data, b"precious").unwrap();
    // As after a disk lost the database, or an old one was restored.
    for beside in ["ship.db", "ship.db-wal", "ship.db-shm"] {
        file::remove(&home.folders.data().join(beside)).unwrap();
    }
    drop(Store::open(&home.folders).unwrap());
    assert_eq!(file::read(&data).unwrap(), b"precious");
    drop(home.open());
    assert_eq!(file::read(&data).unwrap(), b"precious");
}

fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret<String>> {
    let pair =
        |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new((*value).to_owned()));
    pairs.iter().map(pair).collect()
}

#[test]
fn settings_are_opaque_and_outlive_the_process() {
    let home = Home::new();
    let odd = settings(&[
        ("A", "$B ${C} `d` \"e\" 'f'"),
        ("EMPTY", ""),
        ("LINES", "one\ntwo\n"),
    ]);
    home.open().change_settings(&home.app, &odd, &[]).unwrap();
    let store = home.open();
    assert_eq!(store.settings(&home.app).unwrap(), odd);
    let unset = ["EMPTY".to_owned(), "NEVER_SET".to_owned()];
    store
        .change_settings(&home.app, &settings(&[("A", "new")]), &unset)
        .unwrap();
    let expected = settings(&[("A", "new"), ("LINES", "one\ntwo\n")]);
    assert_eq!(store.settings(&home.app).unwrap(), expected);
}

#[test]
fn unknown_apps_are_named_with_a_way_on() {
    let home = Home::new();
    let store = home.open();
    let ghost: AppName = "ghost".parse().unwrap();
    let errors = [
        store.begin(&ghost).unwrap_err(),
        store
            .change_settings(&ghost, &settings(&[("A", "b")]), &[])
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(chain(&error), "there is no app `ghost`");
        assert_eq!(error.hints().len(), 1);
    }
}

#[test]
fn deploys_are_remembered_newest_first_and_not_for_ever() {
    let home = Home::new();
    let store = home.open();
    let record = |number: u32| DeployRecord {
        app: home.app.clone(),
        release: Some(ReleaseId::new(number)),
        by: "ana".to_owned(),
        verb: "up".to_owned(),
        at: Moment::from_millis(i64::from(number)),
        took: Duration::from_millis(1500),
        outcome: "live".to_owned(),
    };
    for number in 1..=1003 {
        store.deployed(&record(number)).unwrap();
    }
    let newest = store.deploys(&home.app, 2).unwrap();
    assert_eq!(newest, [record(1003), record(1002)]);
    let all = store.deploys(&home.app, u32::MAX).unwrap();
    assert_eq!((all.len(), all.last().cloned()), (1000, Some(record(4))));
}

/// The database of the first release, as `.dump` of the sqlite3 shell wrote it: read for ever.
#[test]
fn a_database_of_format_1_is_read() {
    let home = Home::new();
    let dump = include_str!("formats/ship-1.sql");
    let database = rusqlite::Connection::open(home.folders.database()).unwrap();
    database.execute_batch(dump).unwrap();
    drop(database);
    file::create_folder(&home.release_folder(7)).unwrap();
    let store = Store::open(&home.folders).unwrap();
    let app = store.app(&home.app).unwrap().unwrap();
    assert_eq!(app.project, Path::new("/home/ana/my blog"));
    assert_eq!(
        (app.current, app.previous),
        (Some(ReleaseId::new(7)), Some(ReleaseId::new(6)))
    );
    assert!(app.running && !app.detached);
    assert_eq!(app.scale, BTreeMap::from([("web".parse().unwrap(), 3)]));
    assert_eq!(
        store.settings(&home.app).unwrap(),
        settings(&[("TOKEN", "it's")])
    );
    assert_eq!(
        store.dotenv(&home.app).unwrap(),
        settings(&[("DEBUG", "0")])
    );
    assert_eq!(
        store.releases(&home.app).unwrap()[0].summary,
        "Flask 3.1 · Python 3.12"
    );
    assert_eq!(store.deploys(&home.app, 9).unwrap()[0].outcome, "live");
    assert_eq!(store.jobs(&home.app).unwrap().len(), 1);
    assert_eq!(deploy(&store, &home.app).id, ReleaseId::new(8));
}
