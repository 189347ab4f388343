//! The law of the store, tried on random histories: after any sequence of deploys, switches,
//! rollbacks, collections and crashes, `current` is a whole release.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use ship_base::file;
use ship_base::hash::ContentHash;
use ship_base::name::{AppName, ReleaseId};
use ship_base::paths::Folders;
use tempfile::TempDir;

use crate::environment::{self, Begin};
use crate::{AppRecord, Error, ReleaseMeta, Store, crash};

/// One step of a history.
#[derive(Debug, Clone)]
enum Step {
    /// A build of one of a few environments; goes live or not.
    Deploy { environment: u8, live: bool },
    /// A build that fails in the middle.
    Fail { environment: u8 },
    /// The release this far back goes live.
    Switch { back: usize },
    /// The previous release goes live.
    RollBack,
    /// The newest release is discarded.
    Discard,
    /// Only so many releases are kept; the one this far back has an instance.
    Collect { keep: usize, in_use: usize },
    /// The app is destroyed.
    Forget,
    /// The server starts again.
    Reopen,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..3, any::<bool>())
            .prop_map(|(environment, live)| Step::Deploy { environment, live }),
        1 => (0u8..3).prop_map(|environment| Step::Fail { environment }),
        2 => (0usize..4).prop_map(|back| Step::Switch { back }),
        2 => Just(Step::RollBack),
        1 => Just(Step::Discard),
        2 => (0usize..3, 0usize..4).prop_map(|(keep, in_use)| Step::Collect { keep, in_use }),
        1 => Just(Step::Forget),
        1 => Just(Step::Reopen),
    ]
}

/// In memory where the system has such a folder: what a sync costs is not at stake here.
fn home() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// A store and what is remembered of it from outside.
struct World {
    home: TempDir,
    store: Option<Store>,
    /// The highest number that was handed out, by app.
    highest: BTreeMap<AppName, u32>,
}

impl World {
    fn new() -> Self {
        let home = home();
        Folders::under(home.path().to_owned()).create().unwrap();
        let mut world = Self {
            home,
            store: None,
            highest: BTreeMap::new(),
        };
        world.reopen();
        world
    }

    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.folders()).unwrap());
    }

    fn folders(&self) -> Folders {
        Folders::under(self.home.path().to_owned())
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn take(&mut self, app: &AppName, step: &Step) {
        match *step {
            Step::Deploy { environment, live } => self.deploy(app, environment, live),
            Step::Fail { environment } => self.fail(app, environment),
            Step::Switch { back } => self.switch(app, back),
            Step::RollBack => self.roll_back(app),
            Step::Discard => self.discard(app),
            Step::Collect { keep, in_use } => self.collect(app, keep, in_use),
            Step::Forget => self.store().forget_app(app).unwrap(),
            Step::Reopen => self.reopen(),
        }
    }

    /// A step that a crash cuts short is, after the next start, done or not done at all.
    fn take_and_crash(&mut self, app: &AppName, step: &Step, point: u32) {
        let before = self.live(app);
        if crash::at(point, || self.take(app, step)) {
            return;
        }
        self.reopen();
        let after = self.live(app);
        let [current, previous] = after.unwrap_or_default();
        let [old_current, old_previous] = before.unwrap_or_default();
        let is_old = [current, previous] == [old_current, old_previous];
        let is_switched = previous == old_current && current != old_current;
        let is_gone = matches!(step, Step::Forget) && after.is_none();
        assert!(
            is_old || is_switched || is_gone,
            "{before:?} became {after:?}"
        );
    }

    fn deploy(&mut self, app: &AppName, environment: u8, live: bool) {
        self.know(app);
        let draft = self.store().begin(app).unwrap();
        let highest = self.highest.get(app).copied().unwrap_or(0);
        let hash = self.make_environment(environment);
        let content = ContentHash::of(&highest.to_le_bytes());
        write(draft.folder().join("plan.json"), &content.to_string());
        write(draft.folder().join("source/app.py"), "app = 1");
        let meta = ReleaseMeta {
            content,
            environment: Some(hash),
            layer: None,
            summary: String::new(),
            by: "ana".to_owned(),
        };
        let release = self.store().commit(draft, meta).unwrap();
        let number = release.id.number();
        assert!(highest < number, "r{number} is used twice");
        self.highest.insert(app.clone(), number);
        if live {
            self.store().switch(app, release.id).unwrap();
        }
    }

    fn fail(&mut self, app: &AppName, environment: u8) {
        self.know(app);
        let draft = self.store().begin(app).unwrap();
        write(draft.folder().join("plan.json"), "half");
        self.make_environment(environment);
    }

    /// As the server does before the first build of an app.
    fn know(&mut self, app: &AppName) {
        if self.store().app(app).unwrap().is_some() {
            return;
        }
        self.highest.remove(app);
        let record = AppRecord::new(app.clone(), "/home/ana/app".into());
        self.store().save_app(&record).unwrap();
        write(self.folders().app_data(app).join("db.sqlite3"), "precious");
    }

    fn make_environment(&self, environment: u8) -> ContentHash {
        let hash = ContentHash::of(&[environment]);
        if let Begin::Make(making) = environment::begin(&self.folders(), &hash).unwrap() {
            write(making.folder().join("lib/first.py"), "");
            crash::point();
            write(making.folder().join("lib/last.py"), "");
            making.publish().unwrap();
        }
        hash
    }

    fn switch(&self, app: &AppName, back: usize) {
        let releases = self.store().releases(app).unwrap();
        if let Some(release) = releases.get(back) {
            self.store().switch(app, release.id).unwrap();
        }
    }

    fn roll_back(&self, app: &AppName) {
        let record = self.store().app(app).unwrap();
        if let Some(previous) = record.and_then(|record| record.previous) {
            self.store().switch(app, previous).unwrap();
        }
    }

    fn discard(&self, app: &AppName) {
        if let Some(newest) = self.store().releases(app).unwrap().first() {
            self.store().discard(app, newest.id).unwrap();
        }
    }

    fn collect(&self, app: &AppName, keep: usize, in_use: usize) {
        let releases = self.store().releases(app).unwrap();
        let in_use: Vec<ReleaseId> = releases
            .get(in_use)
            .map(|release| release.id)
            .into_iter()
            .collect();
        self.store()
            .collect_after(app, &in_use, keep, Duration::ZERO)
            .unwrap();
        for release in in_use {
            assert!(
                self.store().release(app, release).unwrap().is_some(),
                "an instance runs {release}"
            );
        }
    }

    /// What visitors reach, and what a rollback would bring back.
    fn live(&self, app: &AppName) -> Option<[Option<ReleaseId>; 2]> {
        let record = self.store().app(app).unwrap()?;
        Some([record.current, record.previous])
    }

    /// The law.
    fn assert_whole(&self, app: &AppName) {
        let Some(live) = self.live(app) else {
            assert!(
                !self.folders().app(app).exists(),
                "a forgotten app left its data"
            );
            return;
        };
        let data = self.folders().app_data(app).join("db.sqlite3");
        assert_eq!(file::read_text(&data).unwrap(), "precious");
        for release in live.into_iter().flatten() {
            assert!(
                self.store().release(app, release).unwrap().is_some(),
                "{release} has no record"
            );
        }
        let mut known = BTreeSet::new();
        for release in self.store().releases(app).unwrap() {
            let folder = self.folders().release(app, release.id);
            let number = release.id.number().to_string();
            let written = file::read_text(&folder.join("plan.json")).unwrap();
            assert_eq!(written, release.content.to_string());
            assert!(folder.join("source/app.py").is_file());
            let environment = self.folders().environment(&release.environment.unwrap());
            assert!(
                environment.join("lib/last.py").is_file(),
                "{} has no environment",
                release.id
            );
            known.insert(number);
        }
        let folders = file::entries_if_there(&self.folders().releases(app)).unwrap();
        let found = folders
            .iter()
            .map(|entry| entry.file_name().into_string().unwrap());
        assert_eq!(
            found.collect::<BTreeSet<_>>(),
            known,
            "nothing half made is left"
        );
    }
}

impl Drop for World {
    /// `TempDir` alone stops at the read-only folders of releases.
    fn drop(&mut self) {
        let _ = file::remove_folder(self.home.path());
    }
}

fn write(path: impl AsRef<std::path::Path>, content: &str) {
    let path = path.as_ref();
    file::create_folder(path.parent().unwrap()).unwrap();
    file::write_whole(path, content.as_bytes()).unwrap();
}

proptest! {
    #[test]
    fn current_is_a_whole_release_whatever_happens(
        history in vec((0usize..2, steps(), proptest::option::of(0u32..12)), 1..25),
    ) {
        let apps: Vec<AppName> = ["blog", "shop"].map(|name| name.parse().unwrap()).into();
        let mut world = World::new();
        for (app, step, crash_at) in history {
            let app = &apps[app];
            match crash_at {
                None => world.take(app, &step),
                Some(point) => world.take_and_crash(app, &step, point),
            }
            for app in &apps {
                world.assert_whole(app);
            }
        }
    }
}

#[test]
fn a_crash_at_every_point_of_a_first_deploy_leaves_an_app_without_releases_or_a_whole_one() {
    let app: AppName = "blog".parse().unwrap();
    let step = Step::Deploy {
        environment: 0,
        live: true,
    };
    let mut points = 0;
    loop {
        let mut world = World::new();
        world.know(&app);
        if crash::at(points, || world.take(&app, &step)) {
            break;
        }
        world.reopen();
        world.assert_whole(&app);
        // And it can be tried again at once.
        world.take(&app, &step);
        world.assert_whole(&app);
        points += 1;
    }
    assert!(points >= 8, "only {points} points were tried");
}

#[test]
fn a_release_that_somebody_removed_by_hand_does_not_go_live() {
    let app: AppName = "blog".parse().unwrap();
    let mut world = World::new();
    let step = Step::Deploy {
        environment: 0,
        live: true,
    };
    world.take(&app, &step);
    world.take(&app, &step);
    let first = ReleaseId::new(1);
    file::remove_folder(&world.folders().release(&app, first)).unwrap();
    let error = world.store().switch(&app, first).unwrap_err();
    assert!(matches!(error, Error::ReleaseGone { .. }), "{error}");
    assert_eq!(
        world.live(&app),
        Some([Some(ReleaseId::new(2)), Some(first)])
    );
}
