//! Working copies and the data folder.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use ship_base::file;
use ship_base::lend::User;
use ship_build::{Moved, prepare_work};
use ship_project::plan::{DataPath, Sourced};

use crate::bench::Bench;

/// A release with `db.sqlite3` and `media/` as data, and its working copy's place.
struct Scene {
    bench: Bench,
    plan: ship_project::plan::Plan,
}

impl Scene {
    fn new(files: &[(&str, &str)]) -> Self {
        let mut bench = Bench::new(files);
        bench.plan.python = None;
        bench.plan.dependencies = None;
        bench.plan.data = [("db.sqlite3", false), ("media", true)]
            .map(|(path, folder)| {
                Sourced::by_default(
                    DataPath {
                        path: path.into(),
                        folder,
                    },
                    "",
                )
            })
            .into();
        let plan = bench.build().unwrap().plan;
        // As the store leaves a release.
        let source = bench.release(1).join("source");
        for entry in fs::read_dir(&source).unwrap() {
            fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o444)).unwrap();
        }
        Self { bench, plan }
    }

    fn work(&self) -> PathBuf {
        self.bench.project().with_file_name("work")
    }

    fn data(&self) -> PathBuf {
        self.bench.folders.app_data(&self.bench.app())
    }

    fn prepare(&self) -> Vec<Moved> {
        let _ = fs::remove_dir_all(self.work());
        let project = self.bench.project();
        let release = self.bench.release(1);
        prepare_work(
            &release,
            &self.work(),
            &self.data(),
            &self.plan,
            Some(&project),
            None,
        )
        .unwrap()
    }
}

#[test]
fn data_of_the_project_is_copied_once_and_then_left_alone() {
    let scene = Scene::new(&[("app.py", ""), ("db.sqlite3", "mine"), ("media/a.png", "a")]);
    let moved = scene.prepare();
    assert_eq!(moved.len(), 2);
    assert!(
        moved[0]
            .to_string()
            .starts_with("`db.sqlite3` now lives in the app's data folder")
    );
    fs::write(scene.work().join("db.sqlite3"), "served").unwrap();
    fs::write(scene.work().join("media/b.png"), "b").unwrap();

    assert!(scene.prepare().is_empty());
    assert_eq!(
        fs::read_to_string(scene.work().join("db.sqlite3")).unwrap(),
        "served"
    );
    assert!(scene.data().join("media/b.png").is_file());
    assert_eq!(
        fs::read_to_string(scene.bench.project().join("db.sqlite3")).unwrap(),
        "mine"
    );
}

#[test]
fn changes_that_a_database_keeps_beside_itself_come_along() {
    let scene = Scene::new(&[("db.sqlite3", "mine"), ("db.sqlite3-wal", "more")]);
    scene.prepare();
    assert_eq!(
        fs::read_to_string(scene.data().join("db.sqlite3-wal")).unwrap(),
        "more"
    );
}

#[test]
fn data_that_is_not_there_yet_is_made_in_the_data_folder() {
    let scene = Scene::new(&[("app.py", "")]);
    assert!(scene.prepare().is_empty());
    fs::write(scene.work().join("db.sqlite3"), "new").unwrap();
    fs::write(scene.work().join("media/x"), "new").unwrap();
    assert_eq!(
        fs::read_to_string(scene.data().join("db.sqlite3")).unwrap(),
        "new"
    );
    assert!(scene.data().join("media/x").is_file());
}

#[test]
fn a_working_copy_is_writable_and_leaves_the_release_as_it_is() {
    let scene = Scene::new(&[("app.py", "old")]);
    scene.prepare();
    fs::write(scene.work().join("app.py"), "new").unwrap();
    let kept = scene.bench.release(1).join("source/app.py");
    assert_eq!(fs::read_to_string(kept).unwrap(), "old");
}

/// The app's programs run while a release is prepared, and may put anything into their folder.
#[test]
fn what_is_put_into_a_data_folder_is_put_there_by_its_owner() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let scene = Scene::new(&[("app.py", ""), ("db.sqlite3", "seed"), ("media/a.png", "a")]);
    let owner = User {
        uid: 99_980,
        gid: 99_980,
    };
    let outside = scene.bench.project().join("../outside");
    fs::create_dir_all(&outside).unwrap();
    let data = scene.data();
    fs::create_dir_all(&data).unwrap();
    for folder in data
        .ancestors()
        .take_while(|folder| folder.starts_with(scene.bench.folders.data()))
    {
        file::set_mode(folder, 0o711).unwrap();
    }
    file::set_mode(scene.bench.folders.data().parent().unwrap(), 0o711).unwrap();
    file::give_tree(&data, owner.uid).unwrap();
    let prepare = |plan| {
        let _ = fs::remove_dir_all(scene.work());
        let (release, project) = (scene.bench.release(1), scene.bench.project());
        prepare_work(
            &release,
            &scene.work(),
            &data,
            plan,
            Some(&project),
            Some(owner),
        )
    };
    assert_eq!(prepare(&scene.plan).unwrap().len(), 2);
    for path in ["db.sqlite3", "media/a.png"] {
        assert_eq!(
            data.join(path).metadata().unwrap().uid(),
            owner.uid,
            "{path}"
        );
    }
    assert_eq!(prepare(&scene.plan).unwrap(), []);

    std::os::unix::fs::symlink(&outside, data.join("var")).unwrap();
    let mut plan = scene.plan.clone();
    let below_a_link = DataPath {
        path: "var/uploads".into(),
        folder: true,
    };
    plan.data.push(Sourced::by_default(below_a_link, ""));
    prepare(&plan).unwrap_err();
    assert!(file::entries(&outside).unwrap().is_empty());
}
