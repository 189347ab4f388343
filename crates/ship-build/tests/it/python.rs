//! Pythons of this machine.

use ship_base::paths::Folders;
use ship_build::python;

use crate::bench::{Bench, machine};

#[test]
fn pythons_here_are_found_each_once_and_newest_first() {
    let home = tempfile::tempdir().unwrap();
    let folders = Folders::under(home.path().to_owned());
    folders.create().unwrap();
    let here = python::discover(&machine(), &folders);
    assert!(!here.is_empty(), "the tests need a Python");
    for pair in here.windows(2) {
        assert_ne!(pair[0].path, pair[1].path);
    }
    assert!(
        here.iter()
            .all(|python| python.about.version.minor() >= (3, 8))
    );
    assert_eq!(
        python::discover(&machine(), &folders),
        here,
        "from what is known"
    );
}

#[test]
fn a_patch_release_that_cannot_be_had_gives_way_to_a_later_one() {
    let home = tempfile::tempdir().unwrap();
    let here = python::discover(&machine(), &Folders::under(home.path().to_owned()));
    let (major, minor) = here[0].about.version.minor();
    let first = format!("{major}.{minor}.0");
    let same = |python: &&python::Interpreter| python.about.version.minor() == (major, minor);
    let versions: Vec<_> = here
        .iter()
        .filter(same)
        .map(|found| found.about.version.to_string())
        .collect();
    let mut bench = Bench::new(&[]).python(&first);
    // Nothing is fetched by a test: uv is told that there is nowhere to fetch from.
    bench.tools.insert(
        "UV_PYTHON_INSTALL_MIRROR".to_owned(),
        "file:///nowhere".to_owned().into(),
    );
    let built = bench.build().unwrap();
    assert!(versions.contains(&built.python.unwrap()));
    assert_eq!(
        bench.corrections().len(),
        usize::from(!versions.contains(&first))
    );
}

#[test]
fn packages_without_a_wheel_for_the_newest_python_choose_an_older_one() {
    // Its last wheels are for Python 3.11.
    let mut bench = Bench::new(&[]).requirements("greenlet==2.0.2\n");
    let home = tempfile::tempdir().unwrap();
    let here = python::discover(&machine(), &Folders::under(home.path().to_owned()));
    let has = |minor| {
        here.iter()
            .any(|found| found.about.version.minor() == (3, minor))
    };
    if !has(11) || !(has(12) || has(13)) {
        return;
    }
    let built = bench.build().unwrap();
    assert!(built.python.unwrap().starts_with("3.11."));
    assert!(bench.corrections()[0].contains("`greenlet` has no wheel"));
}

#[test]
fn an_app_keeps_its_python_when_a_newer_one_appears() {
    let home = tempfile::tempdir().unwrap();
    let here = python::discover(&machine(), &Folders::under(home.path().to_owned()));
    let (Some(newest), Some(oldest)) = (here.first(), here.last()) else {
        return;
    };
    let mut bench = Bench::new(&[]).python(&oldest.about.version.to_string());
    assert_eq!(
        bench.build().unwrap().python,
        Some(oldest.about.version.to_string())
    );
    let mut bench = bench.python("");
    assert_eq!(
        bench.build().unwrap().python,
        Some(oldest.about.version.to_string())
    );
    let mut fresh = Bench::new(&[]);
    assert_eq!(
        fresh.build().unwrap().python,
        Some(newest.about.version.to_string())
    );
}
