//! Wrong input and an unkind world, with messages worth reading.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use insta::assert_snapshot;
use ship_build::Error;
use ship_build::event::{Event, Phase};
use ship_project::plan::{AssetStep, Dependencies, Interface, Sourced};
use ship_project::web_server::WebServer;

use crate::bench::Bench;

const WSGI: &str = "def app(environ, start_response):\n    return []\n";

fn bench() -> Bench {
    Bench::new(&[("main.py", WSGI)])
        .requirements("gunicorn\n")
        .serve_with("main:app", Interface::Wsgi, WebServer::Gunicorn)
}

fn uv_lock(bench: &mut Bench) {
    let lock = Dependencies::UvLock {
        member: None,
        lock: "uv.lock".into(),
        packages: 1,
    };
    bench.plan.dependencies = Some(Sourced::by_default(lock, ""));
}

const PYPROJECT: &str = "[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.8\"\ndependencies = [\"gunicorn\"]\n";

#[test]
fn a_lock_that_does_not_fit_pyproject_is_refused_with_uv_s_words() {
    let mut bench = bench();
    bench.write("pyproject.toml", PYPROJECT);
    bench.write("uv.lock", "version = 1\nrevision = 3\nrequires-python = \">=3.8\"\n\n[[package]]\nname = \"shop\"\nversion = \"1\"\nsource = { virtual = \".\" }\n");
    uv_lock(&mut bench);
    assert_snapshot!(bench.failure(), @r#"
    error: `uv.lock` does not fit `pyproject.toml`
      | error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.
      | hint: To update the lockfile, run `uv lock`.
    hint: `uv lock` brings it up to date; then try again
    "#);
}

#[test]
fn a_requirement_that_does_not_exist_is_told_in_uv_s_words() {
    let mut bench = bench().requirements("no-such-package-of-shipsmith\n");
    let failure = bench.failure();
    assert!(
        failure.starts_with("error: cannot lock the packages: `uv` ended with exit code 1\n"),
        "{failure}"
    );
    assert!(
        failure.contains("no-such-package-of-shipsmith was not found"),
        "{failure}"
    );
    assert!(failure.contains("hint: "), "{failure}");
}

#[test]
fn an_unknown_python_names_those_that_are_here() {
    let mut bench = bench().python("3.99");
    // Nothing is fetched by a test: uv is told that there is nowhere to fetch from.
    bench.tools.insert(
        "UV_PYTHON_INSTALL_MIRROR".to_owned(),
        "file:///nowhere".to_owned().into(),
    );
    let failure = bench.failure();
    assert!(
        failure.starts_with("error: no Python fits `3.99`\n"),
        "{failure}"
    );
    assert!(failure.contains("hint: here are 3."), "{failure}");
}

#[test]
fn a_link_out_of_the_project_is_refused() {
    let mut bench = bench();
    std::os::unix::fs::symlink("/etc/passwd", bench.project().join("passwd")).unwrap();
    assert_snapshot!(bench.failure(), @r#"
    error: `passwd` is a link to `/etc/passwd`, outside of the project
    hint: put the file itself there, or leave the link out: `echo passwd >> .shipignore`
    "#);
}

#[test]
fn a_failing_build_command_shows_its_own_words() {
    let mut bench = bench();
    let command =
        ship_project::command::CommandLine::parse("echo 'no theme' >&2 && exit 4").unwrap();
    bench.plan.assets = vec![Sourced::by_default(AssetStep::Command { command }, "")];
    assert_snapshot!(bench.failure(), @r#"
    error: `echo 'no theme' >&2 && exit 4` ended with exit code 4
      | no theme
    "#);
}

#[test]
fn a_cancelled_build_ends_and_leaves_nothing_half_made() {
    for phase in [Phase::Source, Phase::Lock, Phase::Environment, Phase::Proof] {
        let mut bench = bench();
        let into = bench.next_release();
        fs::create_dir_all(&into).unwrap();
        let (project, app, cancel) = (bench.project(), bench.app(), bench.cancel.clone());
        let request = ship_build::Request {
            builder: None,
            folders: &bench.folders,
            app: &app,
            project: &project,
            into: &into,
            plan: bench.plan.clone(),
            settings: &bench.settings,
            tools: &bench.tools,
            previous: None,
            remedies: &[],
            cancel: &bench.cancel,
        };
        let built = ship_build::build(&request, &mut |event| {
            if event == Event::Begin(phase) {
                cancel.cancel();
            }
        });
        assert!(matches!(built, Err(Error::Cancelled)), "{phase:?}");
        bench.cancel = ship_build::Cancel::new();
        fs::remove_dir_all(&into).unwrap();
        bench.build().unwrap();
    }
}

#[test]
fn a_build_that_was_killed_can_be_started_again_at_once() {
    let mut bench = bench();
    let built = bench.build().unwrap();
    // What a `kill -9` leaves: half an environment under its temporary name, half a draft.
    let address = built.environment.unwrap();
    let made = bench.folders.environment(&address);
    let half = made.with_file_name(format!(".make-{}", address.short()));
    fs::rename(&made, &half).unwrap();
    fs::remove_file(half.join("pyvenv.cfg")).unwrap();
    fs::create_dir_all(bench.folders.byte_code().join(".tmp-1-1/x")).unwrap();
    let again = bench.build().unwrap();
    assert_eq!(again.environment, built.environment);
    assert!(made.join("pyvenv.cfg").is_file() && !half.exists());
}

#[test]
fn an_unreadable_file_is_named() {
    if is_root() {
        return;
    }
    let mut bench = bench();
    bench.write("secret", "x");
    let path = bench.project().join("secret");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let failure = bench.failure();
    assert!(
        failure.starts_with("error: cannot open `[home]/project/secret`\n"),
        "{failure}"
    );
}

#[test]
fn a_read_only_store_is_told_with_its_path() {
    let mut bench = bench();
    bench.write("main.py", WSGI);
    // A file in the way of a folder fails for root, too.
    let into = bench.next_release();
    fs::create_dir_all(&into).unwrap();
    fs::write(into.join("source"), "in the way").unwrap();
    let failure = bench.failure();
    assert!(
        failure.starts_with("error: cannot create `[home]/ship/apps/shop/releases/1/source`\n"),
        "{failure}"
    );
}

#[test]
fn a_full_disk_is_told_with_what_to_do() {
    // Every write to /dev/full answers "no space left".
    let error = ship_base::file::FileError {
        verb: "write",
        path: "/store/x".into(),
        source: fs::write("/dev/full", "x").unwrap_err(),
    };
    let hints = ship_base::hint::Hints::hints(&Error::from(error));
    assert!(hints[0].starts_with("the disk is full"), "{hints:?}");
}

fn is_root() -> bool {
    Path::new("/proc/self").metadata().is_ok_and(|me| {
        use std::os::unix::fs::MetadataExt as _;
        me.uid() == 0
    })
}
