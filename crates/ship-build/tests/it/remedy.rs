//! Code that the packages of today do not fit.

use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, SystemTime};

use ship_base::paths::Folders;
use ship_build::python;
use ship_project::plan::Interface;
use ship_project::web_server::WebServer;

use crate::bench::{Bench, machine};

/// The name went with version 2.1, of February 2022.
const CODE: &str = "from itsdangerous import JSONWebSignatureSerializer
def app(environ, start_response):
    return []
";

/// Noon of the first of June 2021, in seconds since 1970.
const THEN: u64 = 1_622_548_800;

fn bench() -> Bench {
    Bench::new(&[("main.py", CODE)])
        .requirements("itsdangerous\n")
        .serve("main:app", Interface::Wsgi)
}

fn age(bench: &Bench) {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(THEN);
    for file in fs::read_dir(bench.project()).unwrap() {
        let file = File::options().append(true).open(file.unwrap().path());
        file.unwrap().set_modified(then).unwrap();
    }
}

#[test]
fn code_that_today_s_packages_broke_gets_those_of_its_day() {
    let mut bench = bench();
    age(&bench);
    bench.build().unwrap();
    let told = "`main:app`: ImportError: cannot import name 'JSONWebSignatureSerializer'";
    assert!(bench.corrections()[0].contains(told), "{:?}", bench.events);
    assert!(bench.corrections()[0].contains("those of 2021-06-01"));
    let pins = fs::read_to_string(bench.release(1).join("pins.txt")).unwrap();
    assert!(pins.contains("itsdangerous==2.0.1"), "{pins}");

    // The next build keeps them, though the project is of today now.
    bench.write("README", "changed\n");
    bench.build().unwrap();
    let pins = fs::read_to_string(bench.release(2).join("pins.txt")).unwrap();
    assert!(pins.contains("itsdangerous==2.0.1"), "{pins}");
}

#[test]
fn code_of_today_is_told_what_is_wrong_with_it() {
    let mut bench = bench();
    let failure = bench.failure();
    assert!(failure.contains("cannot import name"), "{failure}");
    assert!(bench.corrections().is_empty());
}

#[test]
fn what_older_packages_do_not_mend_is_told_as_today_s_say_it() {
    let mut bench = Bench::new(&[("main.py", "import itsdangerous\nitsdangerous.nothing()\n")])
        .requirements("itsdangerous\n")
        .serve("main:app", Interface::Wsgi);
    age(&bench);
    let failure = bench.failure();
    assert!(failure.contains("AttributeError: nothing"), "{failure}");
    assert_eq!(bench.corrections().len(), 1);
}

#[test]
fn a_clone_is_as_old_as_its_last_commit() {
    let mut bench = bench();
    let project = bench.project();
    let git = |arguments: &[&str]| {
        let date = format!("{THEN} +0000");
        Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.com"])
            .args(arguments)
            .current_dir(&project)
            .env("GIT_COMMITTER_DATE", &date)
            .env("GIT_AUTHOR_DATE", &date)
            .output()
    };
    if git(&["init", "--quiet"]).is_err() {
        eprintln!("skipped: there is no `git` on this machine");
        return;
    }
    assert!(git(&["add", "."]).unwrap().status.success());
    assert!(git(&["commit", "-qm", "all"]).unwrap().status.success());
    bench.build().unwrap();
    assert!(bench.corrections()[0].contains("those of 2021-06-01"));
}

#[test]
fn what_every_environment_used_to_have_is_there_for_those_who_count_on_it() {
    let code = "import pkg_resources\ndef app(environ, start_response):\n    return []\n";
    let mut bench = Bench::new(&[("main.py", code)])
        .requirements("setuptools\n")
        .serve("main:app", Interface::Wsgi);
    bench.build().unwrap();
    let told = "`pkg_resources` is imported: the last setuptools that has it is taken";
    assert_eq!(bench.corrections(), [told]);
    // And is kept.
    bench.write("README", "changed\n");
    bench.build().unwrap();
    assert!(bench.corrections().is_empty());
}

#[test]
fn versions_that_were_chosen_years_ago_go_with_others_of_their_time() {
    // The name went from MarkupSafe with version 2.1, of February 2022.
    let code = "import itsdangerous\nfrom markupsafe import soft_unicode\n\
                def app(environ, start_response):\n    return []\n";
    let mut bench = Bench::new(&[("main.py", code)])
        .requirements("itsdangerous==2.0.1\nmarkupsafe\n")
        .serve("main:app", Interface::Wsgi);
    bench.build().unwrap();
    // 2.0.1 is of the middle of May 2021.
    let told = bench.corrections()[0];
    assert!(told.contains("those of 2021-06-"), "{told}");
}

#[test]
fn a_server_that_cannot_be_imported_is_found_before_it_is_started() {
    let code = "def app(environ, start_response):\n    return []\n";
    let mut bench = Bench::new(&[("main.py", code)])
        .requirements("gunicorn==20.1.0\nsetuptools==82.0.0\n")
        .serve_with("main:app", Interface::Wsgi, WebServer::Gunicorn);
    let failure = bench.failure();
    let said = "error: the web server cannot be started: ModuleNotFoundError: No module named 'pkg_resources'";
    assert!(failure.starts_with(said), "{failure}");
}

#[test]
fn a_python_that_still_has_what_is_missing_is_taken_where_the_choice_is_ours() {
    let code = "import asyncore\ndef app(environ, start_response):\n    return []\n";
    let mut bench = Bench::new(&[("main.py", code)]).serve("main:app", Interface::Wsgi);
    let home = tempfile::tempdir().unwrap();
    let here = python::discover(&machine(), &Folders::under(home.path().to_owned()));
    let (old, new): (Vec<_>, Vec<_>) = here
        .iter()
        .partition(|python| python.about.version.minor() <= (3, 11));
    if old.is_empty() || new.is_empty() {
        eprintln!("skipped: there is no Python on both sides of 3.12");
        return;
    }
    let built = bench.build().unwrap();
    assert_eq!(built.python.unwrap(), old[0].about.version.to_string());
    assert!(bench.corrections()[0].starts_with("Python 3.11 or older is taken"));

    // What the author says holds.
    let wanted = new[0].about.version.to_string();
    let mut bench = Bench::new(&[("main.py", code)])
        .python(&wanted)
        .serve("main:app", Interface::Wsgi);
    let failure = bench.failure();
    assert!(failure.contains("No module named 'asyncore'"), "{failure}");
}
